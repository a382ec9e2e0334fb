/**
 * A log in partitions: its conversion while writers are at work, its growth, and the uniqueness of
 * its ids and revisions.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventIdConflict, EventStoreError } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { PartitioningRefused } from "@daybook/store/PostgresPartitions"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { note } from "./notes.ts"
import { Logins } from "./roleLogins.ts"
import { appendTo, database, follow, type Host } from "./subscribingHosts.ts"

const small: PostgresPartitions.Settings = { appendsPerPartition: 5, ahead: 2 }

const partitionOn = (sql: SqlClient, settings = small) =>
  Effect.provideService(PostgresPartitions.partition(settings), SqlClient, sql)

const listOn = (sql: SqlClient) => Effect.provideService(PostgresPartitions.list, SqlClient, sql)

const tablesOn = (sql: SqlClient) =>
  Effect.map(listOn(sql), (all) => all.map(({ table, upTo }) => [table, upTo / 1024n] as const))

const newEvent = () => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

const streamId = () => StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`)

/** Makes `count` appends, each in a call of its own. */
const append = (host: Host, count: number) => Effect.replicateEffect(appendTo(host), count)

const positionsOf = (host: Host) =>
  Effect.map(
    Stream.runCollect(host.store.readAll()),
    Arr.map(({ position }) => position)
  )

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "A log in partitions",
  (it) => {
    it.effect("begins so when it is new, with room ahead", () =>
      Effect.gen(function* () {
        const { admin } = yield* database
        assert.deepStrictEqual(yield* listOn(admin), [])
        assert.deepStrictEqual(yield* partitionOn(admin), [
          { table: "events_1", after: Position.make(0n), upTo: Position.make(10n * 1024n) }
        ])
        assert.deepStrictEqual(yield* partitionOn(admin), yield* listOn(admin))
      })
    )

    it.effect("grows by partitions ahead of its end, before and after the last one is full", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin)
        const first = yield* append(host, 3)
        yield* partitionOn(admin)
        assert.deepStrictEqual(yield* tablesOn(admin), [
          ["events_1", 10n],
          ["events_11", 15n]
        ])
        const more = yield* append(host, 12)
        const full = yield* Effect.flip(appendTo(host))
        assert.instanceOf(full, EventStoreError)
        assert.include(full.message, 'no partition of relation "events" found for row')
        yield* partitionOn(admin, { appendsPerPartition: 4, ahead: 1 })
        const rest = yield* append(host, 4)
        assert.deepStrictEqual(yield* positionsOf(host), [...first, ...more, ...rest])
        const counts = yield* admin`
          SELECT tableoid::regclass::text AS table, count(*) FROM daybook.events GROUP BY tableoid ORDER BY 1`
        assert.strictEqual(counts.length, 3)
      })
    )

    it.effect("loses no append that found no partition: it is repeated with the same ids", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin)
        yield* append(host, 8)
        const [one, two] = [streamId(), streamId()]
        const appends = Arr.makeBy(20, (n) => ({
          streamId: n % 2 === 0 ? one : two,
          expected: ExpectedRevision.any,
          events: [newEvent()] as const
        }))
        const all = Effect.forEach(appends, (each) => Effect.result(host.store.append(each)))
        const before = yield* all
        const written = before.filter(({ _tag }) => _tag === "Success").length
        assert.strictEqual(written, 2)
        yield* partitionOn(admin, { appendsPerPartition: 100, ahead: 1 })
        const after = yield* all
        assert.isTrue(after.every(({ _tag }) => _tag === "Success"))
        for (const stream of [one, two]) {
          const events = yield* Stream.runCollect(host.store.read(stream))
          assert.deepStrictEqual<ReadonlyArray<number>>(
            events.map(({ revision }) => revision),
            Arr.range(1, 10)
          )
        }
      })
    )

    it.effect("covers a leap of positions by one partition", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin)
        yield* admin`SELECT setval('daybook.append_number', ${2n ** 40n})`
        yield* partitionOn(admin)
        const [, leap, ...rest] = yield* tablesOn(admin)
        assert.deepStrictEqual(leap, ["events_11", (2n ** 40n / 5n + 1n) * 5n])
        assert.strictEqual(rest.length, 2)
        yield* appendTo(host)
        yield* admin`SELECT setval('daybook.append_number', ${2n ** 53n - 3n})`
        yield* partitionOn(admin)
        const { upTo } = Arr.getUnsafe(yield* listOn(admin), -1 + (yield* listOn(admin)).length)
        assert.strictEqual<bigint>(upTo, (2n ** 53n - 1n) * 1024n)
        yield* appendTo(host)
        assert.deepStrictEqual(yield* partitionOn(admin), yield* listOn(admin))
      })
    )

    it.effect("is partitioned once by ten hosts that start at once", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* append(host, 30)
        const hosts = yield* Effect.replicateEffect(start(), 10)
        const all = yield* Effect.forEach(hosts, ({ sql }) => partitionOn(sql), {
          concurrency: "unbounded"
        })
        for (const each of all) assert.deepStrictEqual(each, yield* listOn(admin))
        assert.strictEqual((yield* positionsOf(host)).length, 30)
      })
    )

    it.effect("takes the events that there are, while hosts append and subscribe", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const [writer, other, reader] = [yield* start(), yield* start(), yield* start()]
        yield* append(writer, 200)
        const subscriber = yield* follow(reader)
        const stream = streamId()
        const end = { come: false }
        const writing = yield* Effect.forEach(
          [writer, other, writer, other],
          (host, index) =>
            Effect.gen(function* () {
              const positions: Array<bigint> = []
              for (let n = 0; !end.come; n++) {
                const answer = yield* host.store.append({
                  streamId: n % 3 === 0 ? stream : streamId(),
                  expected: ExpectedRevision.any,
                  events: [newEvent()]
                })
                positions.push(answer.position)
                // Some of them have transactions open when the table is changed.
                if (n % 10 === index)
                  positions.push(yield* host.sql.withTransaction(appendTo(host)))
              }
              return positions
            }),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkChild({ startImmediately: true }))
        yield* subscriber.next(220)
        yield* partitionOn(admin, { appendsPerPartition: 1_000, ahead: 1 })
        const [moved] = yield* listOn(admin)
        for (let round = 0; round < 5; round++) {
          yield* partitionOn(admin, { appendsPerPartition: 50, ahead: 4 + round })
          yield* subscriber.next(20)
        }
        end.come = true
        const acknowledged = (yield* Fiber.join(writing)).flat()
        const all = yield* positionsOf(reader)
        assert.isAbove(acknowledged.length, 100)
        assert.strictEqual(all.length, 200 + acknowledged.length)
        const known = new Set<bigint>(all)
        assert.isTrue(acknowledged.every((position) => known.has(position)))
        const given = yield* subscriber.next(all.length - 320)
        assert.deepStrictEqual<ReadonlyArray<bigint>>(given, all.slice(320))
        const revisions = yield* Stream.runCollect(reader.store.read(stream))
        assert.deepStrictEqual<ReadonlyArray<number>>(
          revisions.map(({ revision }) => revision),
          Arr.range(1, revisions.length)
        )
        // The check that made the table a partition is gone.
        assert.strictEqual(moved?.table, "events_1")
        const checks = yield* admin`
          SELECT FROM pg_constraint WHERE conname = 'events_before_partitions'`
        assert.strictEqual(checks.length, 0)
        assert.deepStrictEqual(yield* everyId(admin), [])
      })
    )

    it.effect("is read where the positions asked for are, and nowhere else", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin, { appendsPerPartition: 5, ahead: 6 })
        yield* append(host, 20)
        const plan = yield* admin.withTransaction(
          Effect.gen(function* () {
            yield* admin`SET LOCAL plan_cache_mode = force_generic_plan`
            yield* admin`
              PREPARE page (bigint, bigint) AS SELECT position FROM daybook.events
              WHERE position BETWEEN $1 AND $2 ORDER BY position LIMIT 500`.unprepared
            return yield* admin`EXPLAIN EXECUTE page (14000, 15000)`.unprepared
          })
        )
        const text = JSON.stringify(plan)
        assert.include(text, "Subplans Removed: 4")
        assert.include(text, "events_11")
      })
    )

    it.effect("knows each event by its id, across all partitions", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        const early = {
          streamId: streamId(),
          expected: ExpectedRevision.noStream,
          events: [newEvent(), newEvent()] as const
        }
        const first = yield* host.store.append(early)
        yield* partitionOn(admin)
        yield* append(host, 12)
        assert.deepStrictEqual(yield* host.store.append(early), { ...first, repeated: true })
        const taken = yield* Effect.flip(
          host.store.append({
            ...early,
            streamId: streamId(),
            events: [early.events[1], newEvent()]
          })
        )
        assert.instanceOf(taken, EventIdConflict)
        assert.strictEqual(taken.recorded[0]?.eventId, early.events[1].id)
        const found = yield* host.store.find([early.events[0].id])
        assert.strictEqual(found[0]?.streamId, early.streamId)
      })
    )

    it.effect("lets one of two appends of an id through that are in different partitions", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const [one, two] = [yield* start(), yield* start()]
        yield* partitionOn(admin, { appendsPerPartition: 1, ahead: 30 })
        const twins = yield* Effect.forEach(Arr.range(1, 10), () => {
          const events = [newEvent()] as const
          const attempt = (host: Host) =>
            Effect.result(
              host.store.append({
                streamId: streamId(),
                expected: ExpectedRevision.noStream,
                events
              })
            )
          return Effect.all([attempt(one), attempt(two)], { concurrency: 2 })
        })
        for (const twin of twins) {
          assert.deepStrictEqual(twin.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
        }
        assert.deepStrictEqual(yield* everyId(admin), [])
      })
    )

    it.effect("would hold an id twice if ids were looked up and not recorded", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const [one, two] = [yield* start(), yield* start()]
        yield* partitionOn(admin, { appendsPerPartition: 1, ahead: 30 })
        yield* admin`ALTER TABLE daybook.events DISABLE TRIGGER record_ids`
        const events = [newEvent()] as const
        const open = yield* Deferred.make<void>()
        const close = yield* Deferred.make<void>()
        const attempt = (host: Host) =>
          host.store.append({ streamId: streamId(), expected: ExpectedRevision.noStream, events })
        const first = yield* one.sql
          .withTransaction(
            attempt(one).pipe(
              Effect.andThen(Deferred.succeed(open, undefined)),
              Effect.andThen(Deferred.await(close))
            )
          )
          .pipe(Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(open)
        yield* attempt(two)
        yield* Deferred.succeed(close, undefined)
        yield* Fiber.join(first)
        assert.strictEqual((yield* everyId(admin)).length, 2)
      })
    )

    it.effect("gets partitions while an append is open, which does not wait", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin)
        yield* host.sql.withTransaction(
          Effect.gen(function* () {
            yield* appendTo(host)
            yield* Stream.runDrain(host.store.readAll())
            yield* partitionOn(admin, { appendsPerPartition: 5, ahead: 6 })
            yield* appendTo(host)
          })
        )
        assert.strictEqual((yield* listOn(admin)).length, 6)
        assert.strictEqual((yield* positionsOf(host)).length, 2)
      })
    )

    it.effect("writes no row of a stream twice that was held when the table was changed", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const [one, two] = [yield* start(), yield* start()]
        const stream = streamId()
        const appendOn = (host: Host) =>
          host.store.append({
            streamId: stream,
            expected: ExpectedRevision.any,
            events: [newEvent()]
          })
        yield* appendOn(one)
        // Takes the lock of the stream with the key of an append, like an append that has not read
        // the stream yet.
        const key = admin.literal(
          `hashtextextended('${stream}', '"daybook".append_number'::regclass::oid::bigint)`
        )
        const change = Effect.gen(function* () {
          yield* one.sql`SELECT pg_advisory_xact_lock(${key})`
          yield* partitionOn(admin)
          const waiting = yield* Effect.forkChild(appendOn(two), { startImmediately: true })
          while ((yield* lockWaits(admin)) === 0) yield* Effect.yieldNow
          assert.strictEqual((yield* appendOn(one)).revision, 2)
          return waiting
        })
        const waiting = yield* one.sql.withTransaction(change)
        assert.strictEqual((yield* Fiber.join(waiting)).revision, 3)
      })
    )

    for (const [what, statement, told] of [
      ["a view", "CREATE VIEW sales AS SELECT data FROM daybook.events", "view daybook.sales"],
      [
        "a foreign key",
        "CREATE TABLE notes (event uuid REFERENCES daybook.events (event_id))",
        "foreign key notes_event_fkey of daybook.notes"
      ],
      ["an index", "CREATE INDEX by_type ON daybook.events (type)", "index by_type"],
      [
        "a trigger",
        `CREATE TRIGGER tells AFTER INSERT ON daybook.events
          FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
        "trigger tells"
      ],
      ["a publication", "CREATE PUBLICATION out FOR TABLE daybook.events", "publication out"],
      ["a rule", "CREATE RULE quiet AS ON INSERT TO daybook.events DO ALSO NOTHING", "rule quiet"],
      ["a policy", "CREATE POLICY few ON daybook.events USING (true)", "policy few"],
      ["a table", "CREATE TABLE more () INHERITS (daybook.events)", "table daybook.more"]
    ] as const) {
      it.effect(`is refused, and nothing changed, when ${what} depends on the table`, () =>
        Effect.gen(function* () {
          const { admin } = yield* database
          yield* admin.unsafe(statement)
          const error = yield* Effect.flip(partitionOn(admin))
          assert.instanceOf(error, PartitioningRefused)
          assert.strictEqual(error.message, `Others depend on the table of events: ${told}`)
          assert.deepStrictEqual(yield* listOn(admin), [])
          const found = yield* admin`SELECT to_regclass('daybook.recorded_ids')::text AS found`
          assert.deepStrictEqual(found, [{ found: null }])
        })
      )
    }

    it.effect("is refused further partitions when one was taken out", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* partitionOn(admin)
        yield* append(host, 8)
        yield* partitionOn(admin)
        yield* admin`ALTER TABLE daybook.events DETACH PARTITION daybook.events_1`
        const error = yield* Effect.flip(partitionOn(admin))
        assert.instanceOf(error, PartitioningRefused)
        assert.strictEqual(
          error.message,
          "No partition holds the positions after 0 and up to 10240"
        )
        yield* admin`
          ALTER TABLE daybook.events ATTACH PARTITION daybook.events_1 FOR VALUES FROM (MINVALUE) TO (10241)`
        yield* partitionOn(admin)
        assert.strictEqual((yield* positionsOf(host)).length, 8)
      })
    )

    it.effect(
      "steps aside when a transaction uses the log for long, and lets appends through",
      () =>
        Effect.gen(function* () {
          const { admin, start } = yield* database
          const [host, dump] = [yield* start(), yield* start()]
          yield* appendTo(host)
          const held = yield* Deferred.make<void>()
          const holding = yield* dump.sql
            .withTransaction(
              Effect.andThen(
                dump.sql`LOCK TABLE daybook.events IN ACCESS SHARE MODE`,
                Effect.andThen(Deferred.succeed(held, undefined), Effect.never)
              )
            )
            .pipe(Effect.forkChild({ startImmediately: true }))
          yield* Deferred.await(held)
          const partitioning = yield* Effect.forkChild(partitionOn(admin), {
            startImmediately: true
          })
          while ((yield* lockWaits(admin)) === 0) yield* Effect.yieldNow
          // The change steps aside now and then, so that these get through.
          yield* append(host, 3)
          yield* Fiber.interrupt(partitioning)
          yield* Fiber.interrupt(holding)
          assert.deepStrictEqual(yield* listOn(admin), [])
          yield* partitionOn(admin)
          assert.strictEqual((yield* positionsOf(host)).length, 4)
          assert.deepStrictEqual(yield* everyId(admin), [])
        })
    )

    it.effect("takes its ids with it when it was left half way, however often", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const host = yield* start()
        yield* append(host, 10)
        for (let n = 0; n < 5; n++) {
          const fiber = yield* Effect.forkChild(partitionOn(admin), { startImmediately: true })
          for (let turn = 0; turn < n * 3; turn++) yield* admin`SELECT 1`
          yield* Fiber.interrupt(fiber)
          yield* append(host, 2)
        }
        yield* partitionOn(admin)
        assert.strictEqual((yield* positionsOf(host)).length, 20)
        assert.deepStrictEqual(yield* everyId(admin), [])
      })
    )

    it.effect("may be one of several in a database, and have any schema's name", () =>
      Effect.gen(function* () {
        const { admin } = yield* database
        for (const name of ["order", "two"]) {
          const inSchema = <A, E>(effect: Effect.Effect<A, E, SqlClient>) =>
            effect.pipe(
              Effect.provideService(SqlClient, admin),
              Effect.provideService(PostgresSchema, SchemaName.make(name))
            )
          yield* inSchema(PostgresMigrations.migrate)
          yield* inSchema(PostgresPartitions.partition(small))
          assert.strictEqual((yield* inSchema(PostgresPartitions.list)).length, 1)
        }
        assert.deepStrictEqual(yield* listOn(admin), [])
      })
    )

    it.effect("has no function that names a lock by the table, or an event's id by it", () =>
      Effect.gen(function* () {
        const { admin } = yield* database
        const found = yield* admin`
          SELECT proname FROM pg_proc WHERE pronamespace = 'daybook'::regnamespace
            AND (prosrc ~ 'events''::regclass' OR prosrc ~ '\\me\\.event_id = ')`
        assert.deepStrictEqual(found, [])
      })
    )
  }
)

/** Returns the ids that are not recorded exactly once with their event and once in the log. */
const everyId = (sql: SqlClient) => sql`
  SELECT e.event_id FROM daybook.events e
    LEFT JOIN daybook.recorded_ids r ON r.event_id = e.event_id AND r.position = e.position
    WHERE r.position IS NULL
  UNION ALL
  SELECT r.event_id FROM daybook.recorded_ids r
    LEFT JOIN daybook.events e ON e.position = r.position AND e.event_id = r.event_id
    WHERE e.position IS NULL`

const lockWaits = (sql: SqlClient) =>
  Effect.map(
    sql`SELECT FROM pg_locks WHERE NOT granted
      AND (database = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
    (rows) => rows.length
  )

layer(Logins.layer, { timeout: 60_000, excludeTestServices: true })(
  "The roles of a log that is converted",
  (it) => {
    it.effect("go on as they were, and have nothing of its partitions", () =>
      Effect.gen(function* () {
        const { migrator, reader, roles, superuser, writer } = yield* Logins
        const first = yield* note(writer)
        yield* partitionOn(migrator)
        const second = yield* note(writer)
        const store = yield* Effect.provideService(EventStorePostgres.make, SqlClient, reader)
        const events = yield* Stream.runCollect(store.readAll())
        assert.deepStrictEqual(
          events.map(({ position }) => position),
          [first.position, second.position]
        )
        assert.strictEqual((yield* store.find(events.map(({ id }) => id))).length, 2)
        for (const sql of [writer, reader]) {
          for (const table of ["events_1", "recorded_ids"]) {
            const refused = yield* Effect.flip(sql.unsafe(`SELECT FROM daybook.${table}`))
            assert.strictEqual(refused.reason._tag, "AuthorizationError")
          }
        }
        const owners = yield* superuser`
          SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class
          WHERE relnamespace = 'daybook'::regnamespace`
        assert.deepStrictEqual(owners, [{ owner: roles.owner }])
        yield* Effect.provideService(PostgresRoles.grant(roles), SqlClient, migrator)
        yield* note(writer)
      }).pipe(Effect.scoped)
    )

    it.effect("don't let their owner write a recorded id by naming a partition", () =>
      Effect.gen(function* () {
        const { migrator, writer } = yield* Logins
        yield* partitionOn(migrator, { appendsPerPartition: 20, ahead: 3 })
        yield* note(writer)
        const columns =
          "occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"
        const [last] = yield* Effect.map(listOn(migrator), (all) => all.slice(-1))
        const error = yield* Effect.flip(
          migrator.unsafe(`
            INSERT INTO daybook.${last?.table} (position, ${columns})
              SELECT ${last?.upTo}, ${columns} FROM daybook.events ORDER BY position LIMIT 1`)
        )
        assert.strictEqual(error.reason._tag, "UniqueViolation")
        for (const table of ["recorded_ids", "events_1"]) {
          const refused = yield* Effect.flip(migrator.unsafe(`DELETE FROM daybook.${table}`))
          assert.strictEqual(refused.reason._tag, "AuthorizationError")
          assert.include(String(refused.reason.cause), "append-only")
        }
      }).pipe(Effect.scoped)
    )
  }
)
