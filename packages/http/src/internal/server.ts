/**
 * The server of Node, with limits on the connections of clients that are slow or many.
 */
import { createServer, type Server } from "node:http"

/**
 * The milliseconds within which the header and the whole of a request have to arrive. Node looks
 * for late requests once in an interval, by itself of 30 seconds.
 */
export const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000
}

/**
 * The milliseconds without a byte in either direction after which a connection is closed: without
 * it a client that stops reading its answer would keep it in memory for ever.
 */
const SILENCE_MILLIS = 60_000

/** Makes a server that does not listen yet. */
export const make = (maxConnections: number): Server =>
  Object.assign(createServer(TIMEOUTS), { timeout: SILENCE_MILLIS, maxConnections })
