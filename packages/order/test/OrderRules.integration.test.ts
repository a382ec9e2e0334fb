import * as Order from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Specification from "@daybook/testing/Specification"
import { describe } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { rules } from "./OrderRules.ts"

const handler = CommandHandler.layer.pipe(
  Layer.provideMerge(EventStorePostgres.layer),
  Layer.provide(PostgresMigrations.layer)
)

describe("on a server", () => {
  LawSuite.suite(
    rules.name,
    Specification.lawsOnStore(Order.aggregate, rules),
    handler.pipe(
      Layer.provide(PostgresServer.layerClient()),
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
})

describe("embedded", () => {
  LawSuite.suite(
    rules.name,
    Specification.lawsOnStore(Order.aggregate, rules),
    handler.pipe(Layer.provide(EmbeddedPostgres.layer()))
  )
})
