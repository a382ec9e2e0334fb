import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createConnection } from "node:net"
import { dirname } from "node:path"
import * as process from "node:process"
import type { Ended } from "./child.ts"
import { assertAnswered, verify, work } from "./clients.ts"
import { folder } from "./files.ts"
import { closed, failing, type Serving, serving } from "./serving.ts"

const memory = ["--store", "memory"]

/** A database is created and opened several times, on a machine that others may use too. */
const TIMEOUT_MILLIS = 240_000

const SECRET = "kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA"

/** A file of tokens that lives as long as the test. */
const tokensFile = Effect.fnUntraced(function* (content: string, mode: number = 0o600) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped()
  yield* fs.writeFileString(path, content)
  yield* fs.chmod(path, mode)
  return path
})

/** The form of every failure to start: nothing on standard output, one line on standard error. */
const assertFails = ({ status, stderr, stdout }: Ended, line: string | RegExp) => {
  const [only = "", ...rest] = stderr.split("\n")
  if (typeof line === "string") assert.strictEqual(only, `shop: ${line}`)
  else assert.match(only, line)
  assert.deepStrictEqual([rest, stdout, status], [[""], "", 1])
}

/** One folder for all tests: to create a database takes longer than to open it. */
class Data extends Context.Service<Data, string>()("Data") {
  static readonly layer = Layer.effect(Data, folder)
}

const services = Layer.merge(PostgresServer.PostgresServer.layer, Data.layer).pipe(
  Layer.provideMerge(NodeServices.layer)
)

it.layer(services, { excludeTestServices: true })("a served shop", (it) => {
  describe("ends with one line and status 1 on", () => {
    for (const [name, args, line] of [
      ["an unknown flag", ["--bogus"], "Unrecognized flag: --bogus in command shop (see --help)"],
      ["a server that is not configured", ["--store", "postgres"], "DATABASE_URL is not set"],
      [
        "a network without tokens",
        [...memory, "--host", "0.0.0.0"],
        "cannot listen on 0.0.0.0 without tokens, since everyone there could do everything: give --tokens FILE, or listen on 127.0.0.1"
      ]
    ] as const) {
      it.effect(name, () => Effect.map(failing(args), (ended) => assertFails(ended, line)))
    }

    it.effect("tokens that others may read, without a word of a secret", () =>
      Effect.gen(function* () {
        const open = yield* tokensFile(`priya command ${SECRET}`, 0o640)
        assertFails(
          yield* failing([...memory, "--tokens", open]),
          `others may read the tokens in ${open}: chmod 600 ${open}`
        )
      })
    )

    it.effect("a port that is taken", () =>
      Effect.gen(function* () {
        const { port } = yield* serving(memory)
        assertFails(
          yield* failing([...memory, "--port", String(port)]),
          `listen EADDRINUSE: address already in use 127.0.0.1:${port}: stop the process that listens there, or choose another port`
        )
      })
    )

    it.effect(
      "a folder that another shop has open",
      () =>
        Effect.gen(function* () {
          const data = yield* Data
          yield* serving(["--data", data])
          assertFails(
            yield* failing(["--port", "0", "--data", data]),
            /^shop: .* is in use by .*: stop that process, or choose another folder$/
          )
        }),
      TIMEOUT_MILLIS
    )

    it.effect("a server that refuses the connection, without its password", () =>
      Effect.gen(function* () {
        const env = { DATABASE_URL: "postgres://shop:hunter2@127.0.0.1:1/shop" }
        const ended = yield* failing(["--store", "postgres"], env)
        assertFails(
          ended,
          "Cannot connect to shop at 127.0.0.1:1 as shop: connect ECONNREFUSED 127.0.0.1:1: start the server, or correct host and port in the URL"
        )
      })
    )
  })

  it.effect("says in one record of its log that it is ready, and then is", () =>
    Effect.gen(function* () {
      const shop = yield* serving([], { DAYBOOK_STORE: "memory" })
      const get = (path: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${shop.url}${path}`)
          return [response.status, await response.text()] as const
        })
      const [ready, health] = yield* get("/health/ready")
      assert.strictEqual(ready, 200, health)
      for (const path of ["/health/live", "/docs", "/openapi.json", "/read-models"]) {
        assert.strictEqual((yield* get(path))[0], 200, path)
      }
      assert.match((yield* get("/metrics"))[1], /^daybook_/m)
      yield* shop.signal("SIGINT")
      const { status, stderr, stdout } = yield* shop.ended
      assert.deepStrictEqual([status, stderr], [0, ""])
      const [only, ...rest] = stdout.trimEnd().split("\n")
      assert.deepStrictEqual(rest, [])
      const { level, message } = JSON.parse(only ?? "") as Readonly<{ [field: string]: unknown }>
      assert.deepStrictEqual(
        [level, message],
        ["INFO", `The shop serves on ${shop.url} from a store in memory`]
      )
    })
  )

  it.effect("lets callers with tokens in, and records them", () =>
    Effect.gen(function* () {
      const tokens = yield* tokensFile(`priya command,log ${SECRET}\n`)
      const shop = yield* serving([...memory, "--host", "0.0.0.0", "--tokens", tokens])
      const url = `http://127.0.0.1:${shop.port}`
      const send = (token: string) =>
        Effect.promise(() =>
          fetch(`${url}/orders/1/commands`, {
            method: "POST",
            headers: {
              "content-type": "application/json",
              "idempotency-key": "1",
              authorization: `Bearer ${token}`
            },
            body: JSON.stringify({ _tag: "CreateOrder", customerId: "ada", currency: "GBP" })
          })
        )
      assert.strictEqual((yield* send(SECRET.toLowerCase())).status, 401)
      assert.strictEqual((yield* send(SECRET)).status, 200)
      const history = yield* Effect.promise(async () =>
        (
          await fetch(`${url}/orders/1/history`, { headers: { authorization: `Bearer ${SECRET}` } })
        ).text()
      )
      assert.include(history, '"actor":"priya"')
      assert.notInclude(history + shop.stdout(), SECRET)
    })
  )

  it.effect("takes tokens from a file of another user, as secrets are mounted", () =>
    Effect.gen(function* () {
      // Only root can start a shop as another user; the file of anyone else is the shop's own.
      const [uid, mode] = process.getuid?.() === 0 ? [65_534, 0o644] : [undefined, 0o600]
      const tokens = yield* tokensFile(`priya command,log ${SECRET}\n`, mode)
      const fs = yield* FileSystem.FileSystem
      yield* fs.chmod(dirname(tokens), 0o755)
      const shop = yield* serving([...memory, "--tokens", tokens], {}, uid)
      const { status } = yield* Effect.promise(() => fetch(`${shop.url}/orders/1`))
      assert.strictEqual(status, 401)
    })
  )

  it.effect("ends at once by a second signal, though a request is still open", () =>
    Effect.gen(function* () {
      const shop = yield* serving(memory)
      yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<ReturnType<typeof createConnection>>((resolve) => {
              const socket = createConnection(shop.port, "127.0.0.1")
              socket.on("error", () => {})
              const head =
                "POST /orders/1/commands HTTP/1.1\r\nhost: localhost\r\nidempotency-key: 1\r\n" +
                "content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n"
              // The shop asks for the body, and so waits for it.
              socket.once("data", () => resolve(socket))
              socket.write(head)
            })
        ),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* shop.signal("SIGTERM")
      yield* closed(shop)
      yield* shop.signal("SIGTERM")
      const { status, stderr } = yield* shop.ended
      assert.deepStrictEqual([status, stderr], [143, ""])
    })
  )

  const embedded = Effect.map(Data, (data) => ({ args: ["--data", data], env: {} }))
  const server = Effect.map(PostgresServer.freshDatabase, (url) => ({
    args: ["--store", "postgres"],
    env: { DATABASE_URL: Redacted.value(url) }
  }))

  /** Puts a shop under load, and sends it a signal once it has acknowledged 100 commands. */
  const interrupted = Effect.fnUntraced(function* (shop: Serving, signal: "SIGTERM" | "SIGKILL") {
    let isSent = false
    const record = yield* work(shop, signal, (count) => {
      if (count < 100 || isSent) return
      isSent = true
      Effect.runSync(shop.signal(signal))
    })
    assert.isAtLeast(record.acknowledged.length, 100)
    assert.deepStrictEqual(record.refused, [])
    if (signal === "SIGTERM") assertAnswered(record)
    const { status, stderr } = yield* shop.ended
    assert.deepStrictEqual([status, stderr], [signal === "SIGTERM" ? 0 : null, ""])
    return record
  })

  for (const [name, store] of [
    ["the embedded Postgres", embedded],
    ["a server", server]
  ] as const) {
    it.effect(
      `has on ${name} what it acknowledged before it ended or was killed under load`,
      () =>
        Effect.gen(function* () {
          const { args, env } = yield* store
          const ended = yield* interrupted(yield* serving(args, env), "SIGTERM")
          const killed = yield* interrupted(yield* serving(args, env), "SIGKILL")
          const shop = yield* serving(args, env)
          yield* verify(shop, ended)
          yield* verify(shop, killed)
        }),
      TIMEOUT_MILLIS
    )
  }

  it.effect("is found to have lost commands by the record of its clients", () =>
    Effect.gen(function* () {
      // A store in memory is gone with its process.
      const record = yield* interrupted(yield* serving(memory), "SIGKILL")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(verify(yield* serving(memory), record))))
    })
  )
})
