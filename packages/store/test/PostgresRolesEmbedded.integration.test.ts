/**
 * The roles in an embedded database, which has one user and no other connections.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { note } from "./notes.ts"

const role = (name: string) => PostgresRoles.RoleName.make(name)
const roles = {
  owner: role("daybook_owner"),
  writer: role("daybook_writer"),
  reader: role("daybook_reader")
}

const embedded = EventStorePostgres.layer.pipe(
  Layer.provideMerge(PostgresRoles.layer(roles)),
  Layer.provideMerge(PostgresMigrations.layer),
  Layer.provideMerge(EmbeddedPostgres.layer())
)

layer(embedded, { timeout: 60_000, excludeTestServices: true })("Embedded roles", (it) => {
  const as = <A, E, R>(name: PostgresRoles.RoleName, effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(SqlClient, (sql) =>
      sql.withTransaction(Effect.andThen(sql`SET LOCAL ROLE ${sql(name)}`, effect))
    )

  it.effect("are refused what they are on a server", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* note(sql)
      yield* as(roles.writer, note(sql))
      const [settled] = yield* as(roles.reader, sql`SELECT daybook.settled_position() AS position`)
      assert.deepStrictEqual(settled, { position: 2_048n })
      const error = yield* Effect.flip(as(roles.reader, note(sql)))
      assert.include(error.message, "permission denied for function try_append")
      for (const statement of [
        "UPDATE daybook.events SET type = 'Forged'",
        "DELETE FROM daybook.events",
        "TRUNCATE daybook.events",
        "SELECT nextval('daybook.append_number')",
        "ALTER TABLE daybook.events DISABLE TRIGGER append_only",
        "SET session_replication_role = replica"
      ]) {
        const refused = yield* Effect.flip(as(roles.writer, sql.unsafe(statement)))
        const tag = "reason" in refused ? refused.reason._tag : refused
        assert.strictEqual(tag, "AuthorizationError", statement)
      }
    })
  )

  it.effect("have any names that PostgreSQL takes", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const kinds = [
        "shop-writer",
        "Shop_Writer",
        "the shop's",
        'a "quoted" one',
        "a.b",
        "ü",
        "x".repeat(63),
        "1",
        "; --",
        "$1",
        " "
      ]
      for (const [index, kind] of kinds.entries()) {
        // Names of all three kinds that differ in their first characters.
        const named = (first: string) =>
          role(kind.length === 63 ? `${first}${kind.slice(1)}` : `${first}${kind}`)
        const [owner, writer, reader] = [named("O"), named("w"), named("r")]
        yield* Effect.andThen(
          PostgresMigrations.migrate,
          // Twice, as each deploy does.
          Effect.replicateEffect(PostgresRoles.grant({ owner, writer, reader }), 2)
        ).pipe(Effect.provideService(PostgresSchema, SchemaName.make(`named_${index}`)))
        const may = yield* sql`
          SELECT r.rolname::text AS name, has_function_privilege(r.oid, p.oid, 'EXECUTE') AS append
          FROM pg_proc p, pg_roles r
          WHERE p.proname = 'append' AND p.pronamespace = ${`named_${index}`}::text::regnamespace
            AND r.rolname IN (${owner}, ${writer}, ${reader}) ORDER BY r.rolname COLLATE "C"`
        assert.deepStrictEqual(may, [
          { name: owner, append: true },
          { name: reader, append: false },
          { name: writer, append: true }
        ])
      }
    })
  )

  it.effect("have any names that they may have, words of SQL too", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      for (const word of ["user", "current_user", "session_user", "select", "all", "group"]) {
        yield* Effect.andThen(
          PostgresMigrations.migrate,
          PostgresRoles.grant({ ...roles, writer: role(word) })
        ).pipe(Effect.provideService(PostgresSchema, SchemaName.make(word)))
        const [may] = yield* sql`
          SELECT has_function_privilege(${word}::name, p.oid, 'EXECUTE') AS append
          FROM pg_proc p WHERE p.proname = 'append' AND p.pronamespace = ${`"${word}"`}::text::regnamespace`
        assert.deepStrictEqual(may, { append: true }, word)
      }
      const everybody = yield* sql`
        SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
        WHERE a.grantee = 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')`
      assert.deepStrictEqual(everybody, [])
    })
  )
})
