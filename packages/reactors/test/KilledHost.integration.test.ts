/**
 * A host that is killed in the middle of its work, and one that takes over.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { Reactors } from "@daybook/reactors/Reactors"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { append } from "./reactorCases.ts"
import { stores } from "./postgresLayers.ts"
import { category, createTable, tallies } from "./tallies.ts"

const KEYS = ["a", "b", "c", "d", "e", "f"]
const EACH = 20

const killable = (url: Redacted.Redacted) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [Path.join(import.meta.dirname, "programs", "reactForever.ts"), Redacted.value(url)],
        { stdio: "ignore" }
      )
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const talliedBy = (host: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql<{ readonly note: string }>`
      SELECT note FROM tallies WHERE host = ${host}::text OR ${host}::text = 'any' ORDER BY id`
  )

layer(PostgresServer.PostgresServer.layer, { timeout: 120_000, excludeTestServices: true })(
  "A host that is killed",
  (it) => {
    it.effect("is replaced by another one, and each event takes effect once", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const services = stores.pipe(Layer.provideMerge(PgClient.layer({ url })))
        const context = yield* Layer.build(services)
        yield* Effect.gen(function* () {
          yield* createTable
          const child = yield* killable(url)
          const fill = (from: number) =>
            Effect.forEach(KEYS, (key) =>
              Effect.forEach(
                Array.from({ length: EACH }, (_, n) => from + n),
                (n) => append(category, key, n)
              )
            )
          yield* fill(1)
          yield* Effect.repeat(talliedBy("killed"), {
            until: ({ length }) => length > 0,
            schedule: Schedule.spaced("2 millis")
          })
          child.kill("SIGKILL")
          yield* Layer.build(Layer.fresh(Reactors.layer([tallies("heir")])))
          yield* fill(EACH + 1)
          const all = yield* Effect.repeat(talliedBy("any"), {
            until: ({ length }) => length >= KEYS.length * EACH * 2,
            schedule: Schedule.spaced("20 millis")
          })
          for (const key of KEYS) {
            assert.deepStrictEqual(
              all.filter(({ note }) => note.startsWith(key)).map(({ note }) => note),
              Array.from({ length: EACH * 2 }, (_, n) => `${key}${n + 1}`)
            )
          }
          assert.strictEqual(all.length, KEYS.length * EACH * 2)
          const status = yield* Effect.flatMap(ConsumerGroups, (groups) => groups.status("tallies"))
          assert.isTrue(status.ranges.every(({ owner }) => Option.isSome(owner)))
        }).pipe(Effect.scoped, Effect.provideContext(context))
      })
    )
  }
)
