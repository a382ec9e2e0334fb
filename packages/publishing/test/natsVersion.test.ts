import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { Broker, BrokerUnfit } from "../src/Broker.ts"
import { isAtLeast, requireVersion } from "../src/internal/natsClient.ts"
import * as NatsBroker from "../src/NatsBroker.ts"
import * as NatsSource from "../src/NatsSource.ts"

it("compares versions by their numbers", () => {
  for (const [version, isEnough] of [
    ["2.12.1", true],
    ["2.12.0", false],
    ["2.9.10", false],
    ["2.12.10", true],
    ["3.0", true],
    ["2.12.1-preview.2", true],
    ["", false]
  ] as const) {
    assert.strictEqual(isAtLeast(version, "2.12.1"), isEnough, version)
  }
})

/** A server of an old version: it greets, and stores whatever a client publishes. */
const oldServer = Effect.gen(function* () {
  const received: Array<string> = []
  const info = { server_id: "old", version: "2.9.10", max_payload: 1_048_576, headers: true }
  const sockets = new Set<Net.Socket>()
  const server = Net.createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on("data", (bytes) => {
      const text = bytes.toString()
      received.push(text)
      if (text.includes("PING")) socket.write("PONG\r\n")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  const port = address !== null && typeof address === "object" ? address.port : 0
  return { servers: `127.0.0.1:${port}`, received }
})

const unfit = new BrokerUnfit({
  broker: "nats",
  issue: "the server has version 2.9.10, at least 2.12.1 is needed"
})

it.live("refuses an older server before it sends a message", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { received, servers } = yield* oldServer
      const message = { topic: "orders", key: "a", id: "1", body: "{}" }
      const error = yield* Effect.flatMap(Broker, (broker) =>
        Effect.flip(broker.send([message]))
      ).pipe(Effect.provide(NatsBroker.layer({ servers })))
      assert.deepStrictEqual<unknown>(error, unfit)
      assert.notInclude(received.join(""), "PUB")
    })
  )
)

it.live("refuses to consume from an older server", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const { servers } = yield* oldServer
      const source = NatsSource.make({ connection: { servers }, stream: "s", durable: "d" })
      const error = yield* Effect.flip(source.run(() => Effect.void))
      assert.deepStrictEqual<unknown>(error, unfit)
    })
  )
)

it.effect("a client that reconnects has no server yet, rather than an unfit one", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(requireVersion({}))
    assert.strictEqual(error.message, "Cannot connect by nats: not connected")
    assert.strictEqual(error._tag, "BrokerUnavailable")
  })
)
