/**
 * The switch of generations in PostgreSQL: the objects that move with it, and the view of other
 * sessions.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { DependentRefused } from "@daybook/projections/ReadModelStorePostgres"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"
import { claimOf, nothingToDo, put, serve, shadow, shelves } from "./shelf.ts"
import { take } from "./taking.ts"

const everything = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }

const many = (count: number, value: number) =>
  Array.from({ length: count }, (_, n): [string, number] => [`shelf ${1_000 + n}`, value])

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "1 minute" })(
  "A switch in PostgreSQL",
  (it) => {
    it.effect("hands on grants and comments, and no grant that was taken away", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* ReadModelStore
        const table = shelves()
        const suffix = SecureRandom.uuidV4Unsafe().slice(0, 8)
        const [reader, other, columns] = [`r_${suffix}`, `o_${suffix}`, `c_${suffix}`]
        for (const role of [reader, other, columns]) yield* sql`CREATE ROLE ${sql(role)}`
        yield* Effect.addFinalizer(() =>
          Effect.forEach([reader, other, columns], (role) =>
            Effect.orDie(
              Effect.andThen(sql`DROP OWNED BY ${sql(role)}`, sql`DROP ROLE ${sql(role)}`)
            )
          )
        )
        yield* sql`ALTER DEFAULT PRIVILEGES IN SCHEMA read_models GRANT SELECT ON TABLES TO ${sql(other)}`
        yield* serve(table, [["a", 1]])
        const name = sql(`read_models.${table.name}`)
        yield* sql`REVOKE ALL ON ${name} FROM ${sql(other)}`
        yield* sql`GRANT SELECT ON ${name} TO ${sql(reader)} WITH GRANT OPTION`
        yield* sql`GRANT SELECT ON ${name} TO PUBLIC`
        yield* sql`GRANT SELECT (item) ON ${name} TO ${sql(columns)}`
        yield* sql`COMMENT ON TABLE ${name} IS 'what is ''where'''`
        yield* sql`COMMENT ON COLUMN ${name}.count IS 'how many'`
        const facts = sql`
          SELECT array(SELECT e.grantee::regrole::text || ' ' || e.privilege_type || ' ' || e.is_grantable
              FROM aclexplode(c.relacl) e WHERE e.grantee <> c.relowner ORDER BY 1) AS grants,
            (SELECT a.attacl::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attname = 'item') AS item,
            obj_description(c.oid) AS comment,
            (SELECT col_description(c.oid, a.attnum) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attname = 'count') AS count
          FROM pg_class c WHERE c.oid = ${`read_models.${table.name}`}::text::regclass`.unprepared
        const before = yield* facts
        const claim = yield* shadow(table, [["a", 2]])
        yield* store.promote(table, claim, nothingToDo)
        assert.deepStrictEqual(yield* facts, before)
        assert.deepInclude(before[0], { comment: "what is 'where'", count: "how many" })
        assert.deepStrictEqual((before[0] as { readonly grants: unknown }).grants, [
          "- SELECT false",
          `${reader} SELECT true`
        ])
      }).pipe(Effect.scoped)
    )

    it.effect("takes views along with what they grant, and refuses what can't follow", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* ReadModelStore
        const table = shelves()
        yield* serve(table, [["a", 1]])
        const named = (suffix: string) => sql(`read_models.${table.name}${suffix}`)
        const [name, view] = [named(""), named("_view")]
        const [outer, copy] = [named("_outer"), named("_copy")]
        yield* sql`CREATE VIEW ${view} WITH (security_invoker = true) AS
          SELECT shelf, sum(count) AS total FROM ${name} GROUP BY shelf`.unprepared
        yield* sql`CREATE VIEW ${outer} AS SELECT total FROM ${view}`.unprepared
        yield* sql`GRANT SELECT ON ${view} TO PUBLIC`.unprepared
        const facts = sql`
          SELECT relacl::text AS grants, reloptions::text AS options FROM pg_class
          WHERE relname = ${`${table.name}_view`}`
        const before = yield* facts
        yield* store.promote(table, yield* shadow(table, [["a", 2]]), nothingToDo)
        assert.deepStrictEqual(yield* sql`SELECT total::text FROM ${outer}`, [{ total: "2" }])
        assert.deepStrictEqual(yield* facts, before)
        yield* store.drop(table.name, 1)

        yield* sql`CREATE MATERIALIZED VIEW ${copy} AS SELECT shelf FROM ${name}`.unprepared
        const claim = yield* shadow(table, [["a", 3]])
        const error = yield* Effect.flip(store.promote(table, claim, nothingToDo))
        assert.strictEqual(error._tag, "ReadModelStoreError")
        assert.deepStrictEqual(
          error._tag === "ReadModelStoreError" ? error.cause : undefined,
          new DependentRefused({
            schema: "read_models",
            relation: table.name,
            dependents: [`materialized view read_models.${table.name}_copy`]
          })
        )
        yield* sql`DROP MATERIALIZED VIEW ${copy}`.unprepared
        yield* store.promote(table, claim, nothingToDo)
      })
    )

    it.effect("sorts dependents by the catalog and not by their names when it drops a table", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* ReadModelStore
        const table = shelves()
        yield* serve(table, [["a", 1]])
        const name = sql(`read_models.${table.name}`)
        const other = sql(`read_models.${table.name}_other`)
        // A part of the table, which goes with it.
        yield* sql`CREATE POLICY ${sql("a on b")} ON ${name}`.unprepared
        yield* store.promote(table, yield* shadow(table, [["a", 2]]), nothingToDo)
        yield* store.drop(table.name, 1)
        yield* store.promote(table, yield* shadow(table, [["a", 3]]), nothingToDo)
        // A policy of another table would prevent the drop.
        yield* sql`CREATE TABLE ${other} (shelf text)`.unprepared
        yield* sql`CREATE POLICY p ON ${other}
          USING (shelf IN (SELECT shelf FROM ${sql(`read_models.${table.name}__g2`)}))`.unprepared
        // A refused drop does not wait for a reader of the table.
        const reading = yield* Deferred.make<void>()
        const refused = yield* Deferred.make<void>()
        const reader = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`SELECT FROM ${sql(`read_models.${table.name}__g2`)}`
              yield* Deferred.succeed(reading, undefined)
              yield* Deferred.await(refused)
            })
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(reading)
        const error = yield* Effect.flip(store.drop(table.name, 2))
        yield* Deferred.succeed(refused, undefined)
        yield* Fiber.join(reader)
        assert.deepStrictEqual(
          error.cause,
          new DependentRefused({
            schema: "read_models",
            relation: `${table.name}__g2`,
            dependents: [`policy p on read_models.${table.name}_other`]
          })
        )
        yield* sql`DROP TABLE ${other}`.unprepared
        yield* store.drop(table.name, 2)
      }).pipe(Effect.scoped)
    )

    it.effect("leaves a query in the generation that it has begun with", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const table = shelves()
        yield* serve(table, many(1_200, 1))
        const claim = yield* shadow(table, many(1_200, 2))
        let switched = false
        const seen = yield* store.query(table, everything).pipe(
          Stream.mapEffect((row) => {
            if (switched) return Effect.succeed(row)
            switched = true
            return Effect.as(store.promote(table, claim, nothingToDo), row)
          }),
          Stream.runCollect
        )
        assert.strictEqual(seen.length, 1_200)
        assert.isTrue(seen.every(({ count }) => count === 1))
        const now = yield* Stream.runCollect(store.query(table, everything))
        assert.isTrue(now.every(({ count }) => count === 2))
        const retired = yield* Stream.runCollect(store.query(table, everything, 1))
        assert.deepStrictEqual(retired, seen)
      })
    )

    it.effect("is seen whole by readers while it happens", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const sql = yield* SqlClient
        const table = shelves()
        yield* serve(table, many(600, 0))
        const done = yield* Deferred.make<void>()
        const name = sql(`read_models.${table.name}`)
        const readers = yield* Effect.forkScoped(
          Effect.forEach(
            [1, 2, 3],
            () =>
              Effect.gen(function* () {
                let reads = 0
                while (!(yield* Deferred.isDone(done))) {
                  const rows = yield* sql<{ readonly rows: bigint; readonly kinds: bigint }>`
                    SELECT count(*) AS rows, count(DISTINCT count) AS kinds FROM ${name}`
                  assert.deepStrictEqual(rows, [{ rows: 600n, kinds: 1n }])
                  reads++
                }
                return reads
              }),
            { concurrency: "unbounded" }
          )
        )
        for (let n = 1; n <= 8; n++) {
          const claim = yield* shadow(table, many(600, n))
          yield* store.promote(table, claim, nothingToDo)
        }
        yield* Deferred.succeed(done, undefined)
        for (const reads of yield* Fiber.join(readers)) assert.isAbove(reads, 0)
      }).pipe(Effect.scoped)
    )

    it.effect("reports the rows that differ, the first of them by key, and does not switch", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const table = shelves()
        yield* serve(table, [["only serving", 1], ...many(200, 1)])
        const claim = yield* shadow(table, [["a only rebuilt", 1], ...many(200, 2)])
        const options = { compare: true, catchUp: () => Effect.void }
        const error = yield* Effect.flip(store.promote(table, claim, options))
        assert.strictEqual(error._tag, "RowsDiffer")
        if (error._tag !== "RowsDiffer") return
        assert.strictEqual(error.count, 202)
        assert.strictEqual(error.differences.length, 100)
        const row = (shelf: string, count: number): StoredRow => ({ shelf, item: "a mug", count })
        assert.deepStrictEqual(error.differences.slice(0, 2), [
          { key: { shelf: "a only rebuilt" }, rebuilt: row("a only rebuilt", 1) },
          { key: { shelf: "only serving" }, serving: row("only serving", 1) }
        ])
        assert.deepStrictEqual(
          (yield* store.states(table.name)).map(({ generation, role }) => [generation, role]),
          [
            [1, "serving"],
            [2, "retired"]
          ]
        )
      })
    )

    it.effect("is taken back with all that its catch-up wrote when that fails", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const table = shelves()
        yield* serve(table, [["a", 1]])
        const claim = yield* shadow(table, [["a", 1]])
        const failed = yield* Effect.flip(
          store.promote(table, claim, {
            compare: false,
            catchUp: () =>
              Effect.andThen(
                take(store, table, claim, put(1, 2, [["a", 9]])),
                Effect.fail("no more" as const)
              )
          })
        )
        assert.strictEqual(failed, "no more")
        const rows = yield* Stream.runCollect(store.query(table, everything, claim.generation))
        assert.deepStrictEqual(rows, [{ shelf: "a", item: "a mug", count: 1 }])
        yield* take(store, table, claim, put(1, 2, [["a", 9]]))
      })
    )

    it.effect("gives up for a reader that is in its way, and lets go of all it held", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const sql = yield* SqlClient
        const table = shelves()
        yield* serve(table, [["a", 1]])
        const claim = yield* shadow(table, [["a", 2]])
        const reading = yield* Deferred.make<void>()
        const read = yield* Deferred.make<void>()
        const reader = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`SELECT FROM ${sql(`read_models.${table.name}`)}`
              yield* Deferred.succeed(reading, undefined)
              yield* Deferred.await(read)
            })
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(reading)
        const error = yield* Effect.flip(store.promote(table, claim, nothingToDo))
        yield* Deferred.succeed(read, undefined)
        yield* Fiber.join(reader)
        assert.strictEqual(error._tag, "ReadModelStoreError")
        assert.isTrue(
          Predicate.hasProperty(error, "cause") &&
            Predicate.hasProperty(error.cause, "reason") &&
            Predicate.isTagged(error.cause.reason, "LockTimeoutError")
        )
        yield* store.promote(table, claim, nothingToDo)
        const row = yield* store.get(table, { shelf: "a" })
        assert.deepStrictEqual(row, Option.some({ shelf: "a", item: "a mug", count: 2 }))
      }).pipe(Effect.scoped)
    )

    it.effect("is ended by the server when its host says nothing more", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const sql = yield* PgClient.PgClient
        const table = shelves()
        yield* serve(table, [["a", 1]])
        const claim = yield* shadow(table, [["a", 2]])
        const frozen = yield* Deferred.make<{ readonly pid: number; readonly idle: string }>()
        const switching = yield* Effect.forkScoped(
          store.promote(table, claim, {
            compare: false,
            catchUp: () =>
              sql<{ readonly pid: number; readonly idle: string }>`
                SELECT pg_backend_pid() AS pid,
                  current_setting('idle_in_transaction_session_timeout') AS idle`.pipe(
                Effect.flatMap((rows) => Deferred.succeed(frozen, Arr.getUnsafe(rows, 0))),
                Effect.andThen(Effect.never)
              )
          })
        )
        const { idle, pid } = yield* Deferred.await(frozen)
        assert.strictEqual(idle, "1min")
        const pausing = yield* Effect.forkScoped(store.pause(table.name))
        // The server does this after that timeout.
        yield* sql`SELECT pg_terminate_backend(${pid}::integer)`
        yield* Fiber.join(pausing)
        yield* store.resume(table.name)
        yield* claimOf({ name: table.name, generation: 1 })
        yield* Fiber.interrupt(switching)
      }).pipe(Effect.scoped)
    )
  }
)
