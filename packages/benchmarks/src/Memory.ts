/**
 * How much memory a host takes at its peak that catches up with a log: it must not grow with the log.
 */
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import { fileURLToPath } from "node:url"
import { fill } from "./ReadModels.ts"

/** Events in the log, and the memory of the process in MiB, its runtime included. */
interface Peak {
  readonly events: number
  readonly peakMiB: number
}

/** By which `--only` finds it. */
export const name = "read models: peak memory"

/** How many events the logs have. */
const LOGS = [300_000, 1_200_000]

/** A process of its own catches up with each of the logs. */
export const measure = Effect.forEach(
  LOGS,
  Effect.fnUntraced(function* (events) {
    const url = yield* PostgresServer.freshDatabase
    const log = EventStorePostgres.layer.pipe(
      Layer.provide(PostgresMigrations.layer),
      Layer.provide(PgClient.layer({ url }))
    )
    yield* Effect.flatMap(EventStore, (store) => fill(store, events)).pipe(
      Effect.provide(Layer.fresh(log))
    )
    const spawner = yield* ChildProcessSpawner
    const told = yield* spawner.string(
      ChildProcess.make(
        process.execPath,
        [fileURLToPath(new URL("catchUpOnce.ts", import.meta.url))],
        { env: { DATABASE_URL: Redacted.value(url) }, stderr: "inherit" }
      )
    )
    const peak: Peak = { events, peakMiB: Number(told) / 1_024 }
    return peak
  }, Effect.scoped)
).pipe(Effect.provide(PostgresServer.PostgresServer.layer))
