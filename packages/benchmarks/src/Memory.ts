/**
 * How much memory a host takes at its peak that catches up with a log: it must not grow with the log.
 */
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { fileURLToPath } from "node:url"
import { fill } from "./ReadModels.ts"

/** Events in the log, options of V8, and the memory of the process in MiB, its runtime included. */
interface Peak {
  readonly events: number
  readonly flags: ReadonlyArray<string>
  readonly peakMiB: number
}

/** By which `--only` finds it. */
export const name = "read models: peak memory"

/** How many events the logs have. */
const LOGS = [300_000, 1_200_000]

/** V8 collects when it is convenient unless it is told what there is: MiB of a half of the new generation, and of the old. */
const HEAPS = [[], ["--max-semi-space-size=8", "--max-old-space-size=96"]]

/** A process of its own catches up with each of the logs, in each of the heaps. */
export const measure = Effect.forEach(
  LOGS,
  Effect.fnUntraced(function* (events) {
    const url = yield* PostgresServer.freshDatabase
    const log = EventStorePostgres.layer.pipe(
      Layer.provide(PostgresMigrations.layer),
      Layer.provideMerge(PgClient.layer({ url }))
    )
    return yield* Effect.gen(function* () {
      yield* fill(yield* EventStore, events)
      const sql = yield* SqlClient
      const schema = yield* ReadModelSchema
      return yield* Effect.forEach(HEAPS, (flags) =>
        Effect.andThen(
          sql`DROP SCHEMA IF EXISTS ${sql(schema)} CASCADE`.unprepared,
          peak(url, events, flags)
        )
      )
    }).pipe(Effect.provide(Layer.fresh(log)))
  }, Effect.scoped)
).pipe(Effect.map(Arr.flatten), Effect.provide(PostgresServer.PostgresServer.layer))

const peak = Effect.fnUntraced(function* (
  url: Redacted.Redacted,
  events: number,
  flags: ReadonlyArray<string>
) {
  const told = yield* (yield* ChildProcessSpawner).string(
    ChildProcess.make(
      process.execPath,
      [...flags, fileURLToPath(new URL("catchUpOnce.ts", import.meta.url))],
      { env: { DATABASE_URL: Redacted.value(url) }, stderr: "inherit" }
    )
  )
  const found: Peak = { events, flags, peakMiB: Number(told) / 1_024 ** 2 }
  return found
})
