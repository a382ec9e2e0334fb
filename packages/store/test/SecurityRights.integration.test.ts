/**
 * Rights that are gained without a grant: findings of the security review of November 2026, each
 * from the attacker's side.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as EventId from "@daybook/kernel/EventId"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresActs from "@daybook/store/PostgresActs"
import * as PostgresPassOver from "@daybook/store/PostgresPassOver"
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { note } from "./notes.ts"
import { overloadsCalled } from "./overloads.ts"
import { Logins } from "./roleLogins.ts"

const grantAs = (sql: SqlClient, roles: PostgresRoles.Roles) =>
  Effect.provideService(PostgresRoles.grant(roles), SqlClient, sql)

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

layer(Logins.layerOverloaded, { timeout: 120_000, excludeTestServices: true })(
  "S4: functions that a stranger made in public",
  (it) => {
    it.effect("S4: are there, and a careless statement calls them", () =>
      Effect.gen(function* () {
        const { reader, superuser } = yield* Logins
        const [made] = yield* superuser<{ readonly count: number }>`
          SELECT count(*)::integer AS count FROM pg_proc
          WHERE pronamespace = 'public'::regnamespace::oid`.unprepared
        assert.isAbove(made?.count ?? 0, 1_000)
        const careless = [
          "SELECT format('%s', current_user)",
          "SELECT quote_ident(current_user)",
          "SELECT unnest(ARRAY['a'])",
          "SELECT hashtextextended('a', 0)",
          "SELECT 'a '::text || 'pg_class'::regclass",
          "SELECT array_agg(1::bigint)",
          "SELECT '{}'::json ->> '1'"
        ]
        for (const statement of careless) {
          const error = yield* Effect.flip(reader.withTransaction(reader.unsafe(statement)))
          assert.include(String(error.reason.cause), "called as", statement)
        }
        yield* superuser`SELECT pg_catalog.setval('public.overloads_called', 1, false)`.unprepared
      })
    )

    it.effect("S4: run as no role that deploys, appends or reads", () =>
      Effect.gen(function* () {
        const { migrator, reader, roles, superuser, writer } = yield* Logins
        const deploy = PostgresMigrations.migrate.pipe(
          Effect.andThen(PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 1_000 })),
          Effect.andThen(PostgresRoles.grant(roles))
        )
        for (const sql of [migrator, superuser]) {
          yield* Effect.provideService(deploy, SqlClient, sql)
        }
        const { streamId } = yield* note(writer)
        const store = yield* storeOf(reader)
        const [read] = yield* Stream.runCollect(store.read(streamId))
        if (read === undefined) return assert.fail("no event")
        assert.strictEqual(read.streamId, streamId)
        const categories = [read.streamId.slice(0, 4) as never]
        const log = yield* Stream.runCollect(store.readAll({ categories, types: [read.type] }))
        assert.deepStrictEqual(log.at(-1), read)
        assert.strictEqual((yield* store.find([read.id])).length, 1)
        assert.isAbove((yield* store.backlog()).events, 0)
        // The last position of the only append.
        assert.strictEqual(yield* store.head, 1_024n)
        assert.strictEqual(yield* store.positionAt(read), 1_024n)
        const streams = yield* Stream.runCollect(store.streams({ category: categories[0] }))
        assert.include(
          streams.map(({ streamId }) => streamId),
          read.streamId
        )
        assert.isTrue(Option.isSome(yield* store.stream(streamId)))
        assert.lengthOf(yield* store.identity, 36)
        yield* store.verify(yield* store.checkpoint)
        // As a handler that knows the last event appends, by both functions.
        const hosts = yield* storeOf(writer)
        const next = (id: EventId.EventId) => ({
          streamId,
          expected: ExpectedRevision.exactly(read.revision),
          lastEvent: EventMark.of(read),
          events: [{ ...read, id }] as const
        })
        const [first, second] = [SecureRandom.uuidV4Unsafe(), SecureRandom.uuidV4Unsafe()]
        yield* hosts.append(next(EventId.make(first)))
        const conflict = yield* Effect.flip(hosts.append(next(EventId.make(second))))
        assert.strictEqual(conflict._tag, "WrongExpectedRevision")
        yield* Effect.flip(hosts.appendAll({ appends: [next(EventId.make(second))] }))
        for (const sql of [reader, superuser]) {
          const findings = yield* Effect.provideService(PostgresHealth.check, SqlClient, sql)
          assert.deepStrictEqual(findings, [])
        }
        const pages = store.subscribe().pipe(Stream.take(1))
        assert.strictEqual((yield* Stream.runCollect(pages)).length, 1)
        const snapshots = yield* Effect.provideService(
          SnapshotStorePostgres.make,
          SqlClient,
          reader
        )
        assert.deepInclude(yield* snapshots.load(streamId), { _tag: "None" })
        yield* Effect.provideService(
          PostgresPassOver.passOver({
            position: read.position,
            eventId: read.id,
            actor: "Ada",
            reason: "to look"
          }),
          SqlClient,
          migrator
        )
        const listed = Effect.all([
          PostgresPassOver.list,
          Stream.runCollect(PostgresActs.list({ subject: "log" }))
        ])
        const [passed, acts] = yield* Effect.provideService(listed, SqlClient, reader)
        assert.strictEqual(passed.length, 1)
        assert.isAbove(acts.length, 3)
        assert.deepStrictEqual(yield* overloadsCalled(superuser), [{ called: false }])
      })
    )
  }
)

layer(Logins.layerPartitioned, { timeout: 120_000, excludeTestServices: true })(
  "Rights through other roles",
  (it) => {
    for (const [what, prepare, told] of [
      [
        "S10: the writer is a member of a superuser",
        [`CREATE ROLE %x SUPERUSER`, `GRANT %x TO %writer`],
        `%writer has SUPERUSER through %x`
      ],
      [
        "S10: the reader is a member of a role that may make roles",
        [`CREATE ROLE %x CREATEROLE`, `GRANT %x TO %reader`],
        `%reader has CREATEROLE through %x`
      ],
      [
        "S10: the reader reaches it by two steps, and inherits neither",
        [
          `CREATE ROLE %x CREATEROLE`,
          `CREATE ROLE %y NOINHERIT IN ROLE %x`,
          `ALTER ROLE %reader NOINHERIT`,
          `GRANT %y TO %reader`
        ],
        `%reader has CREATEROLE through %x`
      ],
      [
        "S10: the writer does not inherit from a role that may insert",
        [
          `CREATE ROLE %x`,
          `GRANT INSERT ON daybook.events TO %x`,
          `ALTER ROLE %writer NOINHERIT`,
          `GRANT %x TO %writer`
        ],
        `%writer has INSERT on events through %x`
      ],
      [
        "S10: the writer does not inherit from a role that may insert into a column",
        [
          `CREATE ROLE %x`,
          `GRANT UPDATE (type) ON daybook.events TO %x`,
          `ALTER ROLE %writer NOINHERIT`,
          `GRANT %x TO %writer`
        ],
        `%writer has UPDATE on events through %x`
      ],
      [
        "S10: the writer may set positions through another role",
        [
          `CREATE ROLE %x`,
          `GRANT UPDATE ON SEQUENCE daybook.append_number TO %x`,
          `ALTER ROLE %writer NOINHERIT`,
          `GRANT %x TO %writer`
        ],
        `%writer has UPDATE on append_number through %x`
      ],
      ...(
        [
          ["INSERT", "passed_over"],
          ["DELETE", "passed_over"],
          ["INSERT", "migrations"],
          ["UPDATE", "migrations"],
          ["INSERT", "events_1"],
          ["INSERT", "recorded_ids"],
          ["INSERT", "event_ids"]
        ] as const
      ).map(
        ([privilege, table]) =>
          [
            `S10: a login of the writer has ${privilege} on ${table} through another role`,
            [
              `CREATE ROLE %y`,
              `GRANT ${privilege} ON daybook.${table} TO %y`,
              `CREATE ROLE %x LOGIN IN ROLE %writer, %y`
            ],
            `%x has ${privilege} on ${table}`
          ] as const
      ),
      [
        "S10: a login of the reader may draw numbers of acts",
        [
          `CREATE ROLE %x LOGIN IN ROLE %reader`,
          `GRANT USAGE ON SEQUENCE daybook.acts_act_id_seq TO %x`
        ],
        `%x has USAGE on acts_act_id_seq`
      ],
      [
        "S10: the writer owns the database",
        [
          `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO %writer', current_database()); END $$`
        ],
        `%writer has ownership of the database`
      ],
      [
        "S10: a login of the writer is a superuser",
        [`CREATE ROLE %x LOGIN SUPERUSER IN ROLE %writer`],
        `%x has SUPERUSER`
      ],
      [
        "S10: a login of the reader is a member of the owner too",
        [`CREATE ROLE %x LOGIN IN ROLE %reader, %owner`],
        `%x has membership of %owner`
      ],
      [
        "S10: a login of the reader may insert by itself",
        [
          `CREATE ROLE %y IN ROLE %reader`,
          `CREATE ROLE %x LOGIN IN ROLE %y`,
          `GRANT INSERT ON daybook.events TO %x`
        ],
        `%x has INSERT on events`
      ]
    ] as const) {
      it.effect(what, () =>
        Effect.gen(function* () {
          const { migrator, roles, superuser } = yield* Logins
          const suffix = roles.writer.slice(-12)
          const named = (text: string) =>
            text
              .replaceAll("%writer", roles.writer)
              .replaceAll("%reader", roles.reader)
              .replaceAll("%owner", roles.owner)
              .replaceAll("%x", `daybook_x_${suffix}`)
              .replaceAll("%y", `daybook_y_${suffix}`)
          yield* grantAs(migrator, roles)
          const error = yield* Effect.gen(function* () {
            for (const statement of prepare) {
              yield* superuser.unsafe(named(statement)).unprepared
            }
            return yield* Effect.flip(grantAs(migrator, roles))
          }).pipe(
            Effect.ensuring(
              Effect.orDie(
                superuser.unsafe(
                  named(`DO $$ DECLARE r text; BEGIN
                  EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), session_user);
                  FOREACH r IN ARRAY ARRAY['%x', '%y'] LOOP
                    IF EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
                      EXECUTE format('DROP OWNED BY %I', r);
                      EXECUTE format('DROP ROLE %I', r);
                    END IF;
                  END LOOP;
                  ALTER ROLE %writer INHERIT; ALTER ROLE %reader INHERIT;
                END $$`)
                ).unprepared
              )
            )
          )
          assert.instanceOf(error, PostgresRoles.ExcessPrivileges)
          assert.include(error.message, named(told))
          yield* grantAs(migrator, roles)
        })
      )
    }
  }
)

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })("Default privileges", (it) => {
  it.effect("S27: grant no rights on the tables of partitions", () =>
    Effect.gen(function* () {
      const { migrator, roles, stranger, superuser, writer } = yield* Logins
      yield* note(writer)
      const [db] = yield* superuser<{ readonly name: string }>`
        SELECT rolname::text AS name FROM pg_roles
        WHERE rolname LIKE ${`daybook_stranger_${roles.writer.slice(-12)}`}`
      for (const to of ["PUBLIC", `"${db?.name}"`]) {
        yield* superuser.unsafe(
          `ALTER DEFAULT PRIVILEGES FOR ROLE "${roles.owner}" GRANT ALL ON TABLES TO ${to}`
        )
      }
      yield* superuser.unsafe(`GRANT USAGE ON SCHEMA daybook TO PUBLIC`)
      yield* PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 2 }).pipe(
        Effect.provideService(SqlClient, migrator)
      )
      const tables = yield* superuser<{ readonly name: string }>`
        SELECT relname::text AS name FROM pg_class
        WHERE relnamespace = 'daybook'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`
      assert.includeMembers(
        tables.map(({ name }) => name),
        ["events", "events_1", "recorded_ids"]
      )
      for (const { name } of tables) {
        for (const statement of [
          `SELECT FROM daybook."${name}"`,
          `INSERT INTO daybook."${name}" DEFAULT VALUES`,
          `LOCK TABLE daybook."${name}"`
        ]) {
          const error = yield* Effect.flip(stranger.withTransaction(stranger.unsafe(statement)))
          assert.strictEqual(error.reason._tag, "AuthorizationError", statement)
        }
      }
      // A login that could append and read still can, before the roles are granted again.
      yield* note(writer)
    })
  )
})

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })(
  "S6: objects of a reader on the table of events",
  (it) => {
    it.effect("S6: stay with the first partition and are named; those of the owner refuse", () =>
      Effect.gen(function* () {
        const { migrator, reader, roles, superuser, writer } = yield* Logins
        yield* note(writer)
        const login = `daybook_reading_host_${roles.reader.slice(-12)}`
        yield* superuser.unsafe(`CREATE SCHEMA mine AUTHORIZATION "${login}"`)
        const session = yield* reader.reserve
        for (const statement of [
          "CREATE TEMPORARY VIEW mine AS SELECT * FROM daybook.events",
          "CREATE VIEW mine.types AS SELECT type FROM daybook.events",
          "CREATE MATERIALIZED VIEW mine.copy AS SELECT type FROM daybook.events",
          "CREATE FUNCTION mine.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM daybook.events; END",
          `CREATE FUNCTION mine.g() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO daybook.events
            SELECT * FROM daybook.events ON CONFLICT ON CONSTRAINT events_event_id_key DO NOTHING; END`,
          "CREATE TABLE mine.rows (r daybook.events)",
          "CREATE TABLE mine.own (id text)",
          "CREATE RULE r AS ON INSERT TO mine.own DO ALSO SELECT type FROM daybook.events",
          "CREATE POLICY p ON mine.own USING (id IN (SELECT type FROM daybook.events))"
        ]) {
          yield* session.executeUnprepared(statement, [], undefined)
        }
        const partition = PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 1 }).pipe(
          Effect.provideService(SqlClient, migrator)
        )
        const owns = (statement: string) =>
          migrator.withTransaction(
            Effect.andThen(
              migrator.unsafe(`SET LOCAL ROLE "${roles.owner}"`),
              migrator.unsafe(statement)
            )
          )
        yield* owns("CREATE VIEW daybook.ours AS SELECT type FROM daybook.events")
        const refused = yield* Effect.flip(partition)
        assert.strictEqual(
          refused.message,
          "Others depend on the table of events: view daybook.ours"
        )
        yield* owns("DROP VIEW daybook.ours")
        yield* partition
        const [act] = yield* superuser<{
          readonly details: { readonly leftBehind: { count: number; first: Array<string> } }
        }>`SELECT details FROM daybook.acts WHERE act = 'partition' ORDER BY act_id LIMIT 1`
        const { count, first } = act?.details.leftBehind ?? { count: 0, first: [] }
        assert.strictEqual(count, 7)
        assert.deepStrictEqual(
          first.map((what) => what.replace(/pg_temp_\d+/, "pg_temp")).toSorted(),
          [
            "function mine.f()",
            "function mine.g()",
            "policy p on mine.own",
            "rule r on mine.own",
            "view mine.copy",
            "view mine.types",
            "view pg_temp.mine"
          ].map((what) => `${what} of ${login}`)
        )
        yield* note(writer)
      }).pipe(Effect.scoped)
    )
  }
)

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })(
  "S6: many objects of a reader on the table of events",
  (it) => {
    it.effect("S6: stop no partitioning, and are counted", () =>
      Effect.gen(function* () {
        const { migrator, reader, roles, superuser } = yield* Logins
        const login = `daybook_reading_host_${roles.reader.slice(-12)}`
        yield* superuser.unsafe(`CREATE SCHEMA mine AUTHORIZATION "${login}"`)
        yield* reader.unsafe(`DO $$ BEGIN FOR i IN 1..800 LOOP
          EXECUTE format('CREATE VIEW mine.%I AS SELECT FROM daybook.events', rpad('v' || i, 63, '_'));
        END LOOP; END $$`).unprepared
        yield* PostgresPartitions.partition(PostgresPartitions.defaults).pipe(
          Effect.provideService(SqlClient, migrator)
        )
        const acts = yield* superuser`
          SELECT (details -> 'leftBehind' ->> 'count')::integer AS count,
            json_array_length(details -> 'leftBehind' -> 'first') AS named
          FROM daybook.acts WHERE act = 'partition'`
        assert.deepStrictEqual(acts, [{ count: 800, named: 100 }])
      })
    )
  }
)
