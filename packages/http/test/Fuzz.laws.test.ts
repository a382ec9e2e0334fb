import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as OrderSummary from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Arbitrary from "effect/Arbitrary"
import * as HttpApi from "effect/http-api/HttpApi"
import { Away, book, Command } from "./library.ts"
import { type Generated, requestOf, requestsOf } from "./requests.ts"
import { memory, serve, type Served } from "./serve.ts"
import { parts, shop } from "./shop.ts"

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ inline: [OrderSummary.projection] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

/** Every answer is one that the host means: no fault of its own, and each refusal a problem. */
const isMeant = (served: Served, statuses: Set<number>) => (generated: Generated) =>
  Effect.promise(async () => {
    const answer = await served.fetch(requestOf(generated))
    await answer.body?.cancel()
    // Requests in the process never leave the microtasks: the runner needs its turn.
    await new Promise(setImmediate)
    statuses.add(answer.status)
    const isProblem = answer.headers.get("content-type") === "application/problem+json"
    return (
      (answer.status < 500 || answer.status === 503) &&
      (answer.status < 400 || isProblem) &&
      !answer.headers.has("set-cookie")
    )
  })

describe("a request that is generated from the schemas of its endpoint", () => {
  for (const [name, requests] of requestsOf(shop, { id: "1", model: "order_summary" })) {
    it.effect(`S35: has a meant answer: ${name}`, () =>
      Effect.gen(function* () {
        const served = yield* serve(Host.layer(shop, parts).pipe(Layer.provide(stores)))
        yield* served.send("POST", "/orders/1/commands", {
          json: { _tag: "CreateOrder", customerId: "ada", currency: "GBP" }
        })
        const statuses = new Set<number>()
        const meant = isMeant(served, statuses)
        const result = yield* Arbitrary.checkEffect(requests, meant, { runs: 150 })
        assert.isUndefined(Arbitrary.formatCheckFailure(result))
        // Some requests get past the decoders.
        assert.isTrue(
          [...statuses].some((status) => ![400, 404].includes(status)),
          name
        )
      })
    )
  }

  it.effect("finds a host that has a fault", () =>
    Effect.gen(function* () {
      const faulty = AggregateApi.make(
        {
          ...book,
          decider: {
            ...book.decider,
            decide: (command: typeof Command.Type, state: string | null) => {
              if (command._tag === "Return") throw new Error("a fault")
              return book.decider.decide(command, state)
            }
          }
        },
        { name: "books", command: Command, rejection: Away }
      )
      const api = HttpApi.make("library").add(faulty.group)
      const served = yield* serve(Host.layer(api, [faulty]).pipe(Layer.provide(memory)))
      const execute = requestsOf(api, { id: "1" })[0]
      assert.strictEqual(execute?.[0], "books.execute")
      if (execute === undefined) return
      const result = yield* Arbitrary.checkEffect(execute[1], isMeant(served, new Set()), {
        runs: 150
      })
      assert.strictEqual(result._tag, "Falsified")
    })
  )
})
