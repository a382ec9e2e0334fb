/**
 * A host that catches up with the log at `DATABASE_URL`, and then prints its peak memory in bytes.
 *
 * It samples its memory every 20 ms: the peak that the system reports may belong to the process
 * that started this one.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"

const program = Effect.gen(function* () {
  const head = yield* (yield* EventStore).head
  let peak = 0
  const look = Effect.sync(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  })
  yield* Effect.forkChild(Effect.repeat(look, Schedule.spaced("20 millis")))
  yield* (yield* Projections).waitFor(orderSummary.name, head, "10 minutes")
  yield* look
  process.stdout.write(String(peak))
})

const layer = Projections.layer({ async: [orderSummary] }).pipe(
  Layer.provideMerge(Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
  Layer.provide(ReadModelMigrations.layer),
  Layer.provide(Postgres.layer)
)

void Effect.runPromise(Effect.provide(program, layer))
