/**
 * Logs that are restored to their first event while they are in use.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { Restore } from "./repeatedAfterRestoreCases.ts"

export const memory = Layer.effectContext(
  Effect.gen(function* () {
    let restore: EventStoreMemory.Restore | undefined
    const events = yield* Effect.provideService(
      EventStoreMemory.make,
      EventStoreMemory.OnBuilt,
      (given) => {
        restore = given
      }
    )
    const run = Effect.suspend(() => restore?.(Position.make(1n)) ?? Effect.die("no log was built"))
    return Layer.mergeAll(
      Layer.succeed(EventStore, events),
      Layer.succeed(Restore, Effect.asVoid(run)),
      SnapshotStoreMemory.layer
    )
  }).pipe(Effect.flatMap(Layer.build))
)

/** As an operator restores it who is a superuser of the server. */
export const inPostgres = Layer.effect(
  Restore,
  Effect.map(SqlClient, (sql) =>
    sql.withTransaction(
      Effect.gen(function* () {
        yield* sql`ALTER TABLE daybook.events DISABLE TRIGGER append_only`
        yield* sql`DELETE FROM daybook.events
          WHERE position > (SELECT min(position) FROM daybook.events)`
        yield* sql`ALTER TABLE daybook.events ENABLE ALWAYS TRIGGER append_only`
        yield* sql`SELECT setval('daybook.append_number', (
          SELECT (max(position) - 1) / 1024 + 1 FROM daybook.events))`
      })
    )
  )
)
