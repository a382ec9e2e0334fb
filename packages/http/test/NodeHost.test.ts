import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Health from "@daybook/http/Health"
import * as LogApi from "@daybook/http/LogApi"
import * as NodeHost from "@daybook/http/NodeHost"
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpServer } from "effect/http/HttpServer"
import { connect, type Socket } from "node:net"
import { Closing } from "../src/internal/closing.ts"
import * as Server from "../src/internal/server.ts"
import { Away, book, Command } from "./library.ts"
import { memory } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const log = LogApi.make({ name: "log" })
const api = HttpApi.make("library").add(books.group, log.group)

const alive = HttpRouter.add("GET", "/alive", HttpServerResponse.text("alive"))

const library = (
  settings?: typeof LogApi.FollowerSettings.Service,
  shutdownTimeout: Duration.Input = "20 seconds",
  routes: Layer.Layer<never, never, EventStore | HttpRouter.HttpRouter> = alive
) =>
  Effect.gen(function* () {
    const stores = yield* Layer.build(memory)
    const host = yield* Layer.build(
      NodeHost.layer(api, [books, log], { port: 0, routes, shutdownTimeout }).pipe(
        Layer.provide(Layer.succeedContext(stores)),
        Layer.provide(
          settings === undefined ? Layer.empty : Layer.succeed(LogApi.FollowerSettings, settings)
        )
      )
    )
    const { address } = Context.get(host, HttpServer)
    if (!("port" in address)) return yield* Effect.die("no port")
    return { port: address.port, store: Context.get(stores, EventStore) }
  })

/** Sends a request as it is written, and returns all that comes back until the host closes. */
const raw = (port: number, text: string) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1")
        let answer = ""
        socket.setEncoding("utf8")
        socket.on("data", (data: string) => (answer += data))
        socket.on("close", () => resolve(answer))
        socket.on("error", reject)
        socket.write(text)
      })
  )

const lend = JSON.stringify({ _tag: "Lend", to: "Ada" })

const post = (headers: Record<string, string>, body = lend) =>
  [
    "POST /books/1/commands HTTP/1.1",
    ...Object.entries({
      host: "localhost",
      connection: "close",
      "content-type": "application/json",
      "content-length": String(body.length),
      ...headers
    }).map(([name, value]) => `${name}: ${value}`),
    "",
    body
  ].join("\r\n")

describe("a host on a port", () => {
  it.effect("answers, and records the trace of the request", () =>
    Effect.gen(function* () {
      const { port, store } = yield* library()
      const trace = "0af7651916cd43dd8448eb211c80319c"
      const answer = yield* raw(
        port,
        post({ traceparent: `00-${trace}-b7ad6b7169203331-01`, tracestate: "shop=1" })
      )
      assert.match(answer, /^HTTP\/1\.1 200 /)
      assert.match(answer, /^etag: "1"\r$/im)
      const [event] = yield* Stream.runCollect(store.readAll())
      assert.strictEqual(event?.metadata.traceparent?.slice(3, 35), trace)
      assert.strictEqual(event?.metadata.tracestate, "shop=1")
    })
  )

  it.effect("S28: answers no page whose name was made to resolve to this machine", () =>
    Effect.gen(function* () {
      const { port, store } = yield* library()
      assert.match(yield* raw(port, post({ host: "evil.example" })), /^HTTP\/1\.1 421 /)
      assert.match(yield* raw(port, post({ host: "127.0.0.1:80" })), /^HTTP\/1\.1 200 /)
      assert.lengthOf(yield* Stream.runCollect(store.readAll()), 1)
    })
  )

  it.effect("serves further routes, under the same rules", () =>
    Effect.gen(function* () {
      const { port } = yield* library()
      const get = (host: string) =>
        raw(port, `GET /alive HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
      assert.match(yield* get("localhost"), /^HTTP\/1\.1 200 [^]*x-content-type-options[^]*alive$/)
      assert.match(yield* get("evil.example"), /^HTTP\/1\.1 421 /)
    })
  )

  it.effect("S34: has one path for one thing, and takes ids of any length that a stream has", () =>
    Effect.gen(function* () {
      const { port } = yield* library()
      const get = (path: string) =>
        raw(port, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
      for (const id of ["x".repeat(200), "\u4e66".repeat(200)]) {
        const path = `/books/${encodeURIComponent(id)}`
        const sent = yield* raw(port, post({}).replace("/books/1", path))
        assert.match(sent, /^HTTP\/1\.1 200 /)
        assert.match(yield* get(path), /^HTTP\/1\.1 200 /)
      }
      assert.match(yield* get(`/books/${"x".repeat(201)}`), /^HTTP\/1\.1 400 /)
      assert.match(yield* get(`/Books/${"x".repeat(200)}`), /^HTTP\/1\.1 404 /)
      assert.match(yield* get(`//books/${"x".repeat(200)}`), /^HTTP\/1\.1 404 /)
    })
  )

  it.effect("S34: refuses headers that are smuggled into a value", () =>
    Effect.gen(function* () {
      const { port } = yield* library()
      const smuggled = yield* raw(port, post({ "x-correlation-id": "a\r\n b" }))
      assert.match(smuggled, /^HTTP\/1\.1 400 /)
      const twice = yield* raw(port, post({ "transfer-encoding": "chunked" }))
      assert.match(twice, /^HTTP\/1\.1 400 /)
    })
  )

  it("S29: limits the time of requests, the silence of connections, and their number", () => {
    const server = Server.make(7)
    assert.strictEqual(server.headersTimeout, 10_000)
    assert.strictEqual(server.requestTimeout, 30_000)
    assert.isAtMost(Server.TIMEOUTS.connectionsCheckingInterval, 1_000)
    assert.strictEqual(server.timeout, 60_000)
    assert.strictEqual(server.maxConnections, 7)
  })

  it.live("closes a connection beyond the limit, and serves those within it", () =>
    Effect.gen(function* () {
      const stores = yield* Layer.build(memory)
      const host = yield* Layer.build(
        NodeHost.layer(api, [books, log], { port: 0, maxConnections: 1 }).pipe(
          Layer.provide(Layer.succeedContext(stores))
        )
      )
      const { address } = Context.get(host, HttpServer)
      if (!("port" in address)) return yield* Effect.die("no port")
      const { port } = address
      const stop = new AbortController()
      const open = (signal?: AbortSignal) =>
        fetch(`http://127.0.0.1:${port}/log?after=head`, signal === undefined ? {} : { signal })
      const { status } = yield* Effect.promise(() => open(stop.signal))
      assert.strictEqual(status, 200)
      const refused = yield* Effect.promise(() => open().catch(() => "refused"))
      assert.strictEqual(refused, "refused")
      stop.abort()
    })
  )

  it.live("sends its followers the end when it closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(library(undefined, "1 hour"), scope)
      const following = yield* Effect.promise(() =>
        fetch(`http://127.0.0.1:${port}/log?after=head`)
      )
      const reader = following.body?.getReader()
      yield* Effect.promise(async () => reader?.read())
      const rest = yield* Effect.forkChild(
        Effect.promise(async () => {
          for (;;) if ((await reader?.read())?.done !== false) return "the end"
        })
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(rest), "the end")
    })
  )

  it.live("answers a request that runs when it closes, as the last one of its connection", () =>
    Effect.gen(function* () {
      const [arrived, go] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const slow = HttpRouter.add(
        "GET",
        "/slow",
        Deferred.succeed(arrived, undefined).pipe(
          Effect.andThen(Deferred.await(go)),
          Effect.as(HttpServerResponse.text("done"))
        )
      )
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(library(undefined, "1 hour", slow), scope)
      const following = yield* Effect.promise(() =>
        fetch(`http://127.0.0.1:${port}/log?after=head`)
      )
      const answer = yield* Effect.forkChild(
        raw(port, "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
      )
      yield* Deferred.await(arrived)
      const closed = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      // Its end tells that the host closes.
      yield* Effect.promise(() => following.text())
      yield* Deferred.succeed(go, undefined)
      assert.match(
        yield* Fiber.join(answer),
        /^HTTP\/1\.1 200 [^]*\nconnection: close\r\n[^]*done/i
      )
      yield* Fiber.join(closed)
    })
  )

  it.live(
    "waits for requests that run no longer than it is told to",
    () =>
      Effect.gen(function* () {
        const arrived = yield* Deferred.make<void>()
        const endless = HttpRouter.add(
          "GET",
          "/endless",
          Effect.andThen(Deferred.succeed(arrived, undefined), Effect.never)
        )
        const scope = yield* Scope.make()
        const { port } = yield* Scope.provide(library(undefined, 1, endless), scope)
        const answer = yield* Effect.forkChild(
          raw(port, "GET /endless HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        )
        yield* Deferred.await(arrived)
        yield* Scope.close(scope, Exit.void)
        assert.notMatch(yield* Fiber.join(answer), /^HTTP\/1\.1 200 /)
      }),
    // Without the option it takes 20 seconds.
    15_000
  )

  it.effect("tells further routes of its end before it waits for requests", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const told = HttpRouter.use((router) =>
        Effect.flatMap(Closing, (closing) =>
          router.add(
            "GET",
            "/told",
            Deferred.succeed(arrived, undefined).pipe(
              Effect.andThen(closing),
              Effect.as(HttpServerResponse.text("told"))
            )
          )
        )
      )
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(library(undefined, "20 seconds", told), scope)
      const answer = yield* Effect.forkChild(
        raw(port, "GET /told HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
      )
      yield* Deferred.await(arrived)
      yield* Scope.close(scope, Exit.void)
      assert.match(yield* Fiber.join(answer), /^HTTP\/1\.1 200 [^]*told$/)
    })
  )

  it.effect("serves routes that need a service of the host", () =>
    Effect.gen(function* () {
      const health = Health.layer({ checks: [Health.store] })
      const { port } = yield* library(undefined, "20 seconds", health)
      const answer = yield* raw(
        port,
        "GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
      )
      assert.match(answer, /^HTTP\/1\.1 200 [^]*{"name":"store","status":"pass"}/)
    })
  )

  it.live("S32: cuts off a client that does not read, and lets others in", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const settings = {
          most: 1,
          mostPerActor: 1,
          heartbeatMillis: 1_000,
          patienceMillis: 200,
          lifetimeMillis: 3_600_000
        }
        const { port, store } = yield* library(settings)
        const text = "x".repeat(100_000)
        for (let batch = 0; batch < 10; batch++) {
          yield* store.append({
            streamId: StreamId.StreamId.make(`note-${batch}`),
            expected: ExpectedRevision.any,
            events: Arr.makeBy(50, (index) => ({
              id: EventId.make(
                `00000000-0000-4000-8000-${String(batch * 100 + index).padStart(12, "0")}`
              ),
              type: "Noted",
              schemaVersion: 1,
              data: { text },
              metadata: {},
              occurredAt: DateTime.makeUnsafe(0)
            }))
          })
        }
        const stalled = yield* Effect.acquireRelease(
          Effect.promise(
            () =>
              new Promise<Socket>((resolve) => {
                const socket = connect(port, "127.0.0.1")
                socket.write("GET /log HTTP/1.1\r\nhost: localhost\r\n\r\n")
                socket.once("readable", () => resolve(socket))
              })
          ),
          (socket) => Effect.sync(() => socket.destroy())
        )
        const follow = Effect.promise(async () => {
          const stop = new AbortController()
          const { status } = await fetch(`http://127.0.0.1:${port}/log`, { signal: stop.signal })
          stop.abort()
          return status
        })
        // Its place, the only one, is free as soon as it is cut off.
        yield* Effect.repeat(follow, { until: (status) => status === 200 })
        const received = yield* Effect.promise(async () => {
          let bytes = 0
          const closed = new Promise((resolve) => stalled.once("close", resolve))
          stalled.on("error", () => {})
          stalled.on("data", (data) => (bytes += data.length))
          await closed
          return bytes
        })
        assert.isBelow(received, 500 * text.length)
      })
    )
  )
})
