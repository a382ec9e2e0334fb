/**
 * Locks that any login may take, and waits for them: findings of the security review of November
 * 2026, each from the attacker's side.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { type EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresLocks from "@daybook/store/PostgresLocks"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresPassOver from "@daybook/store/PostgresPassOver"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { noteIn } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

/** A host that waits for nothing. */
const hasty: PostgresLocks.Waits = {
  reads: Duration.zero,
  appends: Duration.zero,
  changes: Duration.zero
}

const why = { actor: "ann", reason: "a typo" }

const eventId = EventId.make(SecureRandom.uuidV4Unsafe())

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

const hastyStoreOf = (sql: SqlClient) =>
  Effect.provideService(storeOf(sql), PostgresLocks.Patience, hasty)

const events = (count = 1) =>
  Arr.makeBy(count, () => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

const appendTo = (store: EventStore["Service"], streamId: string) =>
  store.append({
    streamId: StreamId.StreamId.make(streamId),
    expected: ExpectedRevision.any,
    events: events()
  })

/**
 * Runs something in a transaction that stays open until the scope closes, and returns its session.
 */
const holding = Effect.fnUntraced(function* <E>(
  sql: SqlClient,
  work: Effect.Effect<unknown, E, SqlClient>
) {
  const held = yield* Deferred.make<number, E | SqlError>()
  yield* Effect.gen(function* () {
    yield* work
    const [session] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
    yield* Deferred.succeed(held, session?.pid ?? 0)
    return yield* Effect.never
  }).pipe(
    sql.withTransaction,
    Effect.provideService(SqlClient, sql),
    Effect.catchCause((cause) => Deferred.failCause(held, cause)),
    Effect.forkScoped
  )
  return yield* Deferred.await(held)
})

const newestAppend = (sql: SqlClient) =>
  Effect.map(
    sql<{ readonly newest: bigint }>`SELECT daybook.newest_append() AS newest`,
    ([row]) => row?.newest ?? 0n
  )

type Change = Effect.Effect<void, unknown, SqlClient>

/** Any login finds the number in the catalog. */
const LOG = `(SELECT c.oid FROM pg_class c WHERE c.relname = 'append_number')`

const causeOf = (error: unknown): unknown =>
  error instanceof EventStoreError || isSqlError(error)
    ? causeOf(isSqlError(error) ? error.reason.cause : error.cause)
    : Predicate.isTagged(error, "MigrationError") && Predicate.hasProperty(error, "cause")
      ? causeOf(error.cause)
      : error

const assertHeldBy = (error: unknown, pid: number, user: string) => {
  const cause = causeOf(error)
  if (!(cause instanceof PostgresLocks.LockHeld || cause instanceof PostgresLocks.HeldBack)) {
    return assert.fail(`not held: ${String(error)}`)
  }
  const holder = cause.holders.find((one) => one.pid === pid)
  assert.include(holder?.user ?? "none", user)
  assert.include(cause.message, `pid ${pid} of daybook_${user}`)
  return cause
}

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })(
  "S2: a log that looks empty",
  (it) => {
    for (const who of ["stranger", "reader"] as const) {
      for (const [what, key] of [
        ["the first append", () => 0n],
        ["the newest append", (newest: bigint) => newest],
        ["the next append", (newest: bigint) => newest + 1n],
        ["an append far ahead", (newest: bigint) => newest + 2n ** 30n],
        ["an append that never was", (newest: bigint) => newest - 2n ** 31n],
        ["an append below the first", () => -1n]
      ] as const) {
        for (const lock of ["pg_advisory_xact_lock_shared", "pg_advisory_xact_lock"]) {
          it.effect(`S2: is whole where a ${who} has ${lock} of ${what}`, () =>
            Effect.gen(function* () {
              const logins = yield* Logins
              const store = yield* hastyStoreOf(logins.reader)
              const hosts = yield* storeOf(logins.writer)
              const before = yield* Stream.runCount(store.readAll())
              for (let i = 0; i < 5; i++) yield* noteIn(hosts)
              const newest = yield* newestAppend(logins.writer)
              yield* holding(
                logins[who],
                logins[who].unsafe(
                  `SELECT ${lock}(${LOG}::bigint::integer, (((${key(newest)}::bigint << 32) >> 32))::integer)`
                )
              )
              assert.strictEqual(yield* Stream.runCount(store.readAll()), before + 5)
              assert.strictEqual(yield* store.head, Position.make(newest * 1_024n))
              const backlog = yield* store.backlog()
              assert.strictEqual(backlog.events, before + 5)
              assert.strictEqual(backlog.head, Position.make(newest * 1_024n))
              const { position } = yield* noteIn(hosts)
              assert.isTrue((yield* store.head) >= position)
            }).pipe(Effect.scoped)
          )
        }
      }
    }

    it.effect("S2: says who holds it back, and never less than it has", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const store = yield* hastyStoreOf(reader)
        const hosts = yield* storeOf(writer)
        yield* noteIn(hosts)
        const settled = yield* store.head
        const before = yield* Stream.runCount(store.readAll())
        const pid = yield* holding(writer, noteIn(hosts))
        yield* noteIn(hosts)
        const newest = Position.make((yield* newestAppend(writer)) * 1_024n)
        for (const read of [
          Stream.runDrain(store.readAll()),
          Stream.runDrain(store.readAll({ direction: "backward", limit: 1 })),
          Effect.asVoid(store.head),
          Effect.asVoid(store.backlog()),
          Effect.asVoid(store.positionAt({ recordedAt: DateTime.makeUnsafe(0) }))
        ]) {
          const cause = assertHeldBy(yield* Effect.flip(read), pid, "writing_host")
          assert.deepInclude(cause, { _tag: "HeldBack", settled, newest })
        }
        assert.strictEqual(yield* Stream.runCount(store.readAll({ upTo: settled })), before)
      }).pipe(Effect.scoped)
    )

    it.effect("S2: is waited for, and then whole", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const store = yield* storeOf(reader)
        const hosts = yield* storeOf(writer)
        const before = yield* Stream.runCount(store.readAll())
        const [appended, end] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const open = yield* noteIn(hosts).pipe(
          Effect.andThen(Deferred.succeed(appended, undefined)),
          Effect.andThen(Deferred.await(end)),
          writer.withTransaction,
          Effect.forkScoped
        )
        yield* Deferred.await(appended)
        yield* noteIn(hosts)
        const reading = yield* Effect.forkScoped(
          Effect.all([
            Stream.runCount(store.readAll()),
            Effect.map(store.backlog(), (b) => b.events)
          ])
        )
        // Once the readers have read the settled position they wait.
        const looks = reader`SELECT FROM pg_stat_activity WHERE query LIKE '%settled_position%' AND pid <> pg_backend_pid()`
        yield* Effect.repeat(looks, { until: ({ length }) => length > 0 })
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(open)
        assert.deepStrictEqual(yield* Fiber.join(reading), [before + 2, before + 2])
      }).pipe(Effect.scoped)
    )

    it.effect("S2: is read by a transaction that has appended itself, up to there", () =>
      Effect.gen(function* () {
        const { writer } = yield* Logins
        const hosts = yield* storeOf(writer)
        const head = yield* hosts.head
        const inside = yield* writer.withTransaction(Effect.andThen(noteIn(hosts), hosts.head))
        assert.strictEqual(inside, head)
      })
    )

    it.effect("S2: has no position below 0, whatever a writer locks", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const store = yield* hastyStoreOf(reader)
        const hosts = yield* storeOf(writer)
        const pid = yield* holding(
          writer,
          Effect.andThen(
            noteIn(hosts),
            writer.unsafe(
              `SELECT pg_advisory_xact_lock_shared(${LOG}::bigint::integer,
                (((daybook.newest_append() - 2147483648) << 32) >> 32)::integer)`
            )
          )
        )
        for (const read of [Effect.asVoid(store.head), Effect.asVoid(store.backlog())]) {
          const cause = assertHeldBy(yield* Effect.flip(read), pid, "writing_host")
          assert.deepInclude(cause, { settled: Position.start })
        }
      }).pipe(Effect.scoped)
    )

    it.effect("S22: is held back by a prepared transaction, which is named", () =>
      Effect.gen(function* () {
        const { reader, superuser, writer } = yield* Logins
        const store = yield* hastyStoreOf(reader)
        const gid = `shop-${SecureRandom.uuidV4Unsafe()}`
        yield* Effect.addFinalizer(() =>
          Effect.ignore(superuser.unsafe(`ROLLBACK PREPARED '${gid}'`).unprepared)
        )
        const hosts = yield* storeOf(writer)
        // The client ends a transaction itself: in a block on one connection it finds the
        // transaction ended.
        yield* Effect.scoped(
          Effect.gen(function* () {
            const one = yield* writer.reserve
            const run = (text: string) => one.executeUnprepared(text, [], undefined)
            yield* run("BEGIN ISOLATION LEVEL READ COMMITTED")
            const id = SecureRandom.uuidV4Unsafe()
            yield* run(`SELECT FROM daybook.try_append('{prepared-${id}}', '{-2}', '{1}', '{${id}}', '{Noted}', '{1}',
              '{1}', '{"{}"}', '{2026-01-01}', false)`)
            yield* run(`PREPARE TRANSACTION '${gid}'`)
          })
        )
        yield* noteIn(hosts)
        const cause = causeOf(yield* Effect.flip(store.head))
        if (!(cause instanceof PostgresLocks.HeldBack)) return assert.fail(String(cause))
        const [holder] = cause.holders
        assert.deepInclude(holder, { pid: undefined, gid })
        assert.include(holder?.user ?? "", "writing_host")
        assert.isDefined(holder?.since)
        assert.include(cause.message, gid)
      }).pipe(Effect.scoped)
    )
  }
)

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })(
  "S3: what a stranger locks first, exclusively, for ever",
  (it) => {
    it.effect("S3: the keys of the next appends stop no append", () =>
      Effect.gen(function* () {
        const { reader, stranger, writer } = yield* Logins
        const store = yield* storeOf(reader)
        const hosts = yield* hastyStoreOf(writer)
        yield* noteIn(hosts)
        const newest = yield* newestAppend(writer)
        yield* holding(
          stranger,
          stranger.unsafe(
            `SELECT pg_advisory_xact_lock(${LOG}::bigint::integer, k::integer)
            FROM generate_series(0, ${newest + 1_000n}) AS k`
          )
        )
        const appended: Array<Position.Position> = []
        for (let i = 0; i < 20; i++) appended.push((yield* noteIn(hosts)).position)
        const together = yield* hosts.appendAll({
          appends: [0, 1].map((i) => ({
            streamId: StreamId.StreamId.make(`both-${i}`),
            expected: ExpectedRevision.noStream,
            events: events()
          })) as never
        })
        appended.push(...together.map(({ position }) => position))
        assert.deepStrictEqual(
          (yield* Stream.runCollect(store.readAll({ after: Position.make(newest * 1_024n) }))).map(
            ({ position }) => position
          ),
          appended
        )
      }).pipe(Effect.scoped)
    )

    it.effect("S3: a stream, and its appends end with the holder's name", () =>
      Effect.gen(function* () {
        const { stranger, writer } = yield* Logins
        const hosts = yield* hastyStoreOf(writer)
        const pid = yield* Effect.scoped(
          Effect.gen(function* () {
            const pid = yield* holding(
              stranger,
              stranger.unsafe(
                `SELECT pg_advisory_xact_lock(hashtextextended('counter-victim', ${LOG}::bigint))`
              )
            )
            const many = yield* Effect.forEach(
              Arr.makeBy(20, () => 0),
              () => Effect.flip(appendTo(hosts, "counter-victim")),
              { concurrency: "unbounded" }
            )
            for (const error of many) {
              const cause = assertHeldBy(error, pid, "stranger")
              assert.include(cause.message, "Stream counter-victim is locked")
            }
            const all = hosts.appendAll({
              appends: [
                {
                  streamId: StreamId.StreamId.make("counter-victim"),
                  expected: ExpectedRevision.any,
                  events: events()
                }
              ]
            })
            assertHeldBy(yield* Effect.flip(all), pid, "stranger")
            assertHeldBy(
              yield* Effect.flip(writer.withTransaction(appendTo(hosts, "counter-victim"))),
              pid,
              "stranger"
            )
            yield* appendTo(hosts, "counter-other")
            return pid
          })
        )
        assert.isAbove(pid, 0)
        // The failed appends wrote nothing.
        assert.strictEqual((yield* appendTo(hosts, "counter-victim")).revision, 1)
      })
    )

    for (const [what, change] of [
      ["migrations", (): Change => Effect.asVoid(PostgresMigrations.migrate)],
      ["roles", (roles: PostgresRoles.Roles): Change => PostgresRoles.grant(roles)],
      [
        "partitions",
        (): Change => Effect.asVoid(PostgresPartitions.partition(PostgresPartitions.defaults))
      ],
      [
        "passing over",
        (): Change =>
          Effect.asVoid(PostgresPassOver.passOver({ ...why, position: Position.make(1n), eventId }))
      ]
    ] as const) {
      it.effect(`S3: the turn of ${what}, which end with the holder's name`, () =>
        Effect.gen(function* () {
          const { migrator, roles, stranger } = yield* Logins
          const pid = yield* holding(
            stranger,
            stranger`SELECT pg_advisory_xact_lock(hashtextextended('daybook migrations of daybook', 0))`
          )
          const error = yield* Effect.flip(
            Effect.provideService(change(roles), SqlClient, migrator).pipe(
              Effect.provideService(PostgresLocks.Patience, hasty)
            )
          )
          assertHeldBy(error, pid, "stranger")
        }).pipe(Effect.scoped)
      )
    }

    it.effect("S3: a reader's open transaction ends changes of the table, and appends go on", () =>
      Effect.gen(function* () {
        const { migrator, reader, writer } = yield* Logins
        const hosts = yield* storeOf(writer)
        const pid = yield* holding(reader, reader`SELECT count(*) FROM daybook.events`)
        const partitioning = yield* PostgresPartitions.partition(PostgresPartitions.defaults).pipe(
          Effect.provideService(SqlClient, migrator),
          Effect.provideService(PostgresLocks.Patience, { ...hasty, changes: Duration.seconds(2) }),
          Effect.flip,
          Effect.forkScoped
        )
        yield* Effect.repeat(noteIn(hosts), {
          until: () => partitioning.pollUnsafe() !== undefined
        })
        assertHeldBy(yield* Fiber.join(partitioning), pid, "reading_host")
      }).pipe(Effect.scoped)
    )

    it.effect("S3: a reader's prepared insert does not stop passing over", () =>
      Effect.gen(function* () {
        const { migrator, reader, superuser, writer } = yield* Logins
        const { position, streamId } = yield* noteIn(yield* storeOf(writer))
        yield* holding(
          reader,
          reader.unsafe(
            `PREPARE never AS INSERT INTO daybook.passed_over SELECT * FROM daybook.passed_over`
          ).unprepared
        )
        const held = yield* superuser`SELECT mode FROM pg_locks
          WHERE relation = 'daybook.passed_over'::regclass AND mode = 'RowExclusiveLock'`
        assert.strictEqual(held.length, 1)
        const [event] = yield* Stream.runCollect((yield* storeOf(reader)).read(streamId))
        if (event === undefined) return assert.fail("no event")
        const passed = yield* Effect.provideService(
          PostgresPassOver.passOver({ ...why, position, eventId: event.id }),
          SqlClient,
          migrator
        ).pipe(Effect.provideService(PostgresLocks.Patience, hasty))
        assert.strictEqual(passed.position, position)
      }).pipe(Effect.scoped)
    )

    it.effect("S3: a writer's open snapshot ends passing over, with its name", () =>
      Effect.gen(function* () {
        const { migrator, reader, writer } = yield* Logins
        const { position, streamId } = yield* noteIn(yield* storeOf(writer))
        const [event] = yield* Stream.runCollect((yield* storeOf(reader)).read(streamId))
        if (event === undefined) return assert.fail("no event")
        yield* writer`INSERT INTO daybook.snapshots (stream_id, revision, event, fingerprint, state)
          VALUES (${streamId}, 1, ${event.id}, 'f', '{}')`
        const pid = yield* holding(writer, writer`UPDATE daybook.snapshots SET state = '[]'`)
        const error = yield* Effect.flip(
          Effect.provideService(
            PostgresPassOver.passOver({ ...why, position, eventId: event.id }),
            SqlClient,
            migrator
          ).pipe(Effect.provideService(PostgresLocks.Patience, hasty))
        )
        assertHeldBy(error, pid, "writing_host")
      }).pipe(Effect.scoped)
    )

    it.effect("S3: a reader's open transaction ends migrations, with its name", () =>
      Effect.gen(function* () {
        const { migrator, reader } = yield* Logins
        const pid = yield* holding(reader, reader`SELECT FROM daybook.migrations`)
        const error = yield* Effect.flip(
          Effect.provideService(PostgresMigrations.migrate, SqlClient, migrator).pipe(
            Effect.provideService(PostgresLocks.Patience, hasty)
          )
        )
        assertHeldBy(error, pid, "reading_host")
      }).pipe(Effect.scoped)
    )
  }
)
