import * as AggregateApi from "@daybook/http/AggregateApi"
import {
  Actor,
  Authentication,
  Authenticator,
  type Caller,
  type Permission,
  Requires
} from "@daybook/http/Authenticator"
import * as Host from "@daybook/http/Host"
import * as LogApi from "@daybook/http/LogApi"
import * as NodeHost from "@daybook/http/NodeHost"
import * as OperationsApi from "@daybook/http/OperationsApi"
import { Unavailable } from "@daybook/http/Problem"
import * as ReadModelApi from "@daybook/http/ReadModelApi"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as StartFailure from "@daybook/store/StartFailure"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { isLoopback, nameOf } from "../src/internal/loopback.ts"
import { Away, book, Command, loans } from "./library.ts"
import { memory, ORIGIN, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const rows = ReadModelApi.make(loans, { name: "loans" })
const log = LogApi.make({ name: "log" })
const operations = OperationsApi.make({ name: "read-models" })
const open = HttpApi.make("library").add(books.group, rows.group, log.group, operations.group)
const api = open.middleware(Authentication)

const caller = (actor: string, ...permissions: ReadonlyArray<Permission>): Caller => ({
  actor: Actor.make(actor),
  permissions: new Set(permissions)
})

const callers: Readonly<Record<string, Caller>> = {
  "bearer ada": caller("Ada", "command", "read"),
  "apiKey till": caller("the till", "command"),
  "bearer olga": caller("Olga", "read", "operate"),
  "bearer all": caller("all", "command", "read", "log", "operate"),
  "bearer importer": caller("importer", "command", "import"),
  "bearer migrator": caller("migrator", "command", "import"),
  "bearer nobody": caller("nobody")
}

const authenticator = Layer.succeed(Authenticator, {
  authenticate: ({ scheme, secret }) =>
    Effect.succeed(Option.fromUndefinedOr(callers[`${scheme} ${Redacted.value(secret)}`]))
})

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ inline: [loans] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

const library = Effect.gen(function* () {
  const context = Layer.succeedContext(yield* Layer.build(stores))
  const served = yield* serve(
    Host.layer(api, [books, rows, log, operations]).pipe(
      Layer.provide(Authentication.layer),
      Layer.provide(authenticator),
      Layer.provide(context)
    )
  )
  const recorded = Effect.provide(
    EventStore.use((store) => Stream.runCollect(store.readAll())),
    context
  )
  return { ...served, recorded }
})

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
const lend = { _tag: "Lend", to: "Ada" }

describe("a host with authentication", () => {
  it.effect("S33: challenges a caller without a credential that it knows", () =>
    Effect.gen(function* () {
      const { send, recorded } = yield* library
      for (const headers of [
        {},
        bearer(""),
        bearer("till"),
        bearer("__proto__"),
        { "x-api-key": "ada" },
        { authorization: "Basic YWRhOg==" }
      ]) {
        const answer = yield* send("POST", "/books/1/commands", { json: lend, headers })
        assert.strictEqual(answer.status, 401, JSON.stringify(headers))
        assert.strictEqual(answer.headers.get("www-authenticate"), "Bearer")
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      }
      assert.lengthOf(yield* recorded, 0)
    })
  )

  it.effect("asks to repeat a request while no caller can be known", () =>
    Effect.gen(function* () {
      const away = Layer.succeed(Authenticator, {
        authenticate: () => Effect.fail(new Unavailable({ detail: "Repeat the request" }))
      })
      const { client: layer, send } = yield* serve(
        Host.layer(api, [books, rows, log, operations]).pipe(
          Layer.provide([Authentication.layer.pipe(Layer.provide(away)), stores])
        )
      )
      for (const headers of [bearer("ada"), { "x-api-key": "till" }]) {
        const answer = yield* send("POST", "/books/1/commands", { json: lend, headers })
        assert.strictEqual(answer.status, 503)
        assert.strictEqual(answer.headers.get("retry-after"), "1")
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
        assert.propertyVal(answer.json, "detail", "Repeat the request")
      }
      const client = yield* HttpApiClient.make(api, {
        baseUrl: ORIGIN,
        transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken("ada"))
      }).pipe(Effect.provide(layer))
      const error = yield* Effect.flip(client.books.state({ params: { id: "1" }, query: {} }))
      assert.instanceOf(error, Unavailable)
    })
  )

  it("has actors that can be recorded", () => {
    // @ts-expect-error: text that was not checked is no actor.
    const unchecked: Caller = { actor: "Ada", permissions: new Set() }
    assert.strictEqual(unchecked.actor, "Ada")
    const isActor = Schema.is(Actor)
    for (const text of ["Ada", "x".repeat(200), "书".repeat(200), "a b"]) {
      assert.isTrue(isActor(text), text)
    }
    for (const text of ["", " ", "x".repeat(201), "💥".repeat(101), "a\0", "a\n", "\ud800"]) {
      assert.isFalse(isActor(text), JSON.stringify(text))
    }
  })

  it.effect("S33: records the actor of a command", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const sent = (id: string, headers: Record<string, string>) =>
        send("POST", `/books/${id}/commands`, { json: lend, headers })
      assert.strictEqual((yield* sent("1", bearer("ada"))).status, 200)
      assert.strictEqual((yield* sent("2", { "x-api-key": "till" })).status, 200)
      const events = yield* recorded
      assert.deepStrictEqual(
        events.map(({ metadata }) => metadata.actor),
        ["Ada", "the till"]
      )
    })
  )

  it.effect("S30: gives each caller keys of its own", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const sent = (headers: Record<string, string>, _tag: string) =>
        send("POST", "/books/1/commands", {
          json: _tag === "Lend" ? lend : { _tag },
          headers: { ...headers, "idempotency-key": "5f7c2a4e-6d1b-4c3a-9e8f-0a1b2c3d4e5f" }
        })
      assert.propertyVal((yield* sent(bearer("ada"), "Lend")).json, "repeated", false)
      // The same key of another caller is another command, and tells nothing of the first.
      assert.strictEqual((yield* sent({ "x-api-key": "till" }, "Lend")).status, 409)
      assert.propertyVal((yield* sent({ "x-api-key": "till" }, "Return")).json, "repeated", false)
      assert.propertyVal((yield* sent(bearer("ada"), "Lend")).json, "repeated", true)
      assert.strictEqual((yield* sent(bearer("ada"), "Return")).status, 422)
      assert.lengthOf(yield* recorded, 2)
    })
  )

  it.effect("S33: lets each caller do what it has the permission for, and nothing else", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      yield* send("POST", "/books/1/commands", { json: lend, headers: bearer("all") })
      const requests = [
        ["command", "POST", "/books/1/commands", { _tag: "Return" }],
        ["read", "GET", "/books/1", undefined],
        ["read", "GET", "/loans", undefined],
        ["log", "GET", "/books/1/history", undefined],
        ["operate", "GET", "/read-models", undefined],
        ["operate", "GET", "/read-models/loans/acts", undefined],
        ["operate", "POST", "/read-models/loans/pause", {}],
        ["operate", "POST", "/read-models/loans/resume", { reason: "mended" }]
      ] as const
      for (const [credential, { permissions }] of Object.entries(callers)) {
        const [scheme, secret = ""] = credential.split(" ")
        for (const [permission, method, path, json] of requests) {
          const { status } = yield* send(method, path, {
            ...(json === undefined ? {} : { json }),
            headers: scheme === "bearer" ? bearer(secret) : { "x-api-key": secret }
          })
          const expected = permissions.has(permission) ? 200 : 403
          assert.strictEqual(status, expected, `${credential} ${method} ${path}`)
        }
      }
    })
  )

  it.effect("S30: lets only an importer name the id of a command, which is the same for all", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const id = "5f7c2a4e-6d1b-4c3a-9e8f-0a1b2c3d4e5f"
      const sent = (secret: string, command: object = lend) =>
        send("POST", "/books/1/commands", {
          json: command,
          headers: { ...bearer(secret), "x-command-id": id }
        })
      const refused = yield* sent("ada")
      assert.strictEqual(refused.status, 403)
      assert.propertyVal(refused.json, "permission", "import")
      assert.lengthOf(yield* recorded, 0)
      assert.propertyVal((yield* sent("importer")).json, "repeated", false)
      assert.propertyVal((yield* sent("migrator")).json, "repeated", true)
      assert.strictEqual((yield* sent("migrator", { _tag: "Return" })).status, 422)
      assert.lengthOf(yield* recorded, 1)
    })
  )

  it.effect("S33: lets only an importer state the time of a change", () =>
    Effect.gen(function* () {
      const { recorded, send } = yield* library
      const sent = (secret: string) =>
        send("POST", "/books/1/commands", {
          json: lend,
          headers: { ...bearer(secret), "x-occurred-at": "2010-12-01T08:26:00Z" }
        })
      const refused = yield* sent("ada")
      assert.strictEqual(refused.status, 403)
      assert.propertyVal(refused.json, "permission", "import")
      assert.lengthOf(yield* recorded, 0)
      assert.strictEqual((yield* sent("importer")).status, 200)
    })
  )

  it.effect("records who administered a read model, and why", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const headers = bearer("olga")
      yield* send("POST", "/read-models/loans/pause", { json: { reason: "a fault" }, headers })
      const { json } = yield* send("GET", "/read-models/loans/acts", { headers })
      const [act] = json as ReadonlyArray<{ readonly actor: unknown; readonly reason: unknown }>
      assert.deepStrictEqual(act?.actor, { _tag: "Some", value: "Olga" })
      assert.deepStrictEqual(act?.reason, { _tag: "Some", value: "a fault" })
    })
  )

  it("S33: requires of every endpoint a permission that it names", () => {
    const required = Object.values(api.groups).flatMap(({ endpoints, identifier }) =>
      Object.values(endpoints as Record<string, HttpApiEndpoint.Top>).map((endpoint) => [
        `${identifier}.${endpoint.identifier}`,
        Context.get(endpoint.annotations, Requires)
      ])
    )
    assert.deepStrictEqual(Object.fromEntries(required), {
      "books.execute": "command",
      "books.state": "read",
      "books.history": "log",
      "loans.rows": "read",
      "log.events": "log",
      "read-models.statuses": "operate",
      "read-models.status": "operate",
      "read-models.acts": "operate",
      "read-models.pause": "operate",
      "read-models.resume": "operate",
      "read-models.skip": "operate",
      "read-models.rebuild": "operate"
    })
  })
})

describe("a host without authentication", () => {
  const bare = HttpApi.make("library").add(books.group)

  it.effect("S33: does not listen on a network, unless told so in words", () =>
    Effect.gen(function* () {
      const hosted = (options: Partial<NodeHost.Options>) =>
        Effect.exit(
          Effect.scoped(
            Layer.build(
              NodeHost.layer(bare, [books], { port: 0, ...options }).pipe(Layer.provide(memory))
            )
          )
        )
      for (const host of ["0.0.0.0", "::", "10.0.0.7", "localhost.example.com"]) {
        const error = yield* Effect.flip(
          Layer.build(NodeHost.layer(bare, [books], { port: 0, host }).pipe(Layer.provide(memory)))
        )
        assert.instanceOf(error, NodeHost.UnprotectedHost)
        assert.strictEqual(
          error.message,
          `Cannot listen on ${host}: books.execute, books.state, books.history ask for no credential`
        )
      }
      const all = bare.add(rows.group, log.group, operations.group)
      const many = yield* Effect.flip(
        Layer.build(
          NodeHost.layer(all, [books, rows, log, operations], { port: 0, host: "::" }).pipe(
            Layer.provide(stores)
          )
        )
      )
      assert.strictEqual(
        StartFailure.lineOf(many),
        "Cannot listen on ::: books.execute, books.state, books.history and 9 more ask for no credential: put Authentication on the API, or listen on 127.0.0.1"
      )
      assert.strictEqual((yield* hosted({}))._tag, "Success")
      const told = {
        host: "0.0.0.0",
        unprotected: "everyone who reaches this host may do everything"
      } as const
      assert.strictEqual((yield* hosted(told))._tag, "Success")
    })
  )

  it("knows the names of its own machine", () => {
    for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:3000", "127.9.9.9", "[::1]:3000"]) {
      assert.isTrue(isLoopback(nameOf(host)), host)
    }
    for (const host of [
      "",
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil",
      "10.0.0.1"
    ]) {
      assert.isFalse(isLoopback(nameOf(host)), host)
    }
  })
})
