/** Orders over HTTP, on a host and a log that are in this process. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Authentication } from "@daybook/http/Authenticator"
import * as NodeHost from "@daybook/http/NodeHost"
import { Projections } from "@daybook/projections/Projections"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as CsvImport from "../src/CsvImport.ts"
import { Orders } from "../src/Orders.ts"
import * as ServedOrders from "../src/ServedOrders.ts"
import * as Shop from "../src/Shop.ts"
import * as Stores from "../src/Stores.ts"
import * as Tokens from "../src/Tokens.ts"
import { header, row, write } from "./files.ts"

const [ANNA, BERT] = ["kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA", "xP2dN8vC4mK7rT1wQ9zB6hJ3fL5gS0aY"]
const RIGHTS = "command,import,read,log"

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({})),
  Layer.provideMerge(Stores.layer({ _tag: "memory" }))
)

/** A shop with two hosts over one log, the second of which knows no callers; and the log itself. */
const shop = Effect.gen(function* () {
  const log = Layer.succeedContext(yield* Layer.build(stores))
  const tokens = yield* Effect.fromResult(
    Tokens.parse(Redacted.make(`anna ${RIGHTS} ${ANNA}\nbert ${RIGHTS} ${BERT}`))
  )
  const urlOf = <E>(host: Layer.Layer<HttpServer.HttpServer, E>) =>
    Effect.map(Layer.build(host), (context) =>
      HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
    )
  const known = yield* urlOf(
    NodeHost.layer(Shop.protectedApi, Shop.parts, { port: 0 }).pipe(
      Layer.provide(Authentication.layer),
      Layer.provide([Tokens.layer(tokens), log])
    )
  )
  const open = yield* urlOf(
    NodeHost.layer(Shop.api, Shop.parts, { port: 0 }).pipe(Layer.provide(log))
  )
  const served = (token: string) =>
    ServedOrders.layer({ url: known, token: Option.some(Redacted.make(token)) })
  return {
    served: served(ANNA),
    ways: {
      "the process": Orders.layer.pipe(Layer.provide(log)),
      "one caller": served(ANNA),
      "another caller": served(BERT),
      "a host without callers": ServedOrders.layer({ url: open, token: Option.none() })
    },
    recorded: Effect.provide(
      EventStore.use((store) => Stream.runCollect(store.readAll())),
      log
    )
  }
})

it.layer(NodeServices.layer, { excludeTestServices: true })("orders over HTTP", (it) => {
  describe("sends a command again", () => {
    const rows = ["P", "P", "Q"].map((product) => row({ product }))
    const imported = Effect.flatMap(write([header, ...rows].join("\n")), CsvImport.survey).pipe(
      Effect.flatMap((survey) => CsvImport.run(survey))
    )

    it.effect("that is not answered, or with a status that passes, and records it once", () =>
      Effect.gen(function* () {
        const { recorded, served } = yield* shop
        // The answers of a proxy, and connections that are lost before, after and in the answer.
        const faults = [429, 502, 503, 504, "before", "after", "within"] as const
        let sent = 0
        const failing: typeof fetch = async (input, init) => {
          const request = new Request(input, init)
          const fault = request.method === "POST" ? faults[sent++] : undefined
          if (typeof fault === "number") return new Response("", { status: fault })
          if (fault === "before") throw new TypeError("fetch failed")
          const response = await fetch(request)
          if (fault === "after") throw new TypeError("fetch failed")
          if (fault !== "within") return response
          const cut = new ReadableStream({
            start: (controller) => controller.error(new TypeError("terminated"))
          })
          return new Response(cut, response)
        }
        const { known, recorded: events } = yield* imported.pipe(
          Effect.provide(served),
          Effect.provideService(FetchHttpClient.Fetch, failing)
        )
        assert.isAbove(sent, faults.length)
        assert.strictEqual(known + events, 5)
        assert.deepStrictEqual(
          (yield* recorded).map(({ type }) => type),
          ["OrderCreated", "ItemAdded", "ItemAdded", "ItemAdded", "OrderConfirmed"]
        )
      })
    )
  })

  const WAYS = ["the process", "one caller", "another caller", "a host without callers"] as const
  describe("go on in the middle of an order", () => {
    for (const begun of WAYS) {
      for (const ended of WAYS) {
        it.effect(`by ${ended} with an import by ${begun}`, () =>
          Effect.gen(function* () {
            const { recorded, ways } = yield* shop
            // Three equal rows among four.
            const rows = ["P", "Q", "P", "P"].map((product) => row({ product }))
            const survey = (rows: ReadonlyArray<string>) =>
              Effect.flatMap(write([header, ...rows].join("\n")), CsvImport.survey)
            const whole = yield* survey(rows)
            // The first half of the file, as an import of all of it leaves the order: open.
            const half = { ...(yield* survey(rows.slice(0, 3))), orders: whole.orders }
            const first = yield* Effect.provide(CsvImport.run(half), ways[begun])
            assert.deepInclude(first, { recorded: 4, known: 0 })
            const second = yield* Effect.provide(CsvImport.run(whole), ways[ended])
            assert.deepInclude(second, { recorded: 2, known: 4 })
            assert.deepStrictEqual(
              (yield* recorded).map(({ type }) => type),
              ["OrderCreated", "ItemAdded", "ItemAdded", "ItemAdded", "ItemAdded", "OrderConfirmed"]
            )
          })
        )
      }
    }
  })
})
