/**
 * Privileges that read models could give without a grant: the findings of the security review of
 * November 2026, each tested from the attacker's side.
 */
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import type * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { makeOverloads, overloadsCalled } from "../../store/test/overloads.ts"
import { aggregateOf, products } from "./Till.ts"
import { logins, logOf, project, projection, sell, services, stores } from "./readModelLogins.ts"

const baskets = products(aggregateOf("till"), "baskets")

const migrate = (sql: SqlClient) =>
  Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)

const sells = (sql: PgClient.PgClient, id: string, cents: number) =>
  Effect.provide(sell(id, cents), logOf(sql))

/** Sells as a host that maintains the rows inline. */
const sellsInline = (sql: PgClient.PgClient, id: string, cents: number) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Layer.fresh(Projections.layerAppends([projection])))
    return yield* Effect.provideService(
      sell(id, cents),
      EventStore,
      Context.get(context, EventStore)
    )
  }).pipe(Effect.scoped, Effect.provide(stores(sql)))

const rebuild = (sql: PgClient.PgClient) =>
  project(sql, { async: [projection] }, (runner) =>
    Stream.runDrain(runner.rebuild(projection.name))
  )

const refused = Effect.fnUntraced(function* (sql: PgClient.PgClient, statement: string) {
  const error = yield* Effect.flip(sql.withTransaction(sql.unsafe(statement).unprepared))
  assert.strictEqual(error.reason._tag, "AuthorizationError", statement)
})

/** Records two sales, and lets one host fold them. */
const kept = Effect.fnUntraced(function* (...given: Parameters<typeof logins>) {
  const users = yield* logins(...given)
  yield* migrate(users.projecting)
  yield* sells(users.writer, "1", 250)
  yield* sells(users.writer, "2", 100)
  yield* project(users.projecting, { async: [projection] })
  return users
})

const inlineKept = Effect.gen(function* () {
  const users = yield* kept()
  yield* project(users.projecting, { inline: [projection] }, (runner) =>
    Effect.repeat(runner.status(projection.name), { until: ({ state }) => state === "inline" })
  )
  yield* sellsInline(users.inline, "1", 1)
  return users
})

layer(services, { excludeTestServices: true, timeout: "2 minutes" })(
  "The rights of keepers and readers of read models",
  (it) => {
    it.effect(
      "S4: functions that a stranger made in public run as no role that keeps or reads them",
      () =>
        Effect.gen(function* () {
          const { inline, projecting, reading, superuser, writer } = yield* kept(makeOverloads)
          yield* rebuild(projecting)
          yield* project(projecting, { async: [projection] }, (runner) =>
            Effect.gen(function* () {
              yield* runner.pause(projection.name, { reason: "to look" })
              yield* runner.resume(projection.name)
              yield* runner.drop(projection.name, 1)
              assert.isAbove((yield* runner.acts(projection.name)).length, 3)
            })
          )
          // A table with JSON and numbers, whose sizes queries and comparisons measure.
          yield* project(projecting, { async: [projection, baskets] }, (runner) =>
            Effect.gen(function* () {
              const asked = ReadModel.query(baskets).pipe(
                Stream.runCollect,
                Effect.provide(
                  ReadModelStorePostgres.layer.pipe(
                    Layer.provide(Layer.succeed(SqlClient, reading))
                  )
                )
              )
              yield* Effect.repeat(asked, { until: ({ length }) => length === 1 })
              yield* projecting`UPDATE read_models.baskets SET cents = 7`
              const differs = yield* Effect.flip(Stream.runDrain(runner.rebuild(baskets.name)))
              assert.include(differs.message, "differs from what serves in 1 row")
              assert.deepStrictEqual(
                (yield* asked).map(({ cents }) => cents),
                [7n]
              )
            })
          )
          yield* project(projecting, { inline: [projection] }, (runner) =>
            Effect.repeat(runner.status(projection.name), {
              until: ({ state }) => state === "inline"
            })
          )
          yield* sellsInline(inline, "1", 1)
          yield* sells(writer, "9", 1)
          const rows = yield* Stream.runCollect(
            ReadModel.query(projection, { orderBy: ["cents"], where: { cents: { above: 0 } } })
          ).pipe(
            Effect.provide(
              ReadModelStorePostgres.layer.pipe(Layer.provide(Layer.succeed(SqlClient, reading)))
            )
          )
          assert.deepStrictEqual(
            rows.map(({ cents }) => cents),
            [100, 251]
          )
          // Migrates as a superuser, as a deploy may.
          yield* migrate(superuser)
          assert.deepStrictEqual(yield* overloadsCalled(superuser), [{ called: false }])
        }).pipe(Effect.scoped)
    )

    it.effect("S6: what who may read has built stops no switch, and is named", () =>
      Effect.gen(function* () {
        const { projecting, reading, role, superuser } = yield* kept()
        yield* superuser.unsafe(`CREATE SCHEMA mine AUTHORIZATION "${role("dashboards")}"`)
        const session = yield* reading.reserve
        for (const statement of [
          "CREATE TEMPORARY VIEW mine AS SELECT * FROM read_models.takings",
          "CREATE VIEW mine.sums AS SELECT sum(cents) FROM read_models.takings",
          "CREATE MATERIALIZED VIEW mine.copy AS SELECT * FROM read_models.takings",
          "CREATE FUNCTION mine.f(read_models.takings) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
          "CREATE TABLE mine.rows (r read_models.takings)",
          "CREATE TABLE mine.own (id text)",
          "CREATE POLICY p ON mine.own USING (id IN (SELECT till_id FROM read_models.takings))"
        ]) {
          yield* session.executeUnprepared(statement, [], undefined)
        }
        yield* rebuild(projecting)
        yield* project(projecting, { async: [projection] }, (runner) =>
          Effect.gen(function* () {
            const { generation, leftBehind } = yield* runner.status(projection.name)
            assert.strictEqual(generation, 2)
            const of = `of ${role("dashboards")}`
            assert.deepStrictEqual(
              leftBehind.first.map((what) => what.replace(/pg_temp_\d+/, "pg_temp")).toSorted(),
              [
                `function mine.f(read_models.takings) ${of}`,
                `materialized view mine.copy ${of}`,
                `policy p on mine.own ${of}`,
                `table mine.rows ${of}`,
                `view mine.sums ${of}`,
                `view pg_temp.mine ${of}`
              ]
            )
            const dropped = yield* Effect.flip(runner.drop(projection.name, 1))
            assert.include(dropped.message, `view mine.sums ${of}`)
          })
        )
        assert.strictEqual((yield* reading`SELECT FROM read_models.takings`).length, 2)
      }).pipe(Effect.scoped)
    )

    it.effect("S6: any number of views of a reader stops no switch, and they are counted", () =>
      Effect.gen(function* () {
        const { projecting, reading, role, superuser } = yield* kept()
        yield* superuser.unsafe(`CREATE SCHEMA mine AUTHORIZATION "${role("dashboards")}"`)
        yield* reading.unsafe(`DO $$ BEGIN FOR i IN 1..800 LOOP
          EXECUTE format('CREATE VIEW mine.%I AS SELECT FROM read_models.takings',
            rpad('view_' || i || '_', 63, chr(1)));
        END LOOP; END $$`).unprepared
        yield* projecting`CREATE INDEX of_ours ON read_models.takings (cents)`
        yield* rebuild(projecting)
        yield* project(projecting, { async: [projection] }, (runner) =>
          Effect.gen(function* () {
            const { generation, leftBehind } = yield* runner.status(projection.name)
            assert.strictEqual(generation, 2)
            assert.strictEqual(leftBehind.count, 801)
            assert.isAbove(leftBehind.first.length, 10)
            assert.strictEqual(leftBehind.first[0], "index read_models.of_ours")
            assert.isAtMost(Buffer.byteLength(JSON.stringify(leftBehind)), 25_000)
            const switched = (yield* runner.acts(projection.name)).find(
              ({ act }) => act === "switch"
            )
            assert.deepStrictEqual(switched?.details, { from: 1, to: 2, version: 1, leftBehind })
            const dropped = yield* Effect.flip(runner.drop(projection.name, 1))
            assert.isAtMost(dropped.message.length, 25_000)
            assert.include(dropped.message, "view mine.")
          })
        )
      }).pipe(Effect.scoped)
    )

    it.effect(
      "S6: a table that a reader locks, with a view of it and the rows, stops no switch",
      () =>
        Effect.gen(function* () {
          const { projecting, reading, role, superuser } = yield* kept()
          yield* superuser.unsafe(`CREATE SCHEMA mine AUTHORIZATION "${role("dashboards")}"`)
          yield* reading`CREATE TABLE mine.own (id text)`
          yield* reading`CREATE VIEW mine.both AS SELECT FROM mine.own, read_models.takings`
          yield* reading.withTransaction(
            Effect.andThen(
              reading`LOCK TABLE mine.own IN ACCESS EXCLUSIVE MODE`,
              rebuild(projecting)
            )
          )
          assert.deepStrictEqual(
            yield* projecting`SELECT generation FROM read_models.daybook__generations WHERE role = 'serving'`,
            [{ generation: 2 }]
          )
        }).pipe(Effect.scoped)
    )

    it.effect("S6: a login that may read the rows cannot touch a shadow", () =>
      Effect.gen(function* () {
        const { projecting, reading } = yield* kept()
        yield* project(projecting, { async: [projection] }, (runner) =>
          Effect.gen(function* () {
            // The pause holds the rebuild, so that its table can be inspected.
            yield* projecting`UPDATE read_models.daybook__generations SET paused = true`
            yield* Effect.forkScoped(Stream.runDrain(runner.rebuild(projection.name)))
            yield* Effect.repeat(runner.generations(projection.name), {
              until: ({ length }) => length === 2
            })
            yield* refused(reading, "SELECT FROM read_models.takings__g2")
            yield* refused(reading, "LOCK TABLE read_models.takings__g2 IN ACCESS SHARE MODE")
          }).pipe(Effect.scoped)
        )
      }).pipe(Effect.scoped)
    )

    it.effect("S9: row security goes with the name, forced or not, with its policies", () =>
      Effect.gen(function* () {
        const { projecting, reading, role } = yield* kept()
        const table = "read_models.takings"
        const dashboards = role("dashboards")
        for (const statement of [
          `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
          `CREATE POLICY ours ON ${table} FOR SELECT TO "${dashboards}", PUBLIC USING (till_id = '1')`,
          `CREATE POLICY "Not ""theirs""" ON ${table} AS RESTRICTIVE TO "${dashboards}"
            USING (cents > 0 AND EXISTS (SELECT FROM ${table} t)) WITH CHECK (till_id <> '2')`
        ]) {
          yield* projecting.unsafe(statement)
        }
        const policies = projecting`
          SELECT policyname::text, permissive, roles::text, cmd, qual, with_check FROM pg_policies
          WHERE tablename = 'takings' ORDER BY 1`
        yield* projecting.unsafe(`DROP POLICY "Not ""theirs""" ON ${table}`)
        yield* projecting.unsafe(`CREATE POLICY "Not ""theirs""" ON ${table} AS RESTRICTIVE TO "${dashboards}"
          USING (cents > 0) WITH CHECK (till_id <> '2')`)
        const before = yield* policies
        assert.strictEqual(before.length, 2)
        const seen = reading`SELECT till_id FROM read_models.takings`
        assert.deepStrictEqual(yield* seen, [{ till_id: "1" }])
        yield* rebuild(projecting)
        assert.deepStrictEqual(yield* seen, [{ till_id: "1" }])
        assert.deepStrictEqual(yield* policies, before)
        const flags = projecting`
          SELECT relname::text AS name, relrowsecurity, relforcerowsecurity FROM pg_class
          WHERE relname IN ('takings', 'takings__g1') ORDER BY 1`
        assert.deepStrictEqual(yield* flags, [
          { name: "takings", relrowsecurity: true, relforcerowsecurity: false },
          { name: "takings__g1", relrowsecurity: true, relforcerowsecurity: false }
        ])
        // The retired table keeps its grants.
        assert.deepStrictEqual(yield* reading`SELECT till_id FROM read_models.takings__g1`, [
          { till_id: "1" }
        ])
      }).pipe(Effect.scoped)
    )

    it.effect(
      "S9: a switch that would lose what the owner has built is refused, with its names",
      () =>
        Effect.gen(function* () {
          const { projecting, reading, superuser } = yield* kept()
          for (const statement of [
            "CREATE FUNCTION read_models.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER audit BEFORE INSERT ON read_models.takings FOR EACH ROW EXECUTE FUNCTION read_models.audit()",
            "CREATE RULE r AS ON DELETE TO read_models.takings DO ALSO SELECT 1",
            "ALTER TABLE read_models.takings ADD CONSTRAINT c CHECK (cents > -1000)",
            `CREATE TABLE read_models.other (id text COLLATE "C" CONSTRAINT f REFERENCES read_models.takings)`,
            "CREATE TABLE read_models.child () INHERITS (read_models.takings)",
            "CREATE MATERIALIZED VIEW read_models.copy AS SELECT * FROM read_models.takings"
          ]) {
            yield* projecting.unsafe(statement).unprepared
          }
          yield* superuser.unsafe("CREATE PUBLICATION p FOR TABLE read_models.takings").unprepared
          yield* Effect.gen(function* () {
            const store = yield* ReadModelStore
            const table = Result.getOrThrow(ReadModelTable.make(projection))
            const lease = Duration.minutes(1)
            const begun = yield* store.beginShadow(table, { parallelism: 1, owner: "one", lease })
            const error = yield* Effect.flip(
              store.promote(table, Option.getOrThrow(begun.claim), {
                compare: false,
                catchUp: () => Effect.void
              })
            )
            assert.include(
              error.message,
              "with its dependents: " +
                [
                  "materialized view read_models.copy",
                  "rule r",
                  "constraint c",
                  "foreign key f on read_models.other",
                  "trigger audit",
                  "publication p",
                  "table read_models.child"
                ].join(", ")
            )
          }).pipe(Effect.provide(stores(projecting)))
          assert.strictEqual((yield* reading`SELECT FROM read_models.takings`).length, 2)
        }).pipe(Effect.scoped)
    )
  }
)

/** Forges an event by code on the projector's own tables, which the appending role would run. */
const forge = (result: string) => `LANGUAGE plpgsql AS $f$ BEGIN
  PERFORM set_config('shop.ran', current_user, false);
  PERFORM * FROM daybook.try_append(ARRAY['till-forged'], ARRAY[-2]::bigint[], ARRAY[1],
    ARRAY[gen_random_uuid()], ARRAY['Sold'], ARRAY[1]::smallint[], ARRAY['{"product":"tea","cents":1}'],
    ARRAY['{}'], ARRAY[now()], false);
  RETURN ${result}; END $f$`

layer(services, { excludeTestServices: true, timeout: "2 minutes" })(
  "S7: a projector beside a host that keeps its rows in appends",
  (it) => {
    it.effect("S7: can't have an event appended by code on the tables", () =>
      Effect.gen(function* () {
        const { inline, projecting, role, superuser } = yield* inlineKept
        yield* refused(
          projecting,
          "SELECT daybook.try_append('{}','{}','{}','{}','{}','{}','{}','{}','{}',true)"
        )
        const events = superuser`SELECT position, stream_id FROM daybook.events ORDER BY 1`
        const before = yield* events
        const attempt = Effect.fnUntraced(function* (
          told: ReadonlyArray<string>,
          ...prepare: ReadonlyArray<string>
        ) {
          for (const statement of prepare) yield* projecting.unsafe(statement).unprepared
          const error = yield* Effect.flip(sellsInline(inline, "1", 5))
          assert.include(
            error.message,
            `Cannot append: tables of read models would run foreign code: ${told.join(", ")}`
          )
          assert.deepStrictEqual(yield* events, before)
        })
        yield* attempt(
          [
            "constraint forge of read_models.takings",
            "default of column extra of read_models.takings",
            "index forge of read_models.takings",
            "row security of read_models.takings",
            "rule forge of read_models.takings",
            "trigger forge of read_models.takings",
            "type of column till_id of read_models.takings"
          ],
          `CREATE FUNCTION read_models.forge() RETURNS trigger ${forge("NEW")}`,
          `CREATE FUNCTION read_models.forge(anyelement) RETURNS boolean ${forge("true")}`,
          "CREATE FUNCTION read_models.fixed(bigint) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
          'CREATE DOMAIN read_models.forged AS text COLLATE "C"',
          "ALTER TABLE read_models.takings ALTER till_id TYPE read_models.forged",
          "CREATE TRIGGER forge BEFORE INSERT OR UPDATE ON read_models.takings FOR EACH ROW EXECUTE FUNCTION read_models.forge()",
          "CREATE RULE forge AS ON INSERT TO read_models.takings DO ALSO SELECT read_models.forge(1)",
          "ALTER TABLE read_models.takings ADD extra boolean",
          "ALTER TABLE read_models.takings ALTER extra SET DEFAULT read_models.forge(1)",
          "ALTER TABLE read_models.takings ADD CONSTRAINT forge CHECK (read_models.forge(cents)) NOT VALID",
          "CREATE INDEX forge ON read_models.takings (read_models.fixed(cents))",
          "CREATE POLICY forge ON read_models.takings USING (read_models.forge(1))",
          "ALTER TABLE read_models.takings ENABLE ROW LEVEL SECURITY"
        )
        yield* attempt(
          ["kind v of read_models.takings", "rule _RETURN of read_models.takings"],
          "ALTER TABLE read_models.takings RENAME TO hidden",
          "CREATE VIEW read_models.takings AS SELECT * FROM read_models.hidden WHERE read_models.forge(1)",
          `GRANT ALL ON read_models.takings TO "${role("inline")}"`
        )
        yield* attempt(
          [
            "kind v of read_models.daybook__generations",
            "rule _RETURN of read_models.daybook__generations"
          ],
          "ALTER TABLE read_models.daybook__generations RENAME TO hidden_generations",
          "CREATE VIEW read_models.daybook__generations AS SELECT * FROM read_models.hidden_generations WHERE read_models.forge(1)",
          `GRANT ALL ON read_models.daybook__generations TO "${role("inline")}"`
        )
      }).pipe(Effect.scoped)
    )

    it.effect("S7: can't by a function of the log, nor by the rights of a host", () =>
      Effect.gen(function* () {
        const { inline, projecting, superuser } = yield* inlineKept
        yield* sellsInline(inline, "1", 5)
        const forged = yield* superuser`
          SELECT FROM daybook.events WHERE stream_id = 'till-forged'`
        assert.strictEqual(forged.length, 0)
        // Nor can it replace the function that hosts call, nor use the privileges of a host there.
        yield* refused(
          projecting,
          "CREATE OR REPLACE FUNCTION daybook.lock_read_models(text, text[], text[], text[], uuid, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'"
        )
        yield* refused(inline, "ALTER TABLE read_models.takings ADD x integer")
        yield* refused(inline, "UPDATE read_models.daybook__generations SET paused = true")
      }).pipe(Effect.scoped)
    )
  }
)

layer(services, { excludeTestServices: true, timeout: "2 minutes" })(
  "S13: who reads rows",
  (it) => {
    it.effect("S13: sees nothing of the log beside them, and keeps querying", () =>
      Effect.gen(function* () {
        const { inline, projecting, reading, stranger, superuser } = yield* kept()
        yield* projecting`
          UPDATE read_models.daybook__generations SET poison = '{"issue":"4111111111111111"}'`
        const open = yield* superuser<{ readonly name: string }>`
          SELECT relname::text AS name FROM pg_class
          WHERE relnamespace = 'read_models'::regnamespace AND relname LIKE 'daybook%'
            AND relkind IN ('r', 'S') ORDER BY 1`
        assert.isAbove(open.length, 4)
        for (const { name } of open) yield* refused(reading, `SELECT * FROM read_models.${name}`)
        yield* refused(reading, "SELECT poison FROM read_models.daybook__generations")
        yield* refused(reading, "SELECT owner, description FROM read_models.daybook__generations")
        yield* superuser`GRANT USAGE ON SCHEMA read_models TO PUBLIC`
        for (const sql of [reading, stranger]) {
          yield* refused(
            sql,
            "SELECT daybook.lock_read_models('read_models', '{}', '{}', '{}', NULL, 1)"
          )
        }
        const rows = yield* Stream.runCollect(ReadModel.query(projection)).pipe(
          Effect.provide(
            ReadModelStorePostgres.layer.pipe(Layer.provide(Layer.succeed(SqlClient, reading)))
          )
        )
        assert.strictEqual(rows.length, 2)
        // A role that may append may read the log anyway.
        assert.strictEqual(
          (yield* inline`SELECT poison FROM read_models.daybook__generations`).length,
          1
        )
      }).pipe(Effect.scoped)
    )

    it.effect("S13: is shut out again by the next deploy when all tables were granted", () =>
      Effect.gen(function* () {
        const { modelReader, projecting, reading } = yield* kept()
        yield* projecting.unsafe(
          `GRANT ALL ON ALL TABLES IN SCHEMA read_models TO "${modelReader}", PUBLIC`
        )
        yield* migrate(projecting)
        yield* refused(reading, "SELECT * FROM read_models.daybook__skipped")
        yield* refused(reading, "UPDATE read_models.daybook__generations SET paused = true")
        yield* refused(reading, "SELECT poison FROM read_models.daybook__generations")
        yield* reading`SELECT name, generation, role FROM read_models.daybook__generations`
      }).pipe(Effect.scoped)
    )
  }
)

layer(services, { excludeTestServices: true, timeout: "2 minutes" })(
  "S23: rows that were tampered with",
  (it) => {
    it.effect(
      "S23: are found by a rebuild, replaced when it accepts them, and that is recorded",
      () =>
        Effect.gen(function* () {
          const { projecting, role, superuser } = yield* kept()
          yield* projecting`UPDATE read_models.takings SET cents = 1000000 WHERE till_id = '1'`
          yield* project(projecting, { async: [projection] }, (runner) =>
            Effect.gen(function* () {
              const differs = yield* Effect.flip(Stream.runDrain(runner.rebuild(projection.name)))
              assert.strictEqual(
                differs.message.replace(/position \d+/, "position"),
                "takings rebuilt up to position differs from what serves in 1 row, of those compared in cents"
              )
              const why = { actor: "Ada", reason: "somebody wrote to the table" }
              yield* Stream.runDrain(runner.rebuild(projection.name, { accept: true, ...why }))
              const invalid = yield* Effect.flip(runner.pause(projection.name, { reason: " " }))
              assert.strictEqual(invalid._tag, "InvalidWhy")
              const acts = yield* runner.acts(projection.name)
              assert.deepStrictEqual(
                acts.map(({ act, actor, details, login, reason }) => ({
                  act,
                  details,
                  by: [Option.getOrNull(login), Option.getOrNull(actor), Option.getOrNull(reason)]
                })),
                [
                  {
                    act: "rebuild",
                    details: { generation: 2, accepted: false },
                    by: [role("projecting_host"), null, null]
                  },
                  {
                    act: "differ",
                    details: { generation: 2, rows: 1 },
                    by: [role("projecting_host"), null, null]
                  },
                  {
                    act: "rebuild",
                    details: { generation: 3, accepted: true },
                    by: [role("projecting_host"), why.actor, why.reason]
                  },
                  {
                    act: "switch",
                    details: { from: 1, to: 3, version: 1, differing: 1 },
                    by: [role("projecting_host"), null, null]
                  }
                ]
              )
            })
          )
          const rows = yield* projecting`SELECT cents FROM read_models.takings ORDER BY 1`
          assert.deepStrictEqual(rows, [{ cents: 100n }, { cents: 250n }])
          for (const statement of [
            "UPDATE daybook.acts SET reason = 'none'",
            "DELETE FROM daybook.acts",
            "INSERT INTO daybook.acts DEFAULT VALUES",
            "TRUNCATE daybook.acts"
          ]) {
            yield* refused(projecting, statement)
          }
          yield* refused(superuser, "DELETE FROM daybook.acts")
        }).pipe(Effect.scoped)
    )
  }
)
