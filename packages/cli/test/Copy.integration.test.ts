import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import { CONFIG, daybook, FIXTURE, onTerminal } from "./child.ts"
import { caughtUp, empty, note, on, shop, sqlOn } from "./shop.ts"

const TIMEOUT_MILLIS = 600_000

const folder = Effect.flatMap(FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "daybook-cli-" })
)

const fixture = Fs.readFileSync(FIXTURE, "utf8")
const LOG = "cae4a31b-1338-4840-9be0-4f39692c6255"

/** The export of a log of many orders, each created by an append of its own. */
const many = (events: number): string => {
  const hash = createHash("sha256")
  const lines = Array.from({ length: events }, (_, index) => {
    const line = JSON.stringify({
      position: String(index * 1_024 + 1),
      streamId: `order-${index}`,
      revision: 1,
      id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      type: "OrderCreated",
      schemaVersion: 3,
      occurredAt: "2026-11-26T08:55:00.000Z",
      recordedAt: "2026-11-26T08:55:00.000Z",
      data: { customerId: `customer-${index}`, currency: "GBP" },
      metadata: {}
    })
    hash.update(`${line}\n`)
    return line
  })
  return [
    JSON.stringify({ daybook: "log", format: 1, log: LOG }),
    ...lines,
    JSON.stringify({ daybook: "end", events, sha256: hash.digest("hex") }),
    ""
  ].join("\n")
}

const MANY = 12_000

const countOf = (url: string) =>
  Effect.map(
    on(
      url,
      Effect.flatMap(
        SqlClient,
        (sql) => sql<{ readonly n: number }>`SELECT count(*)::integer AS n FROM daybook.events`
      )
    ),
    ([row]) => row?.n ?? 0
  )

/** Looks again until `look` is true; each look is a call of a server or of a file system. */
const until = <E, R>(look: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(look, (is) => (is ? Effect.void : Effect.andThen(Effect.yieldNow, until(look))))

/** Runs `use` while no page of the log can be read. */
const whileLogRests = <A, E, R>(url: string, use: Effect.Effect<A, E, R>) =>
  on(
    url,
    Effect.flatMap(SqlClient, (sql) =>
      sql.withTransaction(
        Effect.andThen(sql`LOCK TABLE daybook.passed_over IN ACCESS EXCLUSIVE MODE`, use)
      )
    )
  )

it.layer(Layer.merge(PostgresServer.PostgresServer.layer, NodeServices.layer))("a copy", (it) => {
  it.effect(
    "of a log is the same log, from a server to a folder and back",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        const dir = yield* folder
        const file = `${dir}/log.ndjson`
        const exported = yield* daybook(["export", "--url", url])
        assert.deepStrictEqual([exported.status, exported.stderr], [0, ""])
        assert.strictEqual(exported.stdout, fixture)
        const toFile = yield* daybook(["export", "--url", url, "--to", file, "-q"])
        assert.deepStrictEqual([toFile.status, toFile.stdout], [0, `${file}\n`])
        assert.strictEqual(Fs.readFileSync(file, "utf8"), fixture)
        assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
        const again = yield* daybook(["export", "--url", url, "--to", file])
        assert.strictEqual(again.status, 2)
        assert.include(again.stderr, "exists: give another, or --resume")

        const copy = `${dir}/copy`
        const imported = yield* daybook(["import", file, "--data", copy, "-o", "ndjson"])
        assert.deepStrictEqual([imported.status, imported.stderr], [0, ""])
        assert.nestedPropertyVal(JSON.parse(imported.stdout), "added", 20)
        const back = yield* daybook(["export", "--data", copy])
        assert.strictEqual(back.stdout, fixture)

        const server = yield* empty
        const piped = yield* daybook(["import", "--url", server, "-q", "--reason", "grown up"], {
          stdin: back.stdout
        })
        assert.deepStrictEqual(piped, { status: 0, stdout: `${LOG}\n`, stderr: "" })
        assert.strictEqual((yield* daybook(["export", "--url", server])).stdout, fixture)
        const [act] = yield* on(
          server,
          Effect.flatMap(
            SqlClient,
            (sql) => sql`SELECT act, reason FROM daybook.acts ORDER BY act_id DESC LIMIT 1`
          )
        )
        assert.deepStrictEqual(act, { act: "import", reason: "grown up" })
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "includes events that readers pass over, with the record of it",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        yield* sqlOn(
          url,
          "INSERT INTO daybook.passed_over SELECT position, event_id, '2026-11-27Z', 'ops', 'ann', 'unreadable' FROM daybook.events WHERE position = 1025"
        )
        const { stdout } = yield* daybook(["export", "--url", url])
        const server = yield* empty
        const imported = yield* daybook(["import", "--url", server], { stdin: stdout })
        assert.deepStrictEqual([imported.status, imported.stderr], [0, ""])
        assert.strictEqual((yield* daybook(["export", "--url", server])).stdout, stdout)
        const [row] = yield* sqlOn(
          server,
          "SELECT data->>'productId' AS product FROM daybook.events WHERE position = 1025"
        )
        assert.deepStrictEqual(row, { product: "lantern" })
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "is refused for a file that is altered, cut off, or of another log",
    () =>
      Effect.gen(function* () {
        const imported = Effect.fnUntraced(function* (text: string) {
          const url = yield* empty
          const ended = yield* daybook(["import", "--url", url], { stdin: text })
          return { ...ended, url }
        })
        const altered = yield* imported(fixture.replace('"quantity":4', '"quantity":5'))
        assert.strictEqual(altered.status, 1)
        assert.include(altered.stderr, "Line 22 is not of an export: it names 20 events")
        const broken = yield* imported(fixture.replace('"revision":2', '"revision":"x"'))
        assert.include(broken.stderr, "Line 3 is not of an export")
        const lines = fixture.split("\n")
        const cut = yield* imported(lines.slice(0, 11).join("\n"))
        assert.strictEqual(cut.status, 1)
        assert.include(cut.stderr, "of its 10 events, 9 were added to the log")
        const completed = yield* daybook(["import", "--url", cut.url, "-o", "ndjson"], {
          stdin: fixture
        })
        assert.nestedPropertyVal(JSON.parse(completed.stdout), "added", 11)
        yield* note(cut.url)
        const grown = yield* daybook(["import", "--url", cut.url, "-o", "ndjson"], {
          stdin: fixture
        })
        assert.nestedPropertyVal(JSON.parse(grown.stdout), "added", 0)
        const other = yield* daybook(["import", "--url", cut.url], {
          stdin: fixture.replace(LOG, "11111111-1111-4111-8111-111111111111")
        })
        assert.strictEqual(other.status, 1)
        assert.include(other.stderr, `and its id is ${LOG}`)
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "goes on after Ctrl-C in the middle of an import, of an export and of a rebuild",
    () =>
      Effect.gen(function* () {
        const url = yield* empty
        const text = many(MANY)
        const half = text.slice(0, text.length / 2)
        const interrupted = yield* daybook(["import", "--url", url], {
          stdin: half,
          // Its input stays open, so the import waits for the other half.
          during: (child) =>
            until(Effect.map(countOf(url), (n) => n > 0)).pipe(
              Effect.andThen(Effect.sync(() => void child.kill("SIGINT"))),
              Effect.orDie
            )
        })
        assert.deepStrictEqual(
          [interrupted.status, interrupted.stderr],
          [130, "daybook: interrupted\n"]
        )
        const whole = (yield* countOf(url)) % 1_000
        assert.strictEqual(whole, 0)
        const imported = yield* daybook(["import", "--url", url, "-q"], { stdin: text })
        assert.deepStrictEqual([imported.status, imported.stderr], [0, ""])
        assert.strictEqual(yield* countOf(url), MANY)

        const file = `${yield* folder}/log.ndjson`
        const stopped = yield* daybook(["export", "--url", url, "--to", file], {
          during: (child) =>
            until(Effect.sync(() => Fs.existsSync(file) && Fs.statSync(file).size > 1_000)).pipe(
              Effect.andThen(
                whileLogRests(
                  url,
                  Effect.callback<void>((resume) => {
                    child.once("close", () => resume(Effect.void))
                    child.kill("SIGINT")
                  })
                )
              ),
              Effect.orDie
            )
        })
        assert.strictEqual(stopped.status, 130)
        const begun = Fs.readFileSync(file, "utf8")
        assert.isTrue(text.startsWith(begun.slice(0, begun.lastIndexOf("\n") + 1)))
        assert.isBelow(begun.length, text.length)
        const resumed = yield* daybook(["export", "--url", url, "--to", file, "--resume", "-q"])
        assert.deepStrictEqual([resumed.status, resumed.stderr], [0, ""])
        assert.strictEqual(Fs.readFileSync(file, "utf8"), text)

        yield* on(url, Effect.provide(caughtUp, EventStorePostgres.layer))
        const rebuild = [
          "projections",
          "rebuild",
          "order_summary",
          "--config",
          CONFIG,
          "--url",
          url
        ]
        const shadows = on(
          url,
          Effect.flatMap(ReadModelStore, (store) => store.states()).pipe(
            Effect.map((states) => states.filter(({ role }) => role === "shadow").length),
            Effect.provide(ReadModelStorePostgres.layer)
          )
        )
        const left = yield* daybook(rebuild, {
          during: (child) =>
            until(Effect.map(shadows, (n) => n > 0)).pipe(
              Effect.andThen(
                whileLogRests(
                  url,
                  Effect.callback<void>((resume) => {
                    child.once("close", () => resume(Effect.void))
                    child.kill("SIGINT")
                  })
                )
              ),
              Effect.orDie
            )
        })
        assert.deepStrictEqual([left.status, left.stderr], [130, "daybook: interrupted\n"])
        assert.strictEqual(yield* shadows, 1)
        const rebuilt = yield* daybook([...rebuild, "-q"])
        assert.deepStrictEqual(rebuilt, { status: 0, stdout: "order_summary\n", stderr: "" })
        assert.strictEqual(yield* shadows, 0)
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "ends without a complaint when its reader has gone",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        const { status, stderr } = yield* daybook(["export", "--url", url], {
          during: (child) => Effect.sync(() => void child.stdout?.destroy())
        })
        assert.deepStrictEqual([status, stderr], [0, ""])
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "shows its progress on a terminal, and none when it is quiet",
    () =>
      Effect.gen(function* () {
        const url = yield* empty
        const shown = yield* onTerminal(["import", FIXTURE, "--url", url])
        assert.include(shown.stdout, "\r\u001b[K0 events read, 0 events added")
        const hidden = yield* onTerminal(["import", FIXTURE, "--url", url, "-q"])
        assert.strictEqual(hidden.stdout, `${LOG}\r\n`)
      }),
    TIMEOUT_MILLIS
  )
})
