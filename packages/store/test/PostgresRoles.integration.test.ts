/**
 * The rights of each role on a log, and the statements that the database refuses.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresLocks from "@daybook/store/PostgresLocks"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { RoleName } from "@daybook/store/PostgresRoles"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import type * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { attacks } from "./attacks.ts"
import { note, stateOf } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

const inherits = /INHERITS/

const refused = (sql: PgClient.PgClient, statement: string) =>
  Effect.gen(function* () {
    // Some statements need a transaction.
    const result = yield* Effect.result(sql.withTransaction(sql.unsafe(statement)))
    const outcome = Result.isSuccess(result) ? "Success" : result.failure.reason._tag
    // PostgreSQL reports first that no table may inherit from a partition or from a partitioned
    // table.
    const refusals = inherits.test(statement)
      ? ["AuthorizationError", "SqlSyntaxError"]
      : ["AuthorizationError"]
    assert.include(refusals, outcome, statement)
  })

const kinds = [
  ["The roles of a log", Logins.layer, ["events"]],
  ["The roles of a log in partitions", Logins.layerPartitioned, ["events", "events_1", "events_15"]]
] as const

/** Returns the same statement about a partition. */
const about = (table: string) => (statement: string) =>
  statement.replaceAll(/daybook\.events\b(?!_)/g, `daybook.${table}`)

for (const [title, logins, tables] of kinds) {
  layer(logins, { timeout: 60_000, excludeTestServices: true })(title, (it) => {
    for (const { name, statements } of attacks) {
      for (const who of ["writer", "reader", "stranger"] as const) {
        it.effect(`refuse a ${who} ${name}`, () =>
          Effect.gen(function* () {
            const logins = yield* Logins
            yield* note(logins.writer)
            const before = yield* stateOf(logins.superuser)
            for (const table of tables) {
              const named = statements(logins.roles).map(about(table))
              yield* Effect.forEach(named, (each) => refused(logins[who], each))
            }
            assert.deepStrictEqual(yield* stateOf(logins.superuser), before)
          })
        )
      }
    }

    it.effect("let a reader read all that there is, and append nothing", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const { streamId } = yield* note(writer)
        const store = yield* storeOf(reader)
        const [read] = yield* Stream.runCollect(store.read(streamId))
        const log = yield* Stream.runCollect(store.readAll())
        assert.deepStrictEqual(log.at(-1), read)
        assert.strictEqual((yield* store.find([read?.id ?? assert.fail("no event")])).length, 1)
        const head = yield* store.head
        assert.isTrue(read !== undefined && head >= read.position)
        const always = DateTime.makeUnsafe(8.64e15)
        assert.strictEqual(yield* store.positionAt({ recordedAt: always }), head)
        const options = { categories: [StreamId.category(streamId)], types: [read?.type ?? ""] }
        assert.strictEqual((yield* store.backlog({ ...options, streamId })).events, 1)
        assert.isAtLeast((yield* store.backlog(options)).events, 1)
        for (const asked of [{ streamId }, options]) {
          assert.lengthOf(yield* Stream.runCollect(Stream.take(store.subscribe(asked), 1)), 1)
        }
        assert.lengthOf(yield* Stream.runCollect(store.readAll({ ...options, limit: 1 })), 1)
        const facts = yield* store.stream(streamId)
        assert.strictEqual(Option.getOrThrow(facts).position, read?.position)
        const listed = yield* Stream.runCollect(store.streams({ prefix: streamId }))
        assert.deepStrictEqual(
          listed.map((one) => one.streamId),
          [streamId]
        )
        const snapshots = yield* Effect.provideService(
          SnapshotStorePostgres.make,
          SqlClient,
          reader
        )
        assert.deepInclude(yield* snapshots.load(streamId), { _tag: "None" })
        const error = yield* Effect.flip(note(reader))
        assert.include(error.message, "permission denied for function try_append")
        yield* refused(reader, "DELETE FROM daybook.snapshots")
      })
    )

    it.effect("let a reader wait for the open append of a writer, and miss nothing", () =>
      Effect.gen(function* () {
        const { migrator, reader, writer } = yield* Logins
        const store = yield* storeOf(reader)
        const last = Effect.map(Stream.runCollect(store.readAll()), (log) => log.at(-1)?.position)
        const hasty = yield* Effect.provideService(storeOf(reader), PostgresLocks.Patience, {
          reads: Duration.zero,
          appends: Duration.zero,
          changes: Duration.zero
        })
        const before = yield* note(writer)
        const inside = yield* writer.withTransaction(
          Effect.gen(function* () {
            const first = yield* note(writer)
            // On another connection, whose append has finished, after the one that hasn't.
            const second = yield* note(migrator)
            assert.isTrue(first.position < second.position)
            const { cause } = yield* Effect.flip(hasty.head)
            if (!(cause instanceof PostgresLocks.HeldBack)) return assert.fail(String(cause))
            assert.isTrue(cause.settled >= before.position && cause.settled < first.position)
            return second
          })
        )
        assert.strictEqual(yield* last, inside.position)
      })
    )

    it.effect(
      "can't keep anybody from taking locks, which neither delay readers nor hide anything",
      () =>
        Effect.gen(function* () {
          const { reader, stranger, superuser, writer } = yield* Logins
          const [log] = yield* superuser<{ readonly oid: number }>`
        SELECT 'daybook.append_number'::regclass::oid::integer AS oid`
          const store = yield* storeOf(reader)
          const last = Effect.map(Stream.runCollect(store.readAll()), (log) => log.at(-1)?.position)
          const before = yield* note(writer)
          const after = yield* stranger.withTransaction(
            Effect.gen(function* () {
              const number = (before.position - 1n) / 1024n + 1n
              yield* stranger.unsafe(`SELECT pg_advisory_xact_lock_shared(${log?.oid}, ${number})`)
              const noted = yield* note(writer)
              assert.strictEqual(yield* last, noted.position)
              return noted
            })
          )
          assert.strictEqual(yield* last, after.position)
        })
    )

    it.effect("refuse to read a log or a schema that was not granted", () =>
      Effect.gen(function* () {
        const { migrator, reader, superuser, writer } = yield* Logins
        yield* Effect.provideService(PostgresMigrations.migrate, SqlClient, migrator).pipe(
          Effect.provideService(PostgresSchema, SchemaName.make("another"))
        )
        // Access to the schema alone gives PUBLIC no rights on its objects yet.
        yield* superuser`GRANT USAGE ON SCHEMA another TO PUBLIC`
        yield* superuser`CREATE SCHEMA payroll CREATE TABLE salaries (amount integer)`
        for (const sql of [writer, reader]) {
          yield* refused(sql, "SELECT FROM another.events")
          yield* refused(sql, "SELECT another.settled_position()")
          yield* refused(sql, "SELECT FROM payroll.salaries")
          yield* refused(sql, "DELETE FROM daybook.migrations")
          yield* refused(sql, "SELECT FROM pg_authid")
        }
      })
    )

    it.effect("open a migrated store, and fail on any other as NotMigrated", () =>
      Effect.gen(function* () {
        const { migrator, reader, writer } = yield* Logins
        const open = (sql: SqlClient) =>
          Layer.build(Layer.fresh(EventStorePostgres.layer)).pipe(
            Effect.scoped,
            Effect.provideService(SqlClient, sql)
          )
        for (const sql of [writer, reader]) yield* open(sql)
        const [newest] = yield* migrator<{ readonly migration_id: number; readonly name: string }>`
          DELETE FROM daybook.migrations
          WHERE migration_id = (SELECT max(migration_id) FROM daybook.migrations)
          RETURNING migration_id, name`
        for (const sql of [writer, reader]) {
          const error = yield* Effect.flip(open(sql))
          assert.strictEqual(error._tag, "NotMigrated")
        }
        yield* migrator`INSERT INTO daybook.migrations ${migrator.insert([newest ?? {}])}`
      })
    )

    for (const [who, statement] of [
      ["owner", "UPDATE daybook.events SET type = 'Forged'"],
      ["owner", "UPDATE daybook.events SET type = 'Forged' WHERE false"],
      ["owner", "DELETE FROM daybook.events"],
      ["owner", "TRUNCATE daybook.events CASCADE"],
      [
        "owner",
        "INSERT INTO daybook.events SELECT * FROM daybook.events ON CONFLICT (position) DO UPDATE SET type = 'Forged'"
      ],
      [
        "owner",
        "MERGE INTO daybook.events e USING daybook.events o ON e.position = o.position WHEN MATCHED THEN DELETE"
      ],
      ["superuser", "UPDATE daybook.events SET type = 'Forged'"],
      ["superuser", "DELETE FROM daybook.events"],
      ["superuser", "TRUNCATE daybook.events"]
    ] as const) {
      it.effect(`refuse the ${who} ${statement}`, () =>
        Effect.gen(function* () {
          const { migrator, superuser, writer } = yield* Logins
          yield* note(writer)
          const before = yield* stateOf(superuser)
          // The migrating user is a member of the owner.
          const sql = who === "owner" ? migrator : superuser
          for (const named of tables.map((table) => about(table)(statement))) {
            const error = yield* Effect.flip(sql.unsafe(named))
            assert.strictEqual(error.reason._tag, "AuthorizationError", named)
            assert.include(String(error.reason.cause), "events are append-only")
          }
          assert.deepStrictEqual(yield* stateOf(superuser), before)
        })
      )
    }

    it.effect("refuse a superuser who lets triggers rest, until the trigger itself is off", () =>
      Effect.gen(function* () {
        const { superuser: sql, writer } = yield* Logins
        yield* note(writer)
        const change = sql`UPDATE daybook.events SET type = 'Forged'`
        const attempt = (...preparation: ReadonlyArray<string>) =>
          Effect.forEach(preparation, (statement) => sql.unsafe(statement)).pipe(
            Effect.andThen(Effect.result(change)),
            // Rolled back, whatever it did.
            Effect.flatMap((result) => Effect.fail(result._tag)),
            sql.withTransaction,
            Effect.flip
          )
        const resting = "SET LOCAL session_replication_role = replica"
        const table = "ALTER TABLE daybook.events"
        assert.strictEqual(yield* attempt(resting), "Failure")
        assert.strictEqual(yield* attempt(`${table} DISABLE TRIGGER append_only`), "Success")
        // An ordinary trigger lets it through.
        assert.strictEqual(
          yield* attempt(`${table} ENABLE TRIGGER append_only`, resting),
          "Success"
        )
      })
    )

    it.effect("refuse to pass on their privileges", () =>
      Effect.gen(function* () {
        const { reader, superuser, writer } = yield* Logins
        const before = yield* stateOf(superuser)
        for (const sql of [writer, reader]) {
          // PostgreSQL only warns about privileges that may not be granted on.
          yield* sql`GRANT ALL ON daybook.events, daybook.snapshots TO PUBLIC`
          yield* sql`GRANT ALL ON FUNCTION daybook.settled_position TO PUBLIC`
          yield* sql`GRANT ALL ON SCHEMA daybook TO PUBLIC`
          yield* sql`REVOKE ALL ON daybook.events FROM PUBLIC`
        }
        assert.deepStrictEqual(yield* stateOf(superuser), before)
      })
    )

    it.effect("stay as they are when they are granted again, by ten hosts at once", () =>
      Effect.gen(function* () {
        const { migrator, roles, superuser, writer } = yield* Logins
        const before = yield* stateOf(superuser)
        yield* Effect.all(
          Array.from({ length: 10 }, () =>
            Effect.provideService(PostgresRoles.grant(roles), SqlClient, migrator)
          ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(yield* stateOf(superuser), before)
        yield* note(writer)
      })
    )

    it.effect("are made once when hosts on several databases start at once", () =>
      Effect.gen(function* () {
        const { migratorOf, roles, superuser } = yield* Logins
        const shared = (role: RoleName) => RoleName.make(role.replace("daybook", "shared"))
        const fresh = {
          owner: shared(roles.owner),
          writer: shared(roles.writer),
          reader: shared(roles.reader)
        }
        const databases = yield* Effect.replicateEffect(PostgresServer.freshDatabase, 3)
        const hosts = yield* Effect.forEach([...databases, ...databases], migratorOf)
        yield* Effect.forEach(
          hosts,
          (sql) =>
            Effect.andThen(PostgresMigrations.migrate, PostgresRoles.grant(fresh)).pipe(
              Effect.provideService(SqlClient, sql)
            ),
          { concurrency: "unbounded" }
        )
        for (const sql of hosts) {
          const [may] =
            yield* sql`SELECT has_schema_privilege(${fresh.writer}, 'daybook', 'USAGE') AS use`
          assert.deepStrictEqual(may, { use: true })
        }
        const made = yield* superuser`SELECT FROM pg_roles WHERE rolname LIKE 'shared_%'`
        assert.strictEqual(made.length, 3)
      }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))
    )

    it.effect("take back what was granted besides", () =>
      Effect.gen(function* () {
        const { migrator, roles, stranger, superuser } = yield* Logins
        const before = yield* stateOf(superuser)
        const { owner, reader, writer } = roles
        for (const statement of [
          `GRANT ALL ON daybook.events, daybook.migrations TO "${writer}", PUBLIC`,
          `GRANT UPDATE (data) ON daybook.events TO "${reader}"`,
          `GRANT ALL ON daybook.append_number TO "${writer}"`,
          `GRANT ALL ON SCHEMA daybook TO PUBLIC, "${reader}"`,
          `GRANT ALL ON ALL FUNCTIONS IN SCHEMA daybook TO PUBLIC`
        ]) {
          yield* superuser.unsafe(statement)
        }
        assert.notDeepEqual(yield* stateOf(superuser), before)
        yield* Effect.provideService(
          PostgresRoles.grant({ owner, reader, writer }),
          SqlClient,
          migrator
        )
        assert.deepStrictEqual(yield* stateOf(superuser), before)
        yield* refused(stranger, "SELECT FROM daybook.events")
      })
    )

    it.effect("give a log that a superuser made to an owner without superuser rights", () =>
      Effect.gen(function* () {
        const { roles, superuser } = yield* Logins
        yield* Effect.andThen(PostgresMigrations.migrate, PostgresRoles.grant(roles)).pipe(
          Effect.provideService(SqlClient, superuser),
          Effect.provideService(PostgresSchema, SchemaName.make("by_superuser"))
        )
        const owners = yield* superuser<{ readonly owner: string }>`
        SELECT DISTINCT pg_get_userbyid(owner)::text AS owner FROM (
          SELECT relowner FROM pg_class WHERE relnamespace = 'by_superuser'::regnamespace
          UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'by_superuser'::regnamespace
          UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'by_superuser'
        ) AS things(owner)`
        assert.deepStrictEqual(owners, [{ owner: roles.owner }])
      })
    )

    it.effect("let the one who migrates go on migrating", () =>
      Effect.gen(function* () {
        const { migrator } = yield* Logins
        const migrate = Effect.provideService(PostgresMigrations.migrate, SqlClient, migrator)
        assert.deepStrictEqual(yield* migrate, [])
        const undone = yield* Effect.gen(function* () {
          yield* migrator`CREATE TABLE daybook.further (position bigint)`
          yield* migrator`ALTER TABLE daybook.events ADD COLUMN further text`
          yield* migrator`DROP FUNCTION daybook.settled_position`
          return yield* Effect.fail("undone")
        }).pipe(migrator.withTransaction, Effect.flip)
        assert.strictEqual(undone, "undone")
      })
    )

    for (const [what, change, told] of [
      ["a superuser", "ALTER ROLE %writer SUPERUSER", "SUPERUSER"],
      ["able to make roles", "ALTER ROLE %writer CREATEROLE", "CREATEROLE"],
      ["able to replicate", "ALTER ROLE %writer REPLICATION", "REPLICATION"],
      ["a member of the owner", "GRANT %owner TO %writer", "INSERT on events"],
      ["able to write all tables", "GRANT pg_write_all_data TO %writer", "DELETE on events"],
      [
        "able to run programs",
        "GRANT pg_execute_server_program TO %writer",
        "membership of pg_execute_server_program"
      ],
      [
        "able to end sessions",
        "GRANT pg_signal_backend TO %writer",
        "membership of pg_signal_backend"
      ]
    ] as const) {
      it.effect(`are refused when the writer is ${what}`, () =>
        Effect.gen(function* () {
          const { migrator, roles, superuser } = yield* Logins
          const fresh = {
            ...roles,
            writer: RoleName.make(roles.writer.replace("writer", what.replaceAll(" ", "_")))
          }
          yield* superuser.unsafe(`CREATE ROLE "${fresh.writer}"`)
          yield* superuser.unsafe(
            change.replace("%writer", `"${fresh.writer}"`).replace("%owner", `"${fresh.owner}"`)
          )
          const before = yield* stateOf(superuser)
          const error = yield* Effect.flip(
            Effect.provideService(PostgresRoles.grant(fresh), SqlClient, migrator)
          )
          assert.instanceOf(error, PostgresRoles.ExcessPrivileges)
          assert.include(error.message, `${fresh.writer} has ${told}`)
          assert.deepStrictEqual(yield* stateOf(superuser), before)
        })
      )
    }

    it.effect("are refused when two of them are one, or the owner is a superuser", () =>
      Effect.gen(function* () {
        const { roles, superuser } = yield* Logins
        const { owner, reader } = roles
        const [me] = yield* superuser<{ readonly name: string }>`SELECT current_user::text AS name`
        const attempt = (wrong: PostgresRoles.Roles) =>
          Effect.flip(Effect.provideService(PostgresRoles.grant(wrong), SqlClient, superuser))
        for (const wrong of [
          { owner, writer: owner, reader },
          { owner, writer: reader, reader },
          { ...roles, reader: owner },
          { ...roles, owner: RoleName.make(me?.name ?? "nobody") }
        ]) {
          const error = yield* attempt(wrong)
          assert.instanceOf(error, PostgresRoles.ExcessPrivileges, JSON.stringify(wrong))
        }
      })
    )
  })
}
