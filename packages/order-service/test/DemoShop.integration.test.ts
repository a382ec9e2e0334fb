import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { createServer } from "node:net"
import * as CsvImport from "../src/CsvImport.ts"
import * as Day from "../src/Day.ts"
import * as DemoShop from "../src/DemoShop.ts"
import * as LogFigures from "../src/LogFigures.ts"
import * as Night from "../src/Night.ts"
import type * as NightPage from "../src/NightPage.ts"
import { ReadModelPage } from "../src/ReadModelPage.ts"
import { captured } from "./captured.ts"
import { demo } from "./child.ts"
import { dirty } from "./files.ts"
import { serving, type Serving } from "./serving.ts"

const TOKEN = "kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA"
const CLERK = "xP2dN8vC4mK7rT1wQ9zB6hJ3fL5gS0aY"
const BLIND = "bL7cR5nW8pZ4sD6fG1hJ0yAkV3mT9xQ2"

/** A shop that knows an importer, and a clerk without the right to state times. */
class Shop extends Context.Service<Shop, Serving>()("Shop") {
  static readonly layer = Layer.effect(
    Shop,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const tokens = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(
        tokens,
        `importer command,import,read,log ${TOKEN}\npriya command,read,log ${CLERK}\nhugo command,import,read ${BLIND}`
      )
      yield* fs.chmod(tokens, 0o600)
      return yield* serving(["--store", "memory", "--tokens", tokens])
    })
  )
}

const served = (url: string, token = TOKEN) =>
  DemoShop.layer({ _tag: "served", url, token: Option.some(Redacted.make(token)) })

const importTwice = Effect.gen(function* () {
  const survey = yield* CsvImport.survey(dirty)
  const first = yield* CsvImport.run(survey)
  const log = yield* LogFigures.read(survey.orders.keys())
  const { lines } = yield* captured(ReadModelPage.use(({ tell }) => tell))
  const again = yield* CsvImport.run(survey)
  return { first, log, again, lines }
})

/** A port that nothing listens on. */
const unused = Effect.promise(
  () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        server.close(() => resolve(port))
      })
    })
)

const isFigure = (line: string) => line.startsWith("  ") && !line.startsWith("  order_")

it.layer(Layer.provideMerge(Shop.layer, NodeServices.layer), { excludeTestServices: true })(
  "a served shop of the demo",
  (it) => {
    it.effect("takes an import with its times, and again without a change", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const there = yield* Effect.provide(importTwice, served(url))
        const here = yield* Effect.provide(importTwice, DemoShop.layer({ _tag: "memory" }))
        assert.deepStrictEqual([there.first, there.log], [here.first, here.log])
        assert.deepStrictEqual(there.again, {
          ...there.first,
          recorded: 0,
          known: there.first.recorded
        })
        // The figures of all read models; here the rebuilt ones follow.
        const figures = there.lines.filter(isFigure)
        assert.isAbove(figures.length, 10)
        assert.deepStrictEqual(here.lines.filter(isFigure).slice(0, figures.length), figures)
      })
    )

    it.effect("runs the processes that the night waits for", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const there = (yield* captured(Effect.provide(Night.run("qrcz"), served(url)))).value
        const here = (yield* captured(
          Effect.provide(Night.run("qrcz"), DemoShop.layer({ _tag: "memory" }))
        )).value
        const facts = ({ history, revision, state }: NightPage.Outcome) => ({
          revision,
          state,
          tags: history.map(({ _tag }) => _tag)
        })
        assert.deepStrictEqual(facts(there.cancelled), facts(here.cancelled))
        assert.deepStrictEqual(facts(there.reminded), facts(here.reminded))
        assert.deepStrictEqual(facts(there.shipped), facts(here.shipped))
      })
    )

    it.effect("plays the day as a shop of this process does, but for the clerks", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const there = (yield* captured(Effect.provide(Day.run, served(url)))).value
        const here = (yield* captured(Effect.provide(Day.run, DemoShop.layer({ _tag: "memory" }))))
          .value
        const facts = ({
          addresses,
          before,
          now,
          races,
          rejections,
          removals,
          timeline
        }: typeof here) => ({
          addresses,
          before: [before.revision, before.state],
          now: [now.revision, now.state],
          lost: races.map((runners) => runners.map(({ lost }) => lost.length)),
          rejections,
          removals: removals.map(({ event }) => event),
          events: timeline.length
        })
        const { lost, ...rest } = facts(there)
        const { lost: _, ...expected } = facts(here)
        assert.deepStrictEqual(lost, [[0, 1]])
        // The clerk who wins the race is drawn by lot, and the order of their events with it.
        assert.deepStrictEqual({ ...rest, before: 0, now: 0 }, { ...expected, before: 0, now: 0 })
        assert.strictEqual(there.now.revision, here.now.revision)
        const [winner, loser] = there.races[0] ?? []
        assert.strictEqual(winner?.lost.length, 0)
        assert.deepStrictEqual(
          loser?.lost[0]?.between.map(({ metadata }) => metadata.actor),
          ["importer"]
        )
      })
    )

    it.effect("says why it does not serve a caller", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const failure = (url: string, token: string) =>
          Effect.map(
            Effect.flip(captured(Effect.provide(Day.run, served(url, token)))),
            ({ message }) => message
          )
        assert.strictEqual(
          yield* failure(url, "unknown"),
          `cannot open the shop at ${url}: The request has no accepted credential`
        )
        assert.strictEqual(
          yield* failure(url, CLERK),
          `the shop at ${url} failed: The caller lacks the permission import`
        )
        assert.strictEqual(
          yield* failure(url, BLIND),
          `cannot open the shop at ${url}: The caller lacks the permission log`
        )
        const port = yield* unused
        const nowhere = `http://127.0.0.1:${port}`
        assert.strictEqual(
          yield* failure(nowhere, TOKEN),
          `cannot open the shop at ${nowhere}: connect ECONNREFUSED 127.0.0.1:${port}: start the server, or correct host and port in the URL`
        )
      })
    )

    it.effect("ends an import with one line that says what may be done", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const failure = (args: ReadonlyArray<string>, token: string) =>
          Effect.map(demo(args, { env: { DAYBOOK_TOKEN: token } }), ({ status, stderr }) => [
            status,
            stderr
          ])
        assert.deepStrictEqual(yield* failure([dirty, "--url", url], CLERK), [
          1,
          `demo: the shop at ${url} failed: The caller lacks the permission import; what was recorded stays, and running it again goes on from there\n`
        ])
        assert.deepStrictEqual(yield* failure([dirty, "--url", url], BLIND), [
          1,
          `demo: cannot open the shop at ${url}: The caller lacks the permission log\n`
        ])
        assert.deepStrictEqual(yield* failure(["--url", "http://shop.example"], TOKEN), [
          1,
          "demo: --url would send DAYBOOK_TOKEN in clear to shop.example: give an https: URL, or leave DAYBOOK_TOKEN out\n"
        ])
      })
    )

    it.effect("is chosen by --url and the token in the environment", () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const ended = yield* demo(["--url", url], { env: { DAYBOOK_TOKEN: TOKEN } })
        assert.deepStrictEqual([ended.status, ended.stderr], [0, ""])
        assert.include(ended.stdout, `Opening the shop at ${url}.`)
        assert.match(
          ended.stdout,
          /look like at 15:00\?\n {2}draft, 12 items, GBP 33\.10, at revision 7\n/
        )
        assert.include(ended.stdout, "POST /read-models/{name}/rebuild")
      })
    )
  }
)

describe("DemoShop", () => {
  it("has no store of its own when it is served", () => {
    const flags = { store: Option.none(), data: Option.none(), url: Option.none() }
    const url = Option.some(new URL("http://localhost:3000/shop/"))
    const none = Option.none<Redacted.Redacted>()
    const shopOf = (given: Partial<Parameters<typeof DemoShop.fromFlags>[0]>) =>
      Result.mapError(DemoShop.fromFlags({ ...flags, ...given }, none), ({ message }) => message)
    const served = { _tag: "served", url: "http://localhost:3000/shop", token: none } as const
    assert.deepStrictEqual(shopOf({ url }), Result.succeed(served))
    assert.deepStrictEqual(shopOf({}), Result.succeed({ _tag: "embedded", dataDir: undefined }))
    const refused = Result.fail(
      "--store and --data are for a shop of this process, and --url names http://localhost:3000/shop"
    )
    assert.deepStrictEqual(shopOf({ url, store: Option.some("memory") }), refused)
    assert.deepStrictEqual(shopOf({ url, data: Option.some("x") }), refused)
  })
})
