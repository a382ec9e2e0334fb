import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as Cursor from "../src/internal/cursor.ts"
import { Away, book, Command, loans } from "./library.ts"
import { ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const rows = ReadModelApi.make(loans, {
  name: "loans",
  where: ["reader", "loans"],
  orderBy: ["loans", "lentAt"]
})
const byBook = ReadModelApi.make(loans, { name: "loans_by_book" })
const api = HttpApi.make("library").add(books.group, rows.group, byBook.group)

/** Rows with fields that are named as parameters of a page are. */
const limits = Projection.define({
  name: "limits",
  version: 1,
  from: [book],
  row: Schema.Struct({
    id: Schema.String,
    owner: Schema.NullOr(Schema.String),
    limit: Schema.Int,
    after: Schema.Int
  }),
  primaryKey: ["id"]
}).fold({
  keys: (_, { streamId }) => [{ id: StreamId.id(streamId) }],
  initial: () => undefined,
  apply: (_, event, { key }) => ({
    ...key,
    owner: event._tag === "Lent" ? event.to : null,
    limit: 7,
    after: 7
  })
})

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: [loans] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

const library = Effect.gen(function* () {
  const served = yield* serve(Host.layer(api, [books, rows, byBook]).pipe(Layer.provide(stores)))
  const client = yield* HttpApiClient.make(api, { baseUrl: ORIGIN }).pipe(
    Effect.provide(served.client)
  )
  const execute = (id: string, payload: typeof Command.Type) =>
    client.books.execute({ params: { id }, headers: {}, payload })
  let position = Position.start
  for (const [id, times] of [
    ["a", 1],
    ["b", 3],
    ["c", 2],
    ["d", 3]
  ] as const) {
    for (let time = 0; time < times; time++) {
      position = (yield* execute(id, Command.cases.Lend.make({ to: `reader ${id}` }))).body.position
      if (id === "d" && time === 2) continue
      position = (yield* execute(id, Command.cases.Return.make({}))).body.position
    }
  }
  yield* client.loans.rows({ query: { after: position }, headers: {} })
  const found = (query: Parameters<typeof client.loans.rows>[0]["query"]) =>
    Effect.map(client.loans.rows({ query, headers: {} }), (page) => ({
      ids: page.rows.map(({ bookId }) => bookId).join(" "),
      next: page.next
    }))
  return { ...served, client, found, position }
})

describe("rows of a read model", () => {
  it.effect("are filtered by their fields", () =>
    Effect.gen(function* () {
      const { found } = yield* library
      const ids = (query: Parameters<typeof found>[0]) =>
        Effect.map(found(query), (page) => page.ids)
      assert.strictEqual(yield* ids({}), "a b c d")
      assert.strictEqual(yield* ids({ bookId: "b" }), "b")
      assert.strictEqual(yield* ids({ loans: 3 }), "b d")
      assert.strictEqual(yield* ids({ "loans.not": 3 }), "a c")
      assert.strictEqual(yield* ids({ "loans.atLeast": 2, "loans.below": 3 }), "c")
      assert.strictEqual(yield* ids({ "loans.oneOf": [1] }), "a")
      assert.strictEqual(yield* ids({ "loans.oneOf": [1, 2] }), "a c")
      assert.strictEqual(yield* ids({ "reader.isNull": false }), "d")
      assert.strictEqual(yield* ids({ "reader.isNull": true, "loans.above": 1 }), "b c")
      assert.strictEqual(yield* ids({ reader: "reader d" }), "d")
    })
  )

  it.effect("are ordered, and read page by page", () =>
    Effect.gen(function* () {
      const { found } = yield* library
      const order = ["-loans"] as const
      const first = yield* found({ order, limit: 2 })
      assert.strictEqual(first.ids, "b d")
      assert.isDefined(first.next)
      const second = yield* found({ order, limit: 2, cursor: first.next ?? "" })
      assert.strictEqual(second.ids, "c a")
      assert.isUndefined(second.next)
      const all = yield* found({ order: ["loans", "-lentAt"], limit: 4 })
      assert.strictEqual(all.ids.slice(0, 3), "a c")
    })
  )

  it.effect("refuse what is no filter, order, limit or cursor of theirs", () =>
    Effect.gen(function* () {
      const { found, send } = yield* library
      const { next = "" } = yield* found({ order: ["-loans"], limit: 1 })
      const foreign = Buffer.from(JSON.stringify(["other", 1, "", {}])).toString("base64url")
      const forged = Buffer.from(JSON.stringify(["loans", 1, "", { bookId: 7 }])).toString(
        "base64url"
      )
      for (const [query, path] of [
        ["colour=red", ["query", "colour"]],
        ["lentAt=2020-01-01", ["query", "lentAt"]],
        ["loans=many", ["query", "loans"]],
        ["order=reader", ["query", "order", 0]],
        ["order=loans&order=-loans", ["query", "order"]],
        [`order=loans${"&order=lentAt".repeat(200)}`, ["query", "order"]],
        ["limit=0", ["query", "limit"]],
        ["limit=201", ["query", "limit"]],
        ["after=-1", ["query", "after"]],
        ["cursor=%20", ["query", "cursor"]],
        ["cursor=abc", ["query", "cursor"]],
        [`cursor=${next}`, ["query", "cursor"]],
        [`cursor=${foreign}`, ["query", "cursor"]],
        [`cursor=${forged}`, ["query", "cursor"]]
      ] as const) {
        const { json, status } = yield* send("GET", `/loans?${query}`)
        assert.strictEqual(status, 400, query)
        const { errors } = json as { readonly errors: ReadonlyArray<{ readonly path: unknown }> }
        assert.deepStrictEqual(errors[0]?.path, path, query)
      }
    })
  )

  it.effect("have a next page after keys as long as an index takes", () =>
    Effect.gen(function* () {
      const cursors = Cursor.make(loans)
      const row = {
        bookId: "\u4e66".repeat(900),
        reader: null,
        loans: 1,
        lentAt: DateTime.makeUnsafe(0)
      }
      const order = ["-lentAt", "loans"]
      const next = cursors.after(row, order)
      assert.deepStrictEqual(
        Result.getOrThrow(cursors.fields(next, order)),
        Struct.omit(row, ["reader"])
      )
      const { send } = yield* library
      const long = cursors.after({ ...row, bookId: "\u4e66".repeat(1_600) }, [])
      assert.isAbove(long.length, 6_000)
      assert.strictEqual((yield* send("GET", `/loans?cursor=${long}`)).status, 200)
    })
  )

  it.effect("S31: keep to the filters of a request, whatever cursor it brings", () =>
    Effect.gen(function* () {
      const { found } = yield* library
      const { next = "" } = yield* found({ limit: 1 })
      const rest = yield* found({ cursor: next, "loans.below": 3 })
      assert.strictEqual(rest.ids, "c")
    })
  )

  it.effect("are paged by parameters that are no filters of fields with their names", () =>
    Effect.gen(function* () {
      const accounts = ReadModelApi.make(limits, { name: "limits", where: ["owner"] })
      const only = HttpApi.make("library").add(books.group, accounts.group)
      const inMemory = CommandHandler.layer.pipe(
        Layer.provideMerge(Projections.layer({ async: [limits] })),
        Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
      )
      const { send } = yield* serve(
        Host.layer(only, [books, accounts]).pipe(Layer.provide(inMemory))
      )
      for (const id of ["a", "b"]) {
        yield* send("POST", `/books/${id}/commands`, { json: { _tag: "Lend", to: "Ada" } })
      }
      const page = (query: string) =>
        Effect.map(send("GET", `/limits?${query}`), ({ json }) =>
          (json as ReadModelApi.Rows<{ readonly id: string }>).rows.map(({ id }) => id)
        )
      assert.deepStrictEqual(yield* page("limit=10&after=2&owner=Ada"), ["a", "b"])
      assert.deepStrictEqual(yield* page("limit=1"), ["a"])
    })
  )

  it("refuse a filter that is named as a parameter of the page", () => {
    assert.throws(
      () =>
        ReadModelApi.make(limits, {
          name: "limits",
          // @ts-expect-error: `limit` is a parameter of the page
          where: ["limit"]
        }),
      "limits has filters named as parameters of the page: limit"
    )
  })

  it.effect("wait for a position, and no longer than the request prefers", () =>
    Effect.gen(function* () {
      const { client, found, position, send } = yield* library
      assert.strictEqual((yield* found({ after: position, loans: 1 })).ids, "a")
      yield* client.loans.rows({ query: {}, headers: { prefer: "wait=1" } })
      const ahead = Position.make(position + 1_000n)
      const error = yield* Effect.flip(
        client.loans.rows({ query: { after: ahead }, headers: { prefer: "wait=0" } })
      )
      assert.strictEqual(error._tag, "Behind")
      const { headers, status } = yield* send("GET", `/loans?after=${ahead}`, {
        headers: { prefer: "wait=0" }
      })
      assert.strictEqual(status, 503)
      assert.strictEqual(headers.get("retry-after"), "1")
    })
  )
})
