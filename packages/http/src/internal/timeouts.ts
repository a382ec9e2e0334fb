/**
 * The milliseconds within which the header and the whole of a request have to arrive. Node looks
 * for late requests once in an interval, by itself of 30 seconds.
 */
export const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000
}
