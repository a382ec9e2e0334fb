/**
 * Makes the service of a driver; for authors of stores.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { EventStore } from "../EventStore.ts"
import * as Appending from "../internal/driver/appending.ts"
import { positionAsOf } from "../internal/driver/asOf.ts"
import { backlog } from "../internal/driver/backlog.ts"
import { failed } from "../internal/driver/failed.ts"
import * as Follow from "../internal/driver/follow.ts"
import * as Hooked from "../internal/driver/hooked.ts"
import * as Read from "../internal/driver/read.ts"
import { validInstant } from "../internal/driver/readOptions.ts"
import type { EventStoreDriver } from "./EventStoreDriver.ts"

/**
 * Makes the service of a driver.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E>(driver: EventStoreDriver<E>): EventStore["Service"] => {
  const { inTransaction = Effect.succeed(false), settled } = driver
  const service: EventStore["Service"] = {
    ...Appending.make(driver),
    ...Read.make(driver),
    ...Follow.make(driver),
    head: Effect.mapError(settled(), failed("head")).pipe(Effect.withSpan("EventStore.head")),
    positionAt: ({ recordedAt }) =>
      Effect.flatMap(Effect.fromResult(validInstant("recordedAt", recordedAt)), (instant) =>
        Effect.mapError(
          Effect.flatMap(settled(), (settled) => positionAsOf(driver, settled, instant)),
          failed("positionAt")
        )
      ).pipe(Effect.withSpan("EventStore.positionAt")),
    backlog: (options = {}) => backlog(driver, options).pipe(Effect.withSpan("EventStore.backlog")),
    inTransaction
  }
  Hooked.register(service, driver)
  return service
}
