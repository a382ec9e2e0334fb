/**
 * The functions of a log: each host runs those of its code or later ones, and their grants stay.
 */
import { readFileSync } from "node:fs"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { NotMigrated } from "@daybook/store/PostgresStart"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import { FUNCTIONS, outdated, RELEASE } from "../src/internal/postgres/schema/installFunctions.ts"

const services = Layer.merge(Reactivity.layer, PostgresServer.PostgresServer.layer)

/** Runs work on a database of its own with a log; the migrations have run once. */
const onDatabase = <A, E>(work: (sql: SqlClient) => Effect.Effect<A, E, SqlClient>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* PostgresMigrations.migrate
    return yield* work(sql)
  }).pipe(Effect.provide(PostgresServer.layerClient()))

const textOf = (sql: SqlClient, name: string) =>
  Effect.map(
    sql<{ readonly text: string }>`
      SELECT prosrc AS text FROM pg_proc WHERE pronamespace = 'daybook'::regnamespace AND proname = ${name}`,
    ([row]) => row?.text.trim() ?? ""
  )

const commented = (sql: SqlClient, release: number) =>
  sql.unsafe(
    `COMMENT ON FUNCTION daybook.append IS 'Daybook, release ${release}, ${"0".repeat(64)}'`
  )

const altered = (sql: SqlClient) =>
  sql.unsafe(
    `CREATE OR REPLACE FUNCTION daybook.newest_append() RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint'`
  )

/** The functions that ARCHITECTURE names as running with the rights of the log's owner. */
const withOwnersRights = (): ReadonlyArray<string> => {
  const path = new URL("../../../docs/ARCHITECTURE.md", import.meta.url)
  const [list = ""] =
    /^These functions run with the rights of the log's owner.*?\n\n/ms.exec(
      readFileSync(path, "utf8")
    ) ?? []
  return Array.from(list.matchAll(/`(\w+)`/g), ([, name = ""]) => name)
}

const opened = Effect.scoped(Layer.build(Layer.fresh(EventStorePostgres.layer)))

layer(services, { timeout: 60_000 })("The functions of a log", (it) => {
  it.effect("are replaced by a migration where they are not as the code has them", () =>
    onDatabase((sql) =>
      Effect.gen(function* () {
        yield* altered(sql)
        const error = yield* Effect.flip(opened)
        assert.instanceOf(error, NotMigrated)
        assert.deepStrictEqual(error.functions, ["newest_append"])
        assert.match(
          error.message,
          /^Schema daybook of database \S+ is not migrated: it has other functions than this code needs: newest_append$/
        )
        yield* PostgresMigrations.migrate
        assert.include(yield* textOf(sql, "newest_append"), 'FROM "daybook".append_number')
        yield* opened
      })
    )
  )

  it.effect("that run with the owner's rights are those which ARCHITECTURE lists", () =>
    onDatabase((sql) =>
      Effect.map(
        sql<{ readonly name: string }>`
          SELECT proname::text AS name FROM pg_proc
          WHERE pronamespace = 'daybook'::regnamespace AND prosecdef ORDER BY proname COLLATE "C"`,
        (installed) =>
          assert.deepStrictEqual(
            withOwnersRights().toSorted(),
            installed.map(({ name }) => name)
          )
      )
    )
  )

  for (const change of [
    "ALTER FUNCTION daybook.try_append SECURITY INVOKER",
    "ALTER FUNCTION daybook.try_append SET search_path = public",
    "ALTER FUNCTION daybook.try_append RESET lock_timeout",
    "ALTER FUNCTION daybook.try_append SET work_mem = '1MB'"
  ]) {
    it.effect(`are replaced after ${change}, beside an overload of the owner`, () =>
      onDatabase((sql) =>
        Effect.gen(function* () {
          yield* opened
          yield* sql.unsafe(change)
          yield* sql.unsafe(
            "CREATE FUNCTION daybook.try_append(text) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
          )
          const error = yield* Effect.flip(opened)
          assert.instanceOf(error, NotMigrated)
          assert.deepStrictEqual(error.functions, ["try_append"])
          yield* PostgresMigrations.migrate
          yield* opened
          assert.deepStrictEqual(
            yield* sql`SELECT count(*)::integer AS n FROM pg_proc WHERE proname = 'try_append'`,
            [{ n: 2 }]
          )
        })
      )
    )
  }

  it.effect("stay as a later release left them, when a host of an earlier one starts", () =>
    onDatabase((sql) =>
      Effect.gen(function* () {
        yield* commented(sql, RELEASE + 1)
        yield* altered(sql)
        yield* PostgresMigrations.migrate
        assert.strictEqual(yield* textOf(sql, "newest_append"), "SELECT 7::bigint")
        yield* opened
      })
    )
  )

  it.effect("of an earlier release are replaced, all of them", () =>
    onDatabase((sql) =>
      Effect.gen(function* () {
        yield* commented(sql, RELEASE - 1)
        const error = yield* Effect.flip(opened)
        assert.instanceOf(error, NotMigrated)
        assert.deepStrictEqual(error.functions, ["append"])
        yield* PostgresMigrations.migrate
        yield* opened
      })
    )
  )

  it.effect("that are new may be called by those who may call the others of their use", () =>
    onDatabase((sql) =>
      Effect.gen(function* () {
        const role = `caller_${process.pid}`
        yield* sql.unsafe(`CREATE ROLE ${role}`)
        yield* sql.unsafe(`GRANT EXECUTE ON FUNCTION daybook.settled_position TO ${role}`)
        yield* sql`DROP FUNCTION daybook.look_at_log, daybook.record_act`
        yield* sql.unsafe(
          "CREATE FUNCTION daybook.look_at_log(text) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
        )
        yield* PostgresMigrations.migrate
        const rights = yield* sql`
          SELECT has_function_privilege(${role}, 'daybook.look_at_log(bigint)', 'EXECUTE') AS looks,
            has_function_privilege(${role}, 'daybook.record_act(text, text, text, text, json)', 'EXECUTE') AS records`
        assert.deepStrictEqual(rights, [{ looks: true, records: false }])
        yield* sql.unsafe(`DROP OWNED BY ${role}`)
        yield* sql.unsafe(`DROP ROLE ${role}`)
      })
    )
  )
})

describe("outdated", () => {
  it("names all functions of a database that has none", () => {
    assert.deepStrictEqual(outdated('"daybook"', new Map()), Object.keys(FUNCTIONS))
  })

  it("names none if one is of a later release", () => {
    const later = { body: "", definer: false, settings: [], release: RELEASE + 1, hash: null }
    assert.deepStrictEqual(outdated('"daybook"', new Map([["append", later]])), [])
  })
})
