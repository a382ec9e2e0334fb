import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CommandLine from "../src/CommandLine.ts"
import * as Settings from "../src/Settings.ts"

const SECRET = "kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA"

/** Returns the settings of `pnpm start` with these arguments and variables. */
const settings = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    let found: Settings.Settings | undefined
    const command = Command.make("shop", Settings.flags, (flags) =>
      Effect.map(Settings.fromFlags(flags), (settings) => {
        found = settings
      })
    )
    yield* CommandLine.runWith(command, args)
    return found
  }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.provide(NodeServices.layer),
    Effect.mapError((error) => (error instanceof Error ? error.message : String(error))),
    Effect.result
  )

const local = { host: "127.0.0.1", port: 3000, readyLag: undefined, tokens: undefined }

describe("Settings", () => {
  it.effect("keeps a log in the current folder, on loopback, unless told otherwise", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* settings([]),
        Result.succeed({ ...local, store: { _tag: "embedded", dataDir: "shop-data" } })
      )
    })
  )

  it.effect("takes flags before variables", () =>
    Effect.gen(function* () {
      const env = {
        DAYBOOK_STORE: "embedded",
        DAYBOOK_DATA: "/srv/shop",
        DAYBOOK_HOST: "::1",
        DAYBOOK_PORT: "80",
        DAYBOOK_READY_LAG: "300"
      }
      const store = { _tag: "embedded", dataDir: "/srv/shop" } as const
      assert.deepStrictEqual(
        yield* settings([], env),
        Result.succeed({ ...local, store, host: "::1", port: 80, readyLag: Duration.minutes(5) })
      )
      assert.deepStrictEqual(
        yield* settings(
          ["--port", "0", "--data", "x", "--host", "127.0.0.1", "--ready-lag", "0"],
          env
        ),
        Result.succeed({
          ...local,
          store: { _tag: "embedded", dataDir: "x" },
          port: 0,
          readyLag: Duration.zero
        })
      )
      assert.deepStrictEqual(
        yield* settings(["--store", "memory"], { DAYBOOK_STORE: "postgres" }),
        Result.succeed({ ...local, store: { _tag: "memory" } })
      )
    })
  )

  it.effect("reads tokens from a variable", () =>
    Effect.gen(function* () {
      const found = yield* settings([], { DAYBOOK_TOKENS: `priya command,read ${SECRET}` })
      assert(Result.isSuccess(found))
      const [token] = found.success?.tokens ?? []
      assert.strictEqual(token?.caller.actor, "priya")
      assert.deepStrictEqual(token?.caller.permissions, new Set(["command", "read"] as const))
    })
  )

  for (const [name, args, env, problem] of [
    [
      "a port that is none",
      ["--port", "65536"],
      {},
      'Invalid value for flag --port: "65536". Expected: a port from 0 to 65535 (see --help)'
    ],
    [
      "a folder for a store that has none",
      ["--store", "memory", "--data", "x"],
      {},
      "--data is the folder of --store embedded, and the store is memory"
    ],
    [
      "tokens that are wrong",
      [],
      { DAYBOOK_TOKENS: `priya sell ${SECRET}` },
      "tokens, line 1: the permissions are not among command,import,read,log,operate,inspect"
    ]
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* settings(args, env), Result.fail(problem))
      })
    )
  }

  it.effect("refuses a missing file of tokens, and an unknown store", () =>
    Effect.gen(function* () {
      const missing = yield* settings(["--tokens", "/none"])
      assert(Result.isFailure(missing))
      assert.include(missing.failure, "/none")
      const unknown = yield* settings([], { DAYBOOK_STORE: "disk" })
      assert(Result.isFailure(unknown))
      assert.include(unknown.failure, "DAYBOOK_STORE")
    })
  )
})
