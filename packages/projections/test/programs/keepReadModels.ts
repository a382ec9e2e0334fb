/**
 * A host that maintains the read models of orders from the log at `DATABASE_URL`, until it is
 * killed. It prints a line when it holds one.
 */
import "effect/schema/SchemaJITCompiler/enable"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { projection as productDemand } from "@daybook/order/ProductDemand"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const projections = yield* Projections
  process.stdout.write("keeps\n")
  // Reads the status of every read model once a second, as a monitor would.
  yield* Effect.forever(Effect.andThen(projections.statuses, Effect.sleep("1 second")))
})

const layer = Projections.layer({ async: [orderSummary, productDemand] }).pipe(
  Layer.provide(Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
  Layer.provide(Postgres.layer)
)

void Effect.runPromise(
  program.pipe(
    Effect.provide(layer),
    Effect.provideService(RunnerSettings, {
      ...defaults,
      lease: process.argv[2] === undefined ? "1 second" : `${Number(process.argv[2])} millis`,
      pollInterval: "100 millis"
    })
  )
)
