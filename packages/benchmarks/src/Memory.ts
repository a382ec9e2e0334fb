/**
 * The peak memory of a host that catches up with a log, which must not grow with the log.
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

/** The peak memory of one catch-up. */
interface Peak {
  /** The number of events in the log. */
  readonly events: number
  /** Options of V8. */
  readonly flags: ReadonlyArray<string>
  /** The memory of the process, its runtime included. */
  readonly peakMiB: number
}

/** The name by which `--only` finds the measure. */
export const name = "read models: peak memory"

/** The numbers of events in the logs. */
const LOGS = [300_000, 1_200_000]

/**
 * Options of V8, in MiB: the size of half of the new generation, and of the old one. Without limits
 * V8 collects late.
 */
const HEAPS = [[], ["--max-semi-space-size=8", "--max-old-space-size=96"]]

/** Measures a separate process for each of the logs and each of the heaps. */
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
  const peakMiB = Number(told) / 1_024 ** 2
  // Otherwise a host that ran out of memory would look like the best one.
  if (!(peakMiB > 0)) return yield* Effect.die(new Error(`No catch-up with ${flags.join(" ")}`))
  const found: Peak = { events, flags, peakMiB }
  return found
})
