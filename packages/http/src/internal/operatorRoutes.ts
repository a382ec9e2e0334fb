/**
 * The routes of balancers and operators, which ask all the time: they are neither traced nor
 * counted among the requests of clients.
 */
export const LIVE = "/health/live"
export const READY = "/health/ready"
export const METRICS = "/metrics"

export const OPERATOR_ROUTES: ReadonlyArray<string> = [LIVE, READY, METRICS]
