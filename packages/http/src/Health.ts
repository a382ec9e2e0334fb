/**
 * Tells balancers and orchestrators that a host lives, and whether it is ready for requests.
 *
 * | Endpoint            |                                                            |
 * | ------------------- | ---------------------------------------------------------- |
 * | `GET /health/live`  | 200 while the process answers                              |
 * | `GET /health/ready` | 200 if every check passes; 503 otherwise, and while it closes |
 *
 * Neither asks for a credential. A stranger learns the names of the checks, their outcomes and
 * their facts; the cause of a failure is in the log of the host alone. Requests that come together
 * share one look, whose answer serves for a second, so that they are no way to load a database.
 *
 * @since 0.1.0
 */
import { Projections } from "@daybook/projections/Projections"
import { EventStore } from "@daybook/store/EventStore"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServers from "@daybook/store/PostgresServers"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import { Closing } from "./internal/closing.ts"
import { boundedLook } from "./internal/boundedLook.ts"
import { LIVE, READY } from "./internal/operatorRoutes.ts"
import * as ReadModelHealth from "./internal/readModelHealth.ts"

/**
 * Facts of a check, which every stranger may read.
 *
 * @category types
 * @since 0.1.0
 */
export type Facts = Readonly<Record<string, string | number | boolean>>

/**
 * The outcome of a look.
 *
 * @category types
 * @since 0.1.0
 */
export interface Finding {
  readonly passes: boolean
  readonly facts?: Facts
}

/**
 * A named look at something that a host needs in order to serve.
 *
 * @category types
 * @since 0.1.0
 */
export interface Check<out R = never> {
  /** The name in the answer, which every stranger may read. */
  readonly name: string
  /** An error or a defect fails the check, and is logged once until it passes again. */
  readonly look: Effect.Effect<Finding, unknown, R>
  /** The longest wait for the look; 2 seconds when absent. */
  readonly timeout?: Duration.Input
}

/**
 * Makes a check that passes if an effect succeeds.
 *
 * **Example**
 *
 * ```ts
 * import * as Health from "@daybook/http/Health"
 * import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
 *
 * export const readModelMigrations = Health.succeeds(
 *   "read-model-migrations",
 *   ReadModelMigrations.check
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const succeeds = <R>(
  name: string,
  effect: Effect.Effect<unknown, unknown, R>
): Check<R> => ({ name, look: Effect.as(effect, { passes: true }) })

/**
 * Passes if the log answers.
 *
 * @category checks
 * @since 0.1.0
 */
export const store: Check<EventStore> = succeeds(
  "store",
  EventStore.use(({ checkpoint }) => checkpoint)
)

/**
 * Passes if the log in PostgreSQL has the tables and functions that this code needs, and its server
 * is no standby; see `PostgresMigrations.check`.
 *
 * @category checks
 * @since 0.1.0
 */
export const migrations: Check<SqlClient> = succeeds("migrations", PostgresMigrations.check)

/**
 * Passes if the primary that the host follows answers, and for a client that follows none.
 *
 * **Details**
 * Facts: the `timeline` of the primary, and the `failovers` that the host has seen. Addresses are
 * in `PostgresServers.status`.
 *
 * @category checks
 * @since 0.1.0
 */
export const primary: Check<SqlClient> = {
  name: "primary",
  look: Effect.map(PostgresServers.status, (status) =>
    Option.match(status, {
      onNone: () => ({ passes: true }),
      onSome: ({ failovers, primary: found, servers, timeline }) => ({
        passes: servers.some(
          ({ server, state }) => state === "primary" && Option.contains(found, server)
        ),
        facts: { failovers, ...(Option.isSome(timeline) && { timeline: timeline.value }) }
      })
    })
  )
}

/**
 * Passes if no read model lags too far.
 *
 * **Details**
 * Facts: the numbers of read models that are `behind` and `stopped`, and `lagSeconds`, the longest
 * lag. A read model that an operator has paused counts as neither, and one that an event has
 * stopped is not behind: it waits for an operator, whose way to it may lead through the balancer.
 * All hosts see the same read models, so all of them become unready together, for commands too:
 * leave the check out, or choose a lag at which no answer is better than an old one.
 *
 * @category checks
 * @since 0.1.0
 */
export const readModels = (options: {
  /** The longest time that an event may wait for a read model. */
  readonly lag: Duration.Input
  /** The largest number of events that a read model may lack; any number when absent. */
  readonly lagEvents?: number
  /** Lets the check fail while an event has stopped a read model; false when absent. */
  readonly refuseStopped?: boolean
}): Check<Projections> => {
  const { lag, lagEvents = Infinity, refuseStopped = false } = options
  const limits = {
    lagMillis: Duration.toMillis(Duration.fromInputUnsafe(lag)),
    lagEvents,
    refuseStopped
  }
  return {
    name: "read-models",
    look: Projections.use(({ statuses }) =>
      Effect.map(statuses, (all) => ReadModelHealth.judge(all, limits))
    )
  }
}

/**
 * Serves `/health/live` and `/health/ready`: pass it to the `routes` of `NodeHost`.
 *
 * **Example**
 *
 * ```ts
 * import * as Health from "@daybook/http/Health"
 *
 * export const health = Health.layer({
 *   checks: [Health.store, Health.migrations, Health.readModels({ lag: "5 minutes" })]
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const Checks extends ReadonlyArray<Check<unknown>>>({
  checks
}: {
  readonly checks: Checks
}): Layer.Layer<never, never, HttpRouter.HttpRouter | Requirements<Checks>> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const closed = yield* Effect.forkScoped(yield* Closing)
      const all: ReadonlyArray<Check<unknown>> = checks
      const looks = yield* Effect.forEach(all, boundedLook)
      const look = yield* Effect.all(looks, { concurrency: "unbounded" }).pipe(
        // Probes would fill a store of traces.
        Effect.withTracerEnabled(false),
        Effect.cachedWithTTL("1 second")
      )
      yield* router.add("GET", LIVE, answer(200, { status: "live" }))
      yield* router.add(
        "GET",
        READY,
        Effect.suspend(() =>
          closed.pollUnsafe() === undefined
            ? // A look goes on for others although its caller leaves, and is as long as its timeout.
              Effect.map(Effect.uninterruptible(look), (found) => {
                const isReady = found.every(({ status }) => status === "pass")
                return isReady
                  ? answer(200, { status: "ready", checks: found })
                  : answer(503, { status: "unready", checks: found })
              })
            : Effect.succeed(answer(503, { status: "closing" }))
        )
      )
    })
    // The looks need what their checks say.
  ) as Layer.Layer<never, never, HttpRouter.HttpRouter | Requirements<Checks>>

type Requirements<Checks extends ReadonlyArray<Check<unknown>>> =
  Checks[number] extends Check<infer R> ? R : never

const answer = (status: number, body: object) =>
  HttpServerResponse.jsonUnsafe(body, { status, headers: { "cache-control": "no-store" } })
