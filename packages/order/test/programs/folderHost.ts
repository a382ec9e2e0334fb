/**
 * A host of orders on the embedded database in the folder that its argument names. It fills one
 * order until it is killed, and writes each acknowledged revision on a line.
 */
import { aggregate } from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const handler = yield* CommandHandler
  yield* handler.execute(aggregate, "1", {
    _tag: "CreateOrder",
    customerId: "ada",
    currency: "GBP"
  })
  const unitPrice = { currency: "GBP", minor: 250 }
  return yield* handler
    .execute(aggregate, "1", {
      _tag: "AddItem",
      productId: "tea",
      name: "Tea",
      quantity: 1,
      unitPrice
    })
    .pipe(
      Effect.tap(({ revision }) => Effect.sync(() => process.stdout.write(`${revision}\n`))),
      Effect.forever
    )
})

const layer = CommandHandler.layer.pipe(
  Layer.provide(EventStorePostgres.layer),
  Layer.provide(PostgresMigrations.layer),
  Layer.provide(EmbeddedPostgres.layer({ dataDir: process.argv[2] }))
)

void Effect.runPromise(Effect.provide(program, layer))
