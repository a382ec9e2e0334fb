import * as Order from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as SpecificationSuite from "@daybook/testing/SpecificationSuite"
import { describe } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { rules } from "./OrderRules.ts"

const handler = CommandHandler.layer.pipe(
  Layer.provideMerge(EventStorePostgres.layer),
  Layer.provide(PostgresMigrations.layer)
)

describe("on a server", () => {
  SpecificationSuite.suiteOnStore(
    Order.aggregate,
    rules,
    handler.pipe(
      Layer.provide(PostgresServer.layerClient()),
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
})

describe("embedded", () => {
  SpecificationSuite.suiteOnStore(
    Order.aggregate,
    rules,
    handler.pipe(Layer.provide(EmbeddedPostgres.layer()))
  )
})
