/**
 * PostgreSQL's own load generator on the textbook table, if the machine has it. It shows the
 * server's speed with a client that costs almost nothing. Each of its clients has a connection of
 * its own.
 */
import type { Sample } from "@daybook/benchmarks/Sample"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as Os from "node:os"
import * as Baskets from "./Baskets.ts"
import type { Contender, Tally } from "./Contender.ts"
import type { Drive } from "./Drive.ts"
import * as Rows from "./Rows.ts"
import * as Textbook from "./Textbook.ts"

export const name = "pgbench"

/** The output of `pgbench` does not show a finished run. */
class PgbenchFailed extends Data.TaggedError("PgbenchFailed")<{ readonly output: string }> {
  override get message() {
    return `pgbench failed: ${this.output}`
  }
}

/**
 * Tests for a run without transactions: on a busy machine the time can end before clients connect.
 */
const isIdle = (error: unknown): boolean =>
  error instanceof PgbenchFailed && error.output.includes("actually processed: 0")

/** The folder of Debian's binaries that are not on the path. */
const DEBIAN = "/usr/lib/postgresql"

/** Finds the binary and its version: the one on the path, otherwise Debian's newest. */
export const find = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner
  const versions = yield* Effect.orElseSucceed(files.readDirectory(DEBIAN), () => [])
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a))
  const binaries = ["pgbench", ...newestFirst.map((version) => `${DEBIAN}/${version}/bin/pgbench`)]
  for (const binary of binaries) {
    const version = yield* spawner
      .string(ChildProcess.make(binary, ["--version"]))
      .pipe(Effect.orElseSucceed(() => ""))
    const number = /pgbench \(PostgreSQL\) (\S+)/.exec(version)?.[1]
    if (number !== undefined) return Option.some({ binary, version: number })
  }
  return Option.none()
})

/** Opens `pgbench` on an empty database. */
export const open = Effect.fnUntraced(function* (binary: string, url: Redacted.Redacted<string>) {
  const files = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner
  const folder = yield* Effect.orDie(files.makeTempDirectoryScoped({ prefix: "daybook-pgbench-" }))
  const sql = yield* Effect.provide(PgClient.make({ url, maxConnections: 1 }), Reactivity.layer)
  yield* sql.unsafe(Textbook.schema)
  const tally: Tally = { events: 0 }
  const stored = Effect.orDie(
    Effect.map(
      sql<{ readonly events: number }>`SELECT count(*)::float8 AS events FROM events`,
      ([row]) => row?.events ?? 0
    )
  )

  /**
   * Runs a script whose transactions append `events` events each; with `lossy`, a transaction that
   * lost a race appends none.
   */
  const drive =
    (script: string, events: number, lossy = false): Drive =>
    ({ concurrency, limit, seconds }) =>
      Effect.gen(function* () {
        const file = `${folder}/script.sql`
        yield* files.writeFileString(file, script)
        const before = lossy ? yield* stored : 0
        const output = yield* spawner.string(
          ChildProcess.make(
            binary,
            [
              ["--no-vacuum", "--protocol=prepared", `--file=${file}`],
              [
                `--client=${concurrency}`,
                `--jobs=${Math.min(concurrency, Os.availableParallelism())}`
              ],
              limit === undefined
                ? // Whole seconds, and one more, since its clock starts before it has connected.
                  [`--time=${Math.ceil(seconds) + 1}`]
                : [`--transactions=${Math.ceil(limit / concurrency)}`],
              [url]
            ].flat()
          ),
          { includeStderr: true }
        )
        const figure = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
        const transactions = figure(/actually processed: (\d+)/)
        const perSecond = figure(/tps = ([\d.]+)/)
        const failed = /aborted|error:|fatal:/i.test(output)
        if (failed || Number.isNaN(transactions + perSecond)) {
          return yield* new PgbenchFailed({ output })
        }
        const appended = lossy ? (yield* stored) - before : transactions * events
        tally.events += appended
        const sample: Sample = {
          perSecond: lossy ? (perSecond * appended) / transactions : perSecond,
          // pgbench reports an average only.
          p50Micros: Number.NaN,
          p99Micros: Number.NaN
        }
        return sample
      }).pipe(Effect.retry({ times: 3, while: isIdle }), Effect.orDie)

  const make = (id: string, events: number) =>
    sql`INSERT INTO events (stream_id, revision, type, data, metadata)
      SELECT ${Baskets.streamId(id)}, n, event ->> 'type', event -> 'data', '{}'
        FROM jsonb_array_elements(${JSON.stringify(Baskets.history(events))}::text::jsonb)
          WITH ORDINALITY AS e(event, n)`.pipe(
      Effect.orDie,
      Effect.map(() => void (tally.events += events))
    )

  const [server] = yield* sql<{
    readonly max: number
  }>`SELECT current_setting('max_connections')::int AS max`
  const contender: Contender = {
    name,
    mostAtATime: (server?.max ?? 0) - RESERVED,
    append: (events) => drive(append(events), events),
    orders: {
      make,
      // The database assigns the revision, and the loser of a race appends nothing.
      hot: (id) => drive(addTo(`'${Baskets.streamId(id)}'`), 1, true),
      load: (id) => drive(read(`'${Baskets.streamId(id)}'`), 0),
      execute: ({ count, first }) => {
        const pick = `\\set n random(${first}, ${first + count - 1})\n`
        const prefix = Baskets.streamId(Baskets.NUMBERED)
        const stream = `'${prefix}' || lpad(to_hex(:n::bigint), 12, '0')`
        return drive(pick + read(stream) + addTo(stream), 1, true)
      }
    },
    check: Effect.flatMap(Effect.orDie(Rows.select(url, Textbook.rows)), (found) =>
      Rows.compare(name, tally.events, found)
    )
  }
  return contender
})

/** The connections of the server that the other contenders and the superuser hold. */
const RESERVED = 60

const [item] = Baskets.additions(1)

const columns = "(stream_id, revision, type, data, metadata)"

const values = `'${item.type}', '${JSON.stringify(item.data)}', '{}'`

const append = (events: number): string =>
  events === 1
    ? `INSERT INTO events ${columns} VALUES ('order-' || gen_random_uuid(), 1, ${values});\n`
    : `INSERT INTO events ${columns} SELECT s.id, n, ${values}
        FROM (SELECT 'order-' || gen_random_uuid() AS id) s, generate_series(1, ${events}) n;\n`

const read = (stream: string): string =>
  `SELECT type, data FROM events WHERE stream_id = ${stream} AND revision > 0 ORDER BY revision;\n`

const addTo = (stream: string): string =>
  `INSERT INTO events ${columns} SELECT ${stream}, coalesce(max(revision), 0) + 1, ${values}
    FROM events WHERE stream_id = ${stream} ON CONFLICT DO NOTHING;\n`
