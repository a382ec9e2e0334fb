import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as OperationsApi from "@daybook/http/OperationsApi"
import { Projections } from "@daybook/projections/Projections"
import type { Status } from "@daybook/projections/ProjectionStatus"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { Away, book, Command, readers } from "./library.ts"
import { ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const operations = OperationsApi.make({ name: "operations" })
const api = HttpApi.make("library").add(books.group, operations.group)

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: [readers] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

const params = { model: "readers" }

const library = Effect.gen(function* () {
  const served = yield* serve(Host.layer(api, [books, operations]).pipe(Layer.provide(stores)))
  const client = yield* HttpApiClient.make(api, { baseUrl: ORIGIN }).pipe(
    Effect.provide(served.client)
  )
  const lend = (id: string, to: string) =>
    Effect.map(
      client.books.execute({
        params: { id },
        headers: {},
        payload: Command.cases.Lend.make({ to })
      }),
      ({ body }) => body.position
    )
  /** Asks for the status until it is so, and lets the runner work between. */
  const until = (isSo: (status: Status) => boolean) =>
    Effect.promise(() => new Promise(setImmediate)).pipe(
      Effect.andThen(client.operations.status({ params })),
      Effect.repeat({ until: (now) => isSo(now) })
    )
  const status = (is: string) => until(({ state }) => state === is)
  return { ...served, client, lend, status, until }
})

describe("operations", () => {
  it.effect("tell the status of each read model", () =>
    Effect.gen(function* () {
      const { client, lend, status } = yield* library
      const position = yield* lend("1", "Ada")
      const reached = yield* status("up to date")
      assert.strictEqual(reached.position, position)
      const all = yield* client.operations.statuses()
      assert.deepStrictEqual(
        all.map(({ name }) => String(name)),
        ["readers"]
      )
      const unknown = yield* Effect.flip(client.operations.status({ params: { model: "writers" } }))
      assert.strictEqual(unknown._tag, "Unknown")
    })
  )

  it.effect("pause a read model, and let it go on", () =>
    Effect.gen(function* () {
      const { client, lend, status } = yield* library
      const paused = yield* client.operations.pause({ params, payload: { reason: "a fault" } })
      assert.strictEqual(paused.state, "paused")
      const position = yield* lend("1", "Ada")
      assert.notStrictEqual((yield* status("paused")).position, position)
      yield* client.operations.resume({ params, payload: {} })
      assert.strictEqual((yield* status("up to date")).position, position)
    })
  )

  it.effect("name the event that stopped a read model, and skip it", () =>
    Effect.gen(function* () {
      const { client, lend, status } = yield* library
      const poison = yield* lend("1", "Mallory")
      const last = yield* lend("2", "Ada")
      const stopped = yield* status("stopped")
      assert.strictEqual(Option.getOrThrow(stopped.poison).position, poison)
      const skip = { params, payload: { position: poison, reason: "no such reader" } }
      yield* client.operations.skip(skip)
      assert.strictEqual((yield* status("up to date")).position, last)
      const folded = yield* Effect.flip(
        client.operations.skip({ params, payload: { position: last, reason: "too late" } })
      )
      assert.strictEqual(folded._tag, "NotPossible")
      const acts = yield* client.operations.acts({ params })
      assert.deepStrictEqual(
        acts.map(({ act, reason }) => [act, Option.getOrNull(reason)]),
        [["skip", "no such reader"]]
      )
    })
  )

  it.effect("rebuild a read model beside its rows", () =>
    Effect.gen(function* () {
      const { client, lend, status, until } = yield* library
      yield* lend("1", "Ada")
      const { generation } = yield* status("up to date")
      const begun = yield* client.operations.rebuild({ params, payload: { reason: "a check" } })
      assert.isAbove(begun.generation, generation)
      const rebuilt = yield* until((now) => now.generation === begun.generation)
      assert.strictEqual(rebuilt.position, begun.target)
    })
  )
})
