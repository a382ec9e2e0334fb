import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import { MaxBodyBytes } from "@daybook/http/RequestGuard"
import * as OperationsApi from "@daybook/http/OperationsApi"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import {
  EventStore,
  EventStoreError,
  MAX_DATA_BYTES,
  MAX_JSON_DEPTH
} from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { Overloaded } from "@daybook/store/Overloaded"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import { nestingExceeds } from "../src/internal/nesting.ts"
import { Away, book, Command, loans } from "./library.ts"
import { ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const operations = OperationsApi.make({ name: "read-models" })
const api = HttpApi.make("library").add(books.group, operations.group)

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: [loans] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

const library = Effect.gen(function* () {
  const context = Layer.succeedContext(yield* Layer.build(stores))
  const served = yield* serve(Host.layer(api, [books, operations]).pipe(Layer.provide(context)))
  const recorded = Effect.provide(
    EventStore.use((store) => Stream.runCollect(store.readAll())),
    context
  )
  return { ...served, recorded }
})

const lend = JSON.stringify({ _tag: "Lend", to: "Ada" })
const PATH = "/books/1/commands"

describe("a host", () => {
  it.effect("S28: takes no command from a page of another site", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        ""
      ]) {
        const answer = yield* send("POST", PATH, {
          body: new TextEncoder().encode(lend),
          headers: {
            ...(type === "" ? {} : { "content-type": type }),
            origin: "https://evil.example"
          }
        })
        assert.strictEqual(answer.status, 415, type)
        const paused = yield* send("POST", "/read-models/loans/pause", {
          body: new TextEncoder().encode("{}"),
          headers: type === "" ? {} : { "content-type": type }
        })
        assert.strictEqual(paused.status, 415, type)
      }
      // The browser asks before it sends JSON, and gets no leave.
      const asked = yield* send("OPTIONS", PATH, {
        headers: {
          origin: "https://evil.example",
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type"
        }
      })
      assert.isNull(asked.headers.get("access-control-allow-origin"))
      assert.isAtLeast(asked.status, 400)
      const read = yield* send("GET", "/books/1", { headers: { origin: "https://evil.example" } })
      assert.isNull(read.headers.get("access-control-allow-origin"))
      assert.lengthOf(yield* recorded, 0)
    })
  )

  it.effect("S28: changes nothing for a GET or a HEAD of any path", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      for (const method of ["GET", "HEAD"]) {
        for (const path of [PATH, "/read-models/loans/pause", "/read-models/loans/rebuild"]) {
          assert.strictEqual((yield* send(method, path)).status, 404)
        }
      }
      assert.lengthOf(yield* recorded, 0)
    })
  )

  it.effect("S29: refuses bodies that are too large, declared or not", () =>
    Effect.gen(function* () {
      const { fetch, send } = yield* library
      const body = `{"_tag":"Lend","to":"${"x".repeat(1_048_576)}"}`
      const declared = yield* send("POST", PATH, {
        body,
        headers: { "content-type": "application/json", "content-length": String(body.length) }
      })
      assert.strictEqual(declared.status, 413)
      assert.propertyVal(declared.json, "limit", 1_048_576)
      let sent = 0
      const endless = new Request(ORIGIN + PATH, {
        method: "POST",
        headers: { "content-type": "application/json" },
        duplex: "half",
        body: new ReadableStream({
          pull: (controller) => {
            sent++
            controller.enqueue(new Uint8Array(65_536).fill(32))
          }
        })
      })
      const answer = yield* Effect.promise(() => fetch(endless))
      assert.strictEqual(answer.status, 413)
      assert.isAtMost(sent, 32)
    })
  )

  it.effect("S29: refuses JSON that is broken, or nested deeper than any event", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      for (const body of [
        "[".repeat(500_000),
        `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${"}".repeat(MAX_JSON_DEPTH + 1)}`,
        "",
        "{",
        new Uint8Array([...new TextEncoder().encode('{"_tag":"Lend","to":"'), 0xff, 0x22, 0x7d]),
        "\u0000",
        '{"_tag":"Lend"',
        "[]",
        "null",
        "7"
      ]) {
        const answer = yield* send("POST", PATH, {
          body,
          headers: { "content-type": "application/json" }
        })
        assert.strictEqual(answer.status, 400, String(body).slice(0, 20))
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      }
    })
  )

  it("counts the depth of JSON outside of its texts", () => {
    assert.isFalse(nestingExceeds(String.raw`{"a":"[[[\"[[[","b":[1]}`, 2))
    assert.isFalse(nestingExceeds("[[],[],[[]]]", 3))
    assert.isTrue(nestingExceeds("[[],[],[[[]]]]", 3))
  })

  it.effect("S34: takes ids for what they are, and neither for paths nor for headers", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      for (const id of ["..%2f..%2fetc%2fpasswd", "%252e%252e", "a%20b", "'%20OR%201=1--"]) {
        const sent = yield* send("POST", `/books/${id}/commands`, {
          body: lend,
          headers: { "content-type": "application/json" }
        })
        assert.strictEqual(sent.status, 200, id)
        const state = yield* send("GET", `/books/${id}`)
        assert.deepStrictEqual(state.json, { revision: 1, state: "Ada" })
      }
      assert.deepStrictEqual(
        (yield* recorded).map(({ streamId }) => streamId),
        ["book-../../etc/passwd", "book-%2e%2e", "book-a b", "book-' OR 1=1--"]
      )
      for (const id of ["a%0d%0aset-cookie:%20a=1", "%00", "%e2%80%ae", "x".repeat(201)]) {
        const refused = yield* send("GET", `/books/${id}`)
        assert.strictEqual(refused.status, 400, id)
        assert.isNull(refused.headers.get("set-cookie"))
      }
    })
  )

  it.effect("S35: has answers without anything internal when its store fails", () =>
    Effect.gen(function* () {
      const failing = Layer.effect(
        EventStore,
        EventStore.useSync((store) =>
          EventStore.of({
            ...store,
            append: () =>
              Effect.fail(
                new EventStoreError({
                  operation: "append",
                  cause: new Error("password authentication failed for user shop at 10.0.0.7")
                })
              )
          })
        )
      ).pipe(Layer.provide(EventStoreMemory.layer))
      const only = HttpApi.make("library").add(books.group)
      const served = yield* serve(
        Host.layer(only, [books]).pipe(
          Layer.provide(CommandHandler.layer.pipe(Layer.provideMerge(failing)))
        )
      )
      const keyed = yield* served.send("POST", PATH, {
        body: lend,
        headers: { "content-type": "application/json", "idempotency-key": "loan-1" }
      })
      assert.strictEqual(keyed.status, 503)
      assert.strictEqual(keyed.headers.get("retry-after"), "1")
      assert.propertyVal(keyed.json, "detail", "Repeat the request, a command with the same key")
      // Without a key nothing may repeat a command that is perhaps recorded.
      const bare = yield* served.send("POST", PATH, {
        body: lend,
        headers: { "content-type": "application/json" }
      })
      assert.strictEqual(bare.status, 503)
      assert.isNull(bare.headers.get("retry-after"))
      assert.match(bare.text, /outcome is unknown: read the state/)
      for (const { text } of [keyed, bare]) {
        assert.notMatch(text, /password|10\.0\.0\.7|append/)
      }
    })
  )

  it.effect("tells an overload from a fault", () =>
    Effect.gen(function* () {
      const held = { calls: 1, bytes: 1 }
      const full = Layer.effect(
        EventStore,
        EventStore.useSync((store) =>
          EventStore.of({
            ...store,
            append: () => Effect.fail(new Overloaded({ where: "store", held, limit: held }))
          })
        )
      ).pipe(Layer.provide(EventStoreMemory.layer))
      const only = HttpApi.make("library").add(books.group)
      const served = yield* serve(
        Host.layer(only, [books]).pipe(
          Layer.provide(CommandHandler.layer.pipe(Layer.provideMerge(full)))
        )
      )
      const answer = yield* served.send("POST", PATH, {
        body: lend,
        headers: { "content-type": "application/json" }
      })
      assert.strictEqual(answer.status, 503)
      assert.propertyVal(answer.json, "type", "urn:daybook:problem:busy")
    })
  )

  it.effect("S29: bounds a body at what an event may hold", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* MaxBodyBytes, MAX_DATA_BYTES)
    })
  )
})
