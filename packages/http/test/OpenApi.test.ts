import * as AggregateApi from "@daybook/http/AggregateApi"
import { Authentication } from "@daybook/http/Authenticator"
import * as LogApi from "@daybook/http/LogApi"
import * as OperationsApi from "@daybook/http/OperationsApi"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderSummary from "@daybook/order/OrderSummary"
import { assert, it } from "@effect/vitest"
import { createConfig, lintFromString } from "@redocly/openapi-core"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as OpenApi from "effect/http-api/OpenApi"

const orders = AggregateApi.make(aggregate, {
  name: "orders",
  command: OrderCommand,
  rejection: OrderRejection
})
const each = AggregateApi.makeEach(aggregate, {
  name: "each",
  command: OrderCommand,
  rejection: OrderRejection
})
const summaries = ReadModelApi.make(OrderSummary.projection, {
  name: "summaries",
  where: ["status", "customerId", "updatedAt"],
  orderBy: ["updatedAt"]
})
const api = HttpApi.make("shop")
  .add(
    orders.group,
    each.group,
    summaries.group,
    LogApi.make({ name: "log" }).group,
    OperationsApi.make({ name: "read-models" }).group
  )
  .middleware(Authentication)
  .annotateMerge(
    OpenApi.annotations({
      title: "The shop",
      servers: [{ url: "/" }],
      license: { name: "MIT", url: "https://opensource.org/license/mit" }
    })
  )

it.effect("describes itself in OpenAPI 3.1 without a fault that the linter finds", () =>
  Effect.gen(function* () {
    const document = OpenApi.fromApi(api)
    assert.strictEqual(document.openapi, "3.1.0")
    const problems = yield* Effect.promise(async () =>
      lintFromString({
        source: JSON.stringify(document),
        absoluteRef: "openapi.json",
        config: await createConfig({ extends: ["recommended"] })
      })
    )
    assert.deepStrictEqual(
      problems.map(({ location, message, ruleId }) => [ruleId, message, location[0]?.pointer]),
      []
    )
  })
)
