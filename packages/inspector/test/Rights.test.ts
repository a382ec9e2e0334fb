import {
  Actor,
  Authentication,
  Authenticator,
  type Caller,
  type Permission
} from "@daybook/http/Authenticator"
import * as Inspector from "@daybook/inspector/Inspector"
import { InspectorApi } from "@daybook/inspector/InspectorApi"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { memory, options, ORIGIN, placeOrder, serve, upToDate } from "./inspected.ts"

/** The secret of a caller is its permissions, in this test alone. */
const callers = Layer.succeed(Authenticator, {
  authenticate: ({ secret }) => {
    const [name = "", ...permissions] = Redacted.value(secret).split(" ")
    const caller: Caller = {
      actor: Actor.make(name),
      permissions: new Set(permissions as ReadonlyArray<Permission>)
    }
    return Effect.succeed(name === "nobody" ? Option.none() : Option.some(caller))
  }
})

const shop = Effect.gen(function* () {
  const built = Layer.succeedContext(yield* Effect.orDie(Layer.build(memory)))
  const messages: Array<string> = []
  const logger = Logger.make(({ message }) => {
    messages.push(JSON.stringify(message))
  })
  const { http, send } = yield* serve(
    Inspector.layer(options).pipe(
      Layer.provide(Authentication.layer),
      Layer.provide(callers),
      Layer.provide(Logger.layer([logger]))
    ),
    built
  )
  yield* Effect.provide(Effect.andThen(placeOrder("ada"), upToDate("order_summary")), built)
  const as = (secret: string) =>
    HttpApiClient.make(InspectorApi, {
      baseUrl: `${ORIGIN}/inspector`,
      transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(secret))
    }).pipe(Effect.provide(http))
  return { as, send, messages }
})

const params = { streamId: StreamId.StreamId.make("order-ada") }
const summary = { model: "order_summary" }
const key = '["ada"]'

describe("the rights of a caller", () => {
  it.effect("keep everyone out without the permission to inspect", () =>
    Effect.gen(function* () {
      const { as, send } = yield* shop
      const withLog = yield* as("Tom log read operate")
      const error = yield* Effect.flip(withLog.about.about())
      assert.strictEqual(error._tag, "Forbidden")
      assert.strictEqual((yield* send("/inspector/api/about")).status, 401)
      assert.strictEqual((yield* send("/inspector/api/streams")).status, 401)
      assert.strictEqual((yield* send("/inspector/api/log/live")).status, 401)
      const nobody = yield* as("nobody inspect")
      assert.strictEqual((yield* Effect.flip(nobody.about.about()))._tag, "Unauthenticated")
      // The page itself has no data.
      assert.strictEqual((yield* send("/inspector")).status, 200)
    })
  )

  it.effect("S60: withhold every value, and no name, from a caller who may only inspect", () =>
    Effect.gen(function* () {
      const { as } = yield* shop
      const client = yield* as("Ines inspect")
      const answers = yield* Effect.all([
        client.streams.find({ query: {} }),
        client.streams.head({ params, query: {} }),
        client.streams.events({ params, query: { data: true } }),
        client.streams.event({ params: { ...params, revision: Revision.make(2) }, query: {} }),
        client.streams.state({ params, query: {} }),
        client.streams.states({ params, query: {} }),
        client.log.page({ query: { data: true } }),
        client.readModels.rows({ params: summary, query: {} }),
        client.readModels.explain({ params: summary, query: { key } }),
        client.operation.status({ query: {} })
      ])
      for (const answer of answers) {
        const text = JSON.stringify(answer, (_, value: unknown) =>
          typeof value === "bigint" ? String(value) : value
        )
        assert.isTrue(answer.withheld, text)
        // Values of the events, states and rows: a product, a customer's currency, a reason.
        for (const value of ["Lantern", "t-light", "GBP", "cracked"]) assert.notInclude(text, value)
      }
      assert.strictEqual(answers[2].events[1]?.type, "ItemAdded")
      assert.isAbove(answers[2].events[1]?.bytes ?? 0, 10)
      assert.strictEqual(answers[8].verdict, "equal")
      assert.includeMembers([...(answers[8].steps[1]?.changed ?? [])], ["itemCount"])
      const where = yield* Effect.flip(
        client.readModels.rows({ params: summary, query: { where: ["currency:GBP"] } })
      )
      assert.strictEqual(where._tag, "NotPossible")
      const order = yield* Effect.flip(
        client.readModels.rows({ params: summary, query: { by: "totalMinor" } })
      )
      assert.strictEqual(order._tag, "NotPossible")
    })
  )

  it.effect("S60: let the same caller ask for a value, which the host records", () =>
    Effect.gen(function* () {
      const { as, messages } = yield* shop
      const client = yield* as("Ines inspect")
      const event = { params: { ...params, revision: Revision.make(2) }, query: { show: true } }
      const shown = yield* client.streams.event(event)
      assert.isFalse(shown.withheld)
      assert.propertyVal(shown.line.data, "productId", "lantern")
      const recorded = messages.filter((message) => message.includes("showed values"))
      assert.lengthOf(recorded, 1)
    })
  )

  it.effect(
    "S60: record the asking of a caller who sees states, since their issues may quote events",
    () =>
      Effect.gen(function* () {
        const { as, messages } = yield* shop
        const rosa = yield* as("Rosa inspect read")
        yield* rosa.streams.states({ params, query: {} })
        yield* rosa.streams.states({ params, query: { show: true } })
        const recorded = messages.filter((message) => message.includes("showed values"))
        assert.lengthOf(recorded, 1)
      })
  )

  it.effect("show events to `log` and states and rows to `read`, with no record of it", () =>
    Effect.gen(function* () {
      const { as, messages } = yield* shop
      const log = yield* as("Lea inspect log")
      const read = yield* as("Rosa inspect read")
      const events = { params, query: { data: true } }
      assert.isDefined((yield* log.streams.events(events)).events[1]?.data)
      assert.isUndefined((yield* log.streams.events(events)).events[1]?.figure)
      assert.isUndefined((yield* log.streams.state({ params, query: {} })).state)
      assert.isUndefined((yield* read.streams.events(events)).events[1]?.data)
      assert.strictEqual((yield* read.streams.events(events)).events[1]?.figure, "4")
      assert.isDefined((yield* read.streams.state({ params, query: {} })).state)
      const rows = { params: summary, query: { where: ["status:confirmed"] } }
      assert.isDefined((yield* read.readModels.rows(rows)).rows[0]?.row)
      assert.lengthOf(
        messages.filter((message) => message.includes("showed values")),
        0
      )
    })
  )

  it.effect("S60: withhold the rows of a table that was folded for a caller who sees them", () =>
    Effect.gen(function* () {
      const { as } = yield* shop
      const [rosa, ines] = [yield* as("Rosa inspect read"), yield* as("Ines inspect")]
      const { head } = yield* rosa.about.about()
      const asOf = { params: summary, query: { position: head } }
      assert.isDefined((yield* rosa.readModels.rows(asOf)).rows[0]?.row)
      const withheld = yield* ines.readModels.rows(asOf)
      assert.isTrue(withheld.withheld)
      assert.deepStrictEqual(withheld.rows, [{ key }])
    })
  )

  it.effect("S60: let only `operate` act, and record its name", () =>
    Effect.gen(function* () {
      const { as } = yield* shop
      const ines = yield* as("Ines inspect log read")
      const model = { model: "order_summary" }
      const acts = yield* Effect.all([
        Effect.flip(ines.operation.pause({ params: model, payload: {} })),
        Effect.flip(ines.operation.resume({ params: model, payload: {} })),
        Effect.flip(ines.operation.rebuild({ params: model, payload: {} })),
        Effect.flip(ines.operation.drop({ params: model, payload: { generation: 1 } }))
      ])
      for (const { _tag } of acts) assert.strictEqual(_tag, "Forbidden")
      const tom = yield* as("Tom inspect operate")
      yield* tom.operation.pause({ params: model, payload: { reason: "a look" } })
      const [act] = yield* ines.operation.acts({ params: model })
      assert.deepStrictEqual(act?.actor, Option.some("Tom"))
      const about = yield* tom.about.about()
      assert.deepStrictEqual(about.permissions.toSorted(), ["inspect", "operate"])
      assert.isFalse(about.showsEvents)
    })
  )
})
