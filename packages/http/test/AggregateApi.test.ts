import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import { EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpRouter from "effect/http/HttpRouter"
import { Away, book, Command } from "./library.ts"
import { memory, ORIGIN, serve, type Served } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const strictBooks = AggregateApi.makeEach(book, {
  name: "strict",
  command: Command,
  rejection: Away,
  status: () => 422,
  requireKey: true
})
const api = HttpApi.make("library").add(books.group, strictBooks.group)

/** The log is shared with the test, so that it sees what was recorded. */
const library = Effect.gen(function* () {
  const context = yield* Layer.build(memory)
  const stores = Layer.succeedContext(context)
  const served = yield* serve(Host.layer(api, [books, strictBooks]).pipe(Layer.provide(stores)))
  const client = yield* HttpApiClient.make(api, { baseUrl: ORIGIN }).pipe(
    Effect.provide(served.client)
  )
  const recorded = Effect.provide(
    EventStore.use((store) => Stream.runCollect(store.readAll())),
    stores
  )
  return { ...served, client, recorded }
})

const lend = (to: string) => Command.cases.Lend.make({ to })
const KEY = "5f7c2a4e-6d1b-4c3a-9e8f-0a1b2c3d4e5f"

describe("commands", () => {
  it.effect("answers a command with its revision and position", () =>
    Effect.gen(function* () {
      const { client } = yield* library
      const { body, headers } = yield* client.books.execute({
        params: { id: "1" },
        headers: {},
        payload: lend("Ada")
      })
      assert.deepStrictEqual(body, {
        revision: Revision.make(1),
        position: Position.make(1n),
        events: 1,
        repeated: false
      })
      assert.strictEqual(headers.etag, '"1"')
    })
  )

  it.effect("counts the events of a command, and none where there is nothing to change", () =>
    Effect.gen(function* () {
      const { client } = yield* library
      const params = { id: "1" }
      const headers = { "idempotency-key": "a" }
      const idle = { params, headers: {}, payload: Command.cases.Return.make({}) }
      assert.propertyVal((yield* client.books.execute(idle)).body, "events", 0)
      const lending = { params, headers, payload: lend("Ada") }
      assert.propertyVal((yield* client.books.execute(lending)).body, "events", 1)
      assert.propertyVal((yield* client.books.execute(lending)).body, "events", 1)
    })
  )

  it.effect("records the time that an importer states", () =>
    Effect.gen(function* () {
      const { client, recorded, send } = yield* library
      const at = DateTime.makeUnsafe("2010-12-01T08:26:00Z")
      yield* client.books.execute({
        params: { id: "1" },
        headers: { "x-occurred-at": at },
        payload: lend("Ada")
      })
      const [event] = yield* recorded
      assert.deepStrictEqual(event?.occurredAt, at)
      const headers = { "x-occurred-at": "yesterday" }
      const wrong = yield* send("POST", "/books/1/commands", { json: lend("Ben"), headers })
      assert.strictEqual(wrong.status, 400)
    })
  )

  it.effect("has an endpoint for each command, without its tag in the body", () =>
    Effect.gen(function* () {
      const { client } = yield* library
      const { body } = yield* client.strict.Lend({
        params: { id: "1" },
        headers: { "idempotency-key": "a" },
        payload: { to: "Ada" }
      })
      assert.strictEqual(body.revision, 1)
      const { body: loaded } = yield* client.books.state({ params: { id: "1" }, query: {} })
      assert.strictEqual(loaded.state, "Ada")
    })
  )

  it.effect("answers a rejection with its status and its facts", () =>
    Effect.gen(function* () {
      const { client, send } = yield* library
      yield* client.books.execute({ params: { id: "1" }, headers: {}, payload: lend("Ada") })
      const error = yield* Effect.flip(
        client.books.execute({ params: { id: "1" }, headers: {}, payload: lend("Ben") })
      )
      assert.strictEqual(error._tag, "Rejected")
      if (error._tag === "Rejected") {
        assert.instanceOf(error.rejection, Away)
        assert.strictEqual(error.rejection.reader, "Ada")
      }
      const answer = yield* send("POST", "/books/1/commands", { json: lend("Ben") })
      assert.strictEqual(answer.status, 409)
      assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      assert.deepStrictEqual(answer.json, {
        type: "urn:daybook:problem:rejected",
        status: 409,
        title: "The command was rejected",
        detail: "The book is with Ada",
        rejection: { _tag: "Away", reader: "Ada" }
      })
      const mapped = yield* send("POST", "/strict/1/Lend", {
        json: { to: "Ben" },
        headers: { "idempotency-key": "b" }
      })
      assert.strictEqual(mapped.status, 422)
    })
  )

  it.effect("S30: records a command with one key once", () =>
    Effect.gen(function* () {
      const { client, recorded } = yield* library
      const request = {
        params: { id: "1" },
        headers: { "idempotency-key": KEY },
        payload: lend("Ada")
      }
      const first = yield* client.books.execute(request)
      const second = yield* client.books.execute({
        ...request,
        headers: { "idempotency-key": `"${KEY}"` }
      })
      assert.deepStrictEqual(second.body, { ...first.body, repeated: true })
      const events = yield* recorded
      assert.strictEqual(events.length, 1)
      // A command of the process may have the id that a client chose as its key.
      assert.isDefined(events[0]?.metadata.commandId)
      assert.notStrictEqual(events[0]?.metadata.commandId, KEY)
    })
  )

  it.effect("S30: refuses a key that belongs to another command", () =>
    Effect.gen(function* () {
      const { client, recorded } = yield* library
      const headers = { "idempotency-key": "order 66".replace(" ", "-") }
      yield* client.books.execute({ params: { id: "1" }, headers, payload: lend("Ada") })
      const error = yield* Effect.flip(
        client.books.execute({ params: { id: "1" }, headers, payload: lend("Ben") })
      )
      assert.strictEqual(error._tag, "KeyReused")
      assert.strictEqual((yield* recorded).length, 1)
    })
  )

  it.effect("refuses a key, or the id of a command, that was sent with another time", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const sent = (identity: Record<string, string>, at?: string) =>
        send("POST", `/books/${Object.keys(identity).join()}/commands`, {
          json: lend("Ada"),
          headers: { ...identity, ...(at === undefined ? {} : { "x-occurred-at": at }) }
        })
      for (const identity of [{ "idempotency-key": "k" }, { "x-command-id": KEY }]) {
        assert.strictEqual((yield* sent(identity, "2010-12-01T08:26:00Z")).status, 200)
        assert.strictEqual((yield* sent(identity, "2010-12-01T08:27:00Z")).status, 422)
        assert.strictEqual((yield* sent(identity)).status, 422)
        // The same instant, spelled in another way.
        const again = yield* sent(identity, "2010-12-01T08:26:00.000Z")
        assert.propertyVal(again.json, "repeated", true)
      }
      assert.lengthOf(yield* recorded, 2)
    })
  )

  it.effect("recognises the command of an import whichever way it came first", () =>
    Effect.gen(function* () {
      const stores = Layer.succeedContext(yield* Layer.build(memory))
      const { send } = yield* serve(
        Host.layer(api, [books, strictBooks]).pipe(Layer.provide(stores))
      )
      const commandId = CommandId.make(KEY)
      const inProcess = (id: string, command: typeof Command.Type) =>
        Effect.flatMap(CommandHandler.for(book), ({ execute }) =>
          execute(id, command, { commandId })
        ).pipe(Effect.provide(stores))
      const overHttp = (id: string, command: typeof Command.Type) =>
        send("POST", `/books/${id}/commands`, {
          json: command,
          headers: { "x-command-id": KEY }
        })
      yield* inProcess("1", lend("Ada"))
      assert.propertyVal((yield* overHttp("1", lend("Ada"))).json, "repeated", true)
      assert.propertyVal((yield* overHttp("2", lend("Ada"))).json, "repeated", false)
      assert.isTrue((yield* inProcess("2", lend("Ada"))).repeated)
      // Recorded over HTTP with a digest, so another body is found out.
      assert.strictEqual((yield* overHttp("2", lend("Ben"))).status, 422)
      const events = yield* Effect.provide(
        EventStore.use((store) => Stream.runCollect(store.readAll())),
        stores
      )
      assert.deepStrictEqual(
        events.map(({ metadata }) => metadata.commandId),
        [commandId, commandId]
      )
    })
  )

  it.effect("takes the id of a command in the place of a key, and not beside one", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const sent = (headers: Record<string, string>) =>
        send("POST", "/strict/1/Lend", { json: { to: "Ada" }, headers })
      for (const [headers, path] of [
        [{ "x-command-id": KEY, "idempotency-key": "k" }, "x-command-id"],
        [{ "x-command-id": KEY.toUpperCase() }, "x-command-id"],
        [{ "x-command-id": "k" }, "x-command-id"]
      ] as const) {
        const refused = yield* sent(headers)
        assert.strictEqual(refused.status, 400)
        assert.deepStrictEqual(paths(refused.json), [["headers", path]])
      }
      assert.lengthOf(yield* recorded, 0)
      assert.strictEqual((yield* sent({ "x-command-id": KEY })).status, 200)
    })
  )

  it.effect("recognises a repetition by its JSON, whatever its schema makes of it", () =>
    Effect.gen(function* () {
      const stores = Layer.succeedContext(yield* Layer.build(memory))
      const deployed = (to: string) => {
        const Lend = Schema.Struct({
          _tag: Schema.tag("Lend"),
          to: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed(to)))
        })
        const command = Schema.Union([Lend, Command.cases.Return])
        const part = AggregateApi.make(book, { name: "books", command, rejection: Away })
        const only = HttpApi.make("library").add(part.group)
        return serve(Host.layer(only, [part]).pipe(Layer.provide(stores)))
      }
      const before = yield* deployed("Ada")
      const after = yield* deployed("Ben")
      const send = ({ send: to }: Served, body: string) =>
        to("POST", "/books/1/commands", {
          body,
          headers: { "content-type": "application/json", "idempotency-key": "k" }
        })
      assert.strictEqual((yield* send(before, '{"_tag":"Lend"}')).status, 200)
      assert.propertyVal((yield* send(after, '{ "_tag": "Lend" }')).json, "repeated", true)
      assert.strictEqual((yield* send(before, '{"_tag":"Lend","to":"Ada"}')).status, 422)
    })
  )

  it.effect("knows a command by its key, with its tag in the body or in the path", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const headers = { "idempotency-key": "k" }
      yield* send("POST", "/books/1/commands", { json: { to: "Ada", _tag: "Lend" }, headers })
      const again = yield* send("POST", "/strict/1/Lend", { json: { to: "Ada" }, headers })
      assert.propertyVal(again.json, "repeated", true)
    })
  )

  it.effect("applies the checks of a whole command, with its tag in the path", () =>
    Effect.gen(function* () {
      const Lend = Schema.Struct({ _tag: Schema.tag("Lend"), to: Schema.String }).check(
        Schema.makeFilter(({ to }) =>
          to === "nobody" ? { path: ["to"], issue: "is no reader" } : undefined
        )
      )
      const command = Schema.Union([Lend, Command.cases.Return]).pipe(Schema.toTaggedUnion("_tag"))
      const part = AggregateApi.makeEach(book, { name: "books", command, rejection: Away })
      const only = HttpApi.make("library").add(part.group)
      const { send } = yield* serve(Host.layer(only, [part]).pipe(Layer.provide(memory)))
      const refused = yield* send("POST", "/books/1/Lend", { json: { to: "nobody" } })
      assert.strictEqual(refused.status, 400)
      assert.deepStrictEqual(paths(refused.json), [["payload", "to"]])
      assert.strictEqual((yield* send("POST", "/books/1/Return", { json: [] })).status, 400)
      assert.strictEqual(
        (yield* send("POST", "/books/1/Lend", { json: { to: "Ada" } })).status,
        200
      )
    })
  )

  it("refuses a command that is named as another endpoint", () => {
    const command = Schema.TaggedUnion({ history: {} })
    const aggregate = {
      ...book,
      decider: { ...book.decider, decide: () => Result.succeed([]) }
    }
    assert.throws(
      () => AggregateApi.makeEach(aggregate, { name: "books", command, rejection: Schema.Never }),
      "books has a command named as an endpoint: history"
    )
  })

  it.effect("requires a key where the host says so", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const answer = yield* send("POST", "/strict/1/Lend", { json: { to: "Ada" } })
      assert.strictEqual(answer.status, 400)
      assert.deepStrictEqual(paths(answer.json), [["headers", "idempotency-key"]])
    })
  )

  it.effect("expects the revision of If-Match, and no instance with If-None-Match", () =>
    Effect.gen(function* () {
      const { client } = yield* library
      const params = { id: "1" }
      yield* client.books.execute({
        params,
        headers: { "if-none-match": "*" },
        payload: lend("Ada")
      })
      const stale = yield* Effect.flip(
        client.books.execute({
          params,
          headers: { "if-none-match": "*" },
          payload: Command.cases.Return.make({})
        })
      )
      assert.strictEqual(stale._tag, "WrongRevision")
      if (stale._tag === "WrongRevision") assert.strictEqual(stale.actual, 1)
      const { headers } = yield* client.books.state({ params, query: {} })
      const returned = yield* client.books.execute({
        params,
        headers: { "if-match": headers.etag },
        payload: Command.cases.Return.make({})
      })
      assert.strictEqual(returned.body.revision, 2)
    })
  )

  it.effect("answers 412 only to a precondition that does not hold", () =>
    Effect.gen(function* () {
      // Other writers win every race after the first command.
      const contended = Layer.effect(
        EventStore,
        EventStore.useSync((store) => {
          let appends = 0
          return EventStore.of({
            ...store,
            append: (given) =>
              appends++ === 0
                ? store.append(given)
                : Effect.fail(
                    new WrongExpectedRevision({
                      streamId: given.streamId,
                      expected: given.expected,
                      actual: Revision.make(7),
                      between: []
                    })
                  )
          })
        })
      ).pipe(Layer.provide(EventStoreMemory.layer))
      const { send } = yield* serve(
        Host.layer(api, [books, strictBooks]).pipe(
          Layer.provide(CommandHandler.layer.pipe(Layer.provideMerge(contended)))
        )
      )
      const execute = (command: typeof Command.Type, headers: Record<string, string>) =>
        send("POST", "/books/1/commands", { json: command, headers })
      const giveBack = Command.cases.Return.make({})
      yield* execute(lend("Ada"), {})
      const holds = yield* execute(giveBack, { "if-match": "*" })
      assert.strictEqual(holds.status, 503)
      assert.strictEqual(holds.headers.get("retry-after"), "1")
      const fails = yield* execute(giveBack, { "if-match": '"1"' })
      assert.strictEqual(fails.status, 412)
      assert.propertyVal(fails.json, "actual", 7)
    })
  )

  it.effect("refuses preconditions that exclude each other", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const answer = yield* send("POST", "/books/1/commands", {
        json: lend("Ada"),
        headers: { "if-match": "*", "if-none-match": "*" }
      })
      assert.strictEqual(answer.status, 400)
      assert.deepStrictEqual(paths(answer.json), [["headers", "if-match"]])
      assert.lengthOf(yield* recorded, 0)
    })
  )

  it.effect("names the path of every fault", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const answer = yield* send("POST", "/books/1/commands", {
        json: { _tag: "Lend", to: "", colour: "red" },
        headers: { "if-match": "seven" }
      })
      assert.strictEqual(answer.status, 400)
      assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      assert.deepStrictEqual(paths(answer.json), [["headers", "if-match"]])
      const body = yield* send("POST", "/strict/1/Lend", {
        json: { to: "", colour: "red" },
        headers: { "idempotency-key": "k" }
      })
      assert.deepStrictEqual(
        new Set(paths(body.json).map((path) => path.join("."))),
        new Set(["payload.to", "payload.colour"])
      )
    })
  )

  it.effect("records the metadata of the host beside that of the request", () =>
    Effect.gen(function* () {
      const stores = Layer.succeedContext(yield* Layer.build(memory))
      const region = HttpRouter.middleware(
        Effect.provideService(CurrentMetadata, {
          causationId: "the host",
          correlationId: "the host",
          custom: { region: "eu" }
        }),
        { global: true }
      )
      const { send } = yield* serve(
        Layer.merge(Host.layer(api, [books, strictBooks]), region).pipe(Layer.provide(stores))
      )
      yield* send("POST", "/books/1/commands", {
        json: lend("Ada"),
        headers: { "idempotency-key": "k", "x-correlation-id": "c-1" }
      })
      const [event] = yield* Effect.provide(
        EventStore.use((store) => Stream.runCollect(store.readAll())),
        stores
      )
      assert.strictEqual(event?.metadata.correlationId, "c-1")
      assert.strictEqual(event?.metadata.causationId, "the host")
      assert.strictEqual(event?.metadata.custom?.["region"], "eu")
      assert.isString(event?.metadata.custom?.["requestDigest"])
    })
  )

  it.effect("records correlation and causation", () =>
    Effect.gen(function* () {
      const { client, recorded } = yield* library
      yield* client.books.execute({
        params: { id: "1" },
        headers: { "x-correlation-id": "c-1", "x-causation-id": "mail-7" },
        payload: lend("Ada")
      })
      const [event] = yield* recorded
      assert.strictEqual(event?.metadata.correlationId, "c-1")
      assert.strictEqual(event?.metadata.causationId, "mail-7")
    })
  )
})

const paths = (json: unknown): ReadonlyArray<ReadonlyArray<string>> =>
  (json as { readonly errors: ReadonlyArray<{ readonly path: ReadonlyArray<string> }> }).errors.map(
    ({ path }) => path
  )

describe("states", () => {
  const lentTwice = Effect.gen(function* () {
    const served = yield* library
    const params = { id: "1" }
    const headers = {}
    yield* served.client.books.execute({ params, headers, payload: lend("Ada") })
    yield* served.client.books.execute({
      params,
      headers,
      payload: Command.cases.Return.make({})
    })
    yield* served.client.books.execute({ params, headers, payload: lend("Ben") })
    return { ...served, params }
  })

  it.effect("loads a state as of a revision and as of an instant", () =>
    Effect.gen(function* () {
      const { client, params } = yield* lentTwice
      const at = (revision: number) =>
        client.books.state({ params, query: { revision: Revision.make(revision) } })
      assert.strictEqual((yield* at(1)).body.state, "Ada")
      assert.strictEqual((yield* at(2)).body.state, null)
      const later = DateTime.makeUnsafe("2100-01-01T00:00:00Z")
      const { body } = yield* client.books.state({ params, query: { at: later } })
      assert.deepStrictEqual(body, { revision: Revision.make(3), state: "Ben" })
    })
  )

  it.effect("knows no instance without events, none before its first, and no revision ahead", () =>
    Effect.gen(function* () {
      const { client, params } = yield* lentTwice
      const early = DateTime.makeUnsafe("1999-01-01T00:00:00Z")
      const none = yield* Effect.all(
        [
          client.books.state({ params: { id: "2" }, query: {} }),
          client.books.state({ params, query: { at: early } }),
          client.books.state({ params, query: { revision: Revision.make(4) } }),
          client.books.history({ params: { id: "2" }, query: {} })
        ].map((effect) => Effect.flip(effect as Effect.Effect<unknown, { readonly _tag: string }>))
      )
      assert.deepStrictEqual(
        none.map(({ _tag }) => _tag),
        ["Unknown", "Unknown", "Unknown", "Unknown"]
      )
    })
  )

  it.effect("pages through the history", () =>
    Effect.gen(function* () {
      const { client, params } = yield* lentTwice
      const first = yield* client.books.history({ params, query: { limit: 2 } })
      assert.deepStrictEqual(
        first.entries.map(({ event, state }) => [event.revision, event.type, state]),
        [
          [1, "Lent", "Ada"],
          [2, "Returned", null]
        ]
      )
      assert.strictEqual(first.next, 2)
      const rest = yield* client.books.history({
        params,
        query: { after: Revision.make(2), limit: 2 }
      })
      assert.deepStrictEqual(
        rest.entries.map(({ state }) => state),
        ["Ben"]
      )
      assert.isUndefined(rest.next)
    })
  )
})
