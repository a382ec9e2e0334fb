/**
 * Observes the requests of a host: their number and duration, and the id under which a caller looks
 * for them in logs and traces.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Metric from "effect/Metric"
import { OPERATOR_ROUTES } from "./operatorRoutes.ts"
import { isLabel } from "./requestHeaders.ts"

const requestSeconds = Metric.histogram("daybook_http_request_seconds", {
  description:
    "Seconds from a request to the beginning of its answer, by method, route and status: 2xx to 5xx, or aborted",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

/** The metric of each set of attributes: its key costs more to build than an update. */
const known = new Map<string, Metric.Histogram<number>>()

const secondsOf = (method: string, route: string, status: string): Metric.Histogram<number> => {
  const key = `${method} ${route} ${status}`
  let metric = known.get(key)
  if (metric === undefined) {
    metric = Metric.withAttributes(requestSeconds, { method, route, status })
    known.set(key, metric)
  }
  return metric
}

/**
 * Observes the requests that a router answers. The attributes are few, whatever clients send: the
 * path is that of the route, and requests without a route are counted together.
 */
export const observed = <E, R>(
  httpEffect: Effect.Effect<HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse, E, R | HttpServerRequest> =>
  Effect.withFiber((fiber) => {
    const request = Context.getUnsafe(fiber.context, HttpServerRequest)
    const clock = Context.get(fiber.context, Clock.Clock)
    const begun = clock.currentTimeNanosUnsafe()
    const answered = Effect.onExit(httpEffect, (exit) => {
      const { context } = fiber
      // The router leaves it there.
      const route = Context.getOrUndefined(context, HttpRouter.RouteContext)?.route.path
      // An unready host would look like one that fails.
      if (route !== undefined && OPERATOR_ROUTES.includes(route)) return Effect.void
      const [method, path] = route === undefined ? ["any", "none"] : [request.method, route]
      const status = Exit.isSuccess(exit) ? exit.value.status : undefined
      const seconds = Number(clock.currentTimeNanosUnsafe() - begun) / 1e9
      secondsOf(method, path, classOf(status)).updateUnsafe(seconds, context)
      return Effect.logDebug("Answered a request", { method, route: path, status, seconds })
    })
    const correlationId = request.headers["x-correlation-id"]
    return correlationId === undefined || !isLabel(correlationId)
      ? answered
      : Effect.annotateCurrentSpan("daybook.correlation_id", correlationId).pipe(
          Effect.andThen(answered),
          Effect.annotateLogs({ correlationId })
        )
  })

const classOf = (status: number | undefined): string =>
  status === undefined ? "aborted" : `${Math.floor(status / 100)}xx`
