/**
 * Faults that a restore, a copy or an operator leaves in a log in PostgreSQL: each is noticed,
 * reported and repaired.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

const newEvent = () => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

const streamId = StreamId.StreamId.make("note-1")

const append = (store: EventStore["Service"]) =>
  store.append({ streamId, expected: ExpectedRevision.any, events: [newEvent()] })

/** A log of 14 events, one per append: the last is at position 13,313. */
const filled = Effect.gen(function* () {
  const store = yield* EventStore
  for (let n = 0; n < 14; n++) yield* append(store)
  assert.deepStrictEqual(yield* PostgresHealth.check, [])
  return store
})

const BEHIND = { _tag: "SequenceBehind", rows: 13_313n, sequence: 2_048n } as const

/**
 * The cases, on databases of their own that `database` makes; `partitioned`: their logs are in
 * partitions.
 */
export const restoredCases = <E>(
  name: string,
  database: Layer.Layer<EventStore | SqlClient, E>,
  partitioned: boolean
): void => {
  layer(Layer.empty, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    const onDatabase = <EE>(
      sentence: string,
      run: Effect.Effect<void, EE, EventStore | SqlClient>
    ) => it.effect(sentence, () => Effect.provide(run, Layer.fresh(database)), 120_000)

    const says = `the log has events up to position 13313, and its sequence is at 2048: run PostgresMigrations, which puts it right`

    onDatabase(
      "fails reads and appends with one line after rows came without their sequence, until a migration",
      Effect.gen(function* () {
        yield* filled
        const sql = yield* SqlClient
        yield* sql`SELECT setval('daybook.append_number', 2)`
        assert.deepStrictEqual(yield* PostgresHealth.check, [BEHIND])
        // Like a host that is started at this time.
        const store = yield* EventStorePostgres.make
        const failures = {
          append: yield* Effect.flip(append(store)),
          appendAll: yield* Effect.flip(
            store.appendAll({
              appends: [{ streamId, expected: ExpectedRevision.any, events: [newEvent()] }]
            })
          ),
          readAll: yield* Effect.flip(Stream.runCollect(store.readAll())),
          subscribe: yield* Effect.flip(Stream.runHead(store.subscribe())),
          backlog: yield* Effect.flip(store.backlog()),
          checkpoint: yield* Effect.flip(store.checkpoint)
        }
        for (const [operation, error] of Object.entries(failures)) {
          assert.strictEqual(error.message, `${operation} failed: ${says}`)
        }
        yield* PostgresMigrations.migrate
        assert.deepStrictEqual(yield* PostgresHealth.check, [])
        assert.lengthOf(yield* Stream.runCollect(store.readAll()), 14)
        assert.strictEqual((yield* append(store)).position, 14_337n)
        assert.lengthOf(yield* Stream.runCollect(store.readAll()), 15)
      }).pipe(Effect.scoped)
    )

    onDatabase(
      "says it to a host that has appended before, and appends nothing in the middle of the history",
      Effect.gen(function* () {
        const store = yield* filled
        const sql = yield* SqlClient
        // The number 15 is drawn and stays free: the next append is at position 15,361.
        const undone = Effect.andThen(append(store), Effect.fail("undone" as const))
        assert.strictEqual(yield* Effect.flip(sql.withTransaction(undone)), "undone")
        assert.strictEqual((yield* append(store)).position, 15_361n)
        const batch = {
          appends: [
            { streamId, expected: ExpectedRevision.any, events: [newEvent(), newEvent()] }
          ] as const
        }
        // The next number is taken in the first log, and free in the second.
        for (const last of [2, 14]) {
          yield* sql`SELECT setval('daybook.append_number', ${last})`
          const sequence = last * 1_024
          const unsound = `the log has events up to position 15361, and its sequence is at ${sequence}: run PostgresMigrations, which puts it right`
          // As a caller would repeat them.
          for (let n = 0; n < 2; n++) {
            const failures = {
              append: yield* Effect.flip(append(store)),
              appendAll: yield* Effect.flip(store.appendAll(batch))
            }
            for (const [operation, error] of Object.entries(failures)) {
              assert.strictEqual(error.message, `${operation} failed: ${unsound}`)
            }
          }
          // The slow function, which waits for its streams and explains, refuses too.
          const explained = yield* Effect.flip(
            sql`SELECT * FROM daybook.append(ARRAY['note-1'], ARRAY[-2], ARRAY[1],
              ARRAY[gen_random_uuid()], ARRAY['Noted'], ARRAY[1::smallint], ARRAY['{}'], ARRAY['{}'],
              ARRAY[now()], false, 0)`
          )
          assert.include(String(explained.reason.cause), unsound)
        }
        yield* PostgresMigrations.migrate
        assert.lengthOf(yield* Stream.runCollect(store.readAll()), 15)
        assert.strictEqual((yield* append(store)).position, 16_385n)
      })
    )

    onDatabase(
      "gives the log an identity that lasts, and another when it has lost its own",
      Effect.gen(function* () {
        const store = yield* filled
        const sql = yield* SqlClient
        const before = yield* store.identity
        yield* PostgresMigrations.migrate
        assert.strictEqual(yield* store.identity, before)
        const twice = yield* Effect.flip(sql`INSERT INTO daybook.log DEFAULT VALUES`)
        assert.strictEqual(twice.reason._tag, "UniqueViolation")
        yield* sql`TRUNCATE daybook.log`
        assert.deepStrictEqual(yield* PostgresHealth.check, [
          { _tag: "NoIdentity", schema: "daybook" }
        ])
        const error = yield* Effect.flip(store.checkpoint)
        assert.strictEqual(
          error.message,
          "checkpoint failed: the log has no id: run PostgresMigrations, which gives it one"
        )
        yield* PostgresMigrations.migrate
        assert.notStrictEqual(yield* store.identity, before)
      })
    )

    const rests = Effect.gen(function* () {
      const sql = yield* SqlClient
      const tables = yield* sql<{ readonly table: string }>`
        SELECT DISTINCT t.tgrelid::regclass::text AS "table" FROM pg_trigger t
        WHERE t.tgname = 'append_only' ORDER BY 1`
      // As `pg_restore --data-only --disable-triggers` does.
      for (const { table } of tables) {
        yield* sql.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER ALL`)
        yield* sql.unsafe(`ALTER TABLE ${table} ENABLE TRIGGER ALL`)
      }
      return tables.length
    })
    const altered = Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql`SET LOCAL session_replication_role = replica`
      return (yield* sql`UPDATE daybook.events SET type = 'Forged' RETURNING 1`).length
    })
    const restored = {
      "a migration": PostgresMigrations.migrate,
      "a grant": PostgresRoles.grant({
        owner: PostgresRoles.RoleName.make("restored_owner"),
        writer: PostgresRoles.RoleName.make("restored_writer"),
        reader: PostgresRoles.RoleName.make("restored_reader")
      })
    }
    for (const [by, restore] of Object.entries(restored)) {
      onDatabase(
        `has triggers that a restore has weakened put back by ${by}`,
        Effect.gen(function* () {
          yield* filled
          const sql = yield* SqlClient
          const count = yield* rests
          const findings = yield* PostgresHealth.check
          assert.lengthOf(
            findings.filter(
              (one) => one._tag === "TriggerResting" && one.trigger === "append_only"
            ),
            count
          )
          assert.include(
            findings.map(PostgresHealth.describe),
            "Trigger append_only of events is resting for replicas: run PostgresMigrations"
          )
          // A role that may set `session_replication_role` may then change events.
          const forged = sql.withTransaction(
            Effect.flatMap(altered, (count) => Effect.fail({ _tag: "Altered" as const, count }))
          )
          assert.deepStrictEqual(yield* Effect.flip(forged), { _tag: "Altered", count: 14 })
          yield* Effect.asVoid(restore as Effect.Effect<unknown, unknown, SqlClient>)
          assert.deepStrictEqual(yield* PostgresHealth.check, [])
          const refused = yield* Effect.flip(forged)
          assert.strictEqual(refused._tag, "SqlError")
        })
      )
    }

    onDatabase(
      "makes a trigger again that is gone",
      Effect.gen(function* () {
        yield* filled
        const sql = yield* SqlClient
        yield* sql`DROP TRIGGER append_only ON daybook.events`
        yield* sql`DROP TRIGGER append_only ON daybook.acts`
        assert.deepStrictEqual(yield* PostgresHealth.check, [
          { _tag: "TriggerResting", table: "acts", trigger: "append_only", state: "missing" },
          { _tag: "TriggerResting", table: "events", trigger: "append_only", state: "missing" }
        ])
        yield* PostgresMigrations.migrate
        assert.deepStrictEqual(yield* PostgresHealth.check, [])
        // Its message shows that the trigger is the one of acts.
        const refused = yield* Effect.flip(sql`DELETE FROM daybook.acts`)
        assert.include(String(refused.reason.cause), "acts are only added: delete refused")
      })
    )

    onDatabase(
      "says that a migration is missing",
      Effect.gen(function* () {
        yield* filled
        const sql = yield* SqlClient
        yield* sql`DELETE FROM daybook.migrations WHERE migration_id = (
          SELECT max(migration_id) FROM daybook.migrations)`
        assert.deepStrictEqual(yield* PostgresHealth.check, [
          { _tag: "NotMigrated", schema: "daybook" }
        ])
      })
    )

    if (!partitioned) return

    onDatabase(
      "records the ids of a partition in the middle that was copied without them",
      Effect.gen(function* () {
        const store = yield* filled
        const sql = yield* SqlClient
        yield* sql`ALTER TABLE daybook.recorded_ids DISABLE TRIGGER ALL`
        // The first partition has 14 appends, and each later one 7.
        for (const position of [14_337n, 15_361n]) {
          assert.strictEqual((yield* append(store)).position, position)
        }
        yield* sql`SELECT setval('daybook.append_number', 21)`
        assert.strictEqual((yield* append(store)).position, 21_505n)
        yield* sql`DELETE FROM daybook.recorded_ids WHERE position BETWEEN 14337 AND 15361`
        yield* sql`ALTER TABLE daybook.recorded_ids ENABLE TRIGGER ALL`
        assert.deepStrictEqual(
          (yield* PostgresHealth.check).filter(({ _tag }) => _tag === "IdsMissing"),
          [
            { _tag: "IdsMissing", position: 14_337n },
            { _tag: "IdsMissing", position: 15_361n }
          ]
        )
        yield* PostgresMigrations.migrate
        assert.deepStrictEqual(yield* PostgresHealth.check, [])
        const events = yield* Stream.runCollect(store.readAll())
        assert.lengthOf(yield* store.find(events.map(({ id }) => id)), 17)
      })
    )

    onDatabase(
      "records the ids of events that were copied without them",
      Effect.gen(function* () {
        const store = yield* filled
        const sql = yield* SqlClient
        yield* sql`ALTER TABLE daybook.recorded_ids DISABLE TRIGGER ALL`
        yield* sql`DELETE FROM daybook.recorded_ids`
        yield* sql`ALTER TABLE daybook.recorded_ids ENABLE TRIGGER ALL`
        assert.deepStrictEqual(
          (yield* PostgresHealth.check).filter(({ _tag }) => _tag === "IdsMissing"),
          [
            { _tag: "IdsMissing", position: 1n },
            { _tag: "IdsMissing", position: 13_313n }
          ]
        )
        yield* PostgresMigrations.migrate
        assert.deepStrictEqual(yield* PostgresHealth.check, [])
        const events = yield* Stream.runCollect(store.readAll())
        assert.lengthOf(yield* store.find(events.map(({ id }) => id)), 14)
      })
    )
  })
}
