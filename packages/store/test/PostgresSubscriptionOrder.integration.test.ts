/**
 * Live subscribers of a log on a real server, while appends are held open, rolled back, killed and
 * frozen, and while others use the same database. Where a test says so they poll once an hour: then
 * only the tested thing can have moved them.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Config from "effect/Config"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { startProcess } from "./appendingProcess.ts"
import { appendTo, database, follow, type Host, until } from "./subscribingHosts.ts"

const woken = { pollInterval: "1 hour" } as const

/**
 * An append whose transaction stays open until it is ended from outside; the failure `undone` rolls
 * it back.
 */
const heldOpen = Effect.fnUntraced(function* (host: Host) {
  const appended = yield* Deferred.make<Position.Position>()
  const told = yield* Deferred.make<void, "undone">()
  const fiber = yield* host.sql
    .withTransaction(
      Effect.gen(function* () {
        yield* Deferred.succeed(appended, yield* appendTo(host))
        yield* Deferred.await(told)
      })
    )
    .pipe(Effect.exit, Effect.forkScoped({ startImmediately: true }))
  const position = yield* Deferred.await(appended)
  return {
    position,
    commit: Effect.andThen(Deferred.succeed(told, undefined), Fiber.join(fiber)),
    rollBack: Effect.andThen(Deferred.fail(told, "undone"), Fiber.join(fiber))
  }
})

/** Runs something unrelated in a session until it is ended; returns when it has begun. */
const unrelated = Effect.fnUntraced(function* (
  sql: SqlClient,
  begin: Effect.Effect<unknown, unknown>
) {
  const begun = yield* Deferred.make<void>()
  yield* sql
    .withTransaction(
      Effect.andThen(begin, Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
    )
    .pipe(Effect.forkScoped({ startImmediately: true }))
  yield* Deferred.await(begun)
})

/** Waits until a host has begun to read and has finished, with events or none. */
const looked = Effect.fnUntraced(function* (sql: SqlClient) {
  const [row] = yield* sql<{ readonly now: Date }>`SELECT clock_timestamp() AS now`
  yield* until(
    Effect.map(
      sql`
        SELECT FROM pg_stat_activity
        WHERE application_name = 'reader' AND datname = current_database() AND state = 'idle'
          AND query LIKE '%look_at_log%' AND query_start > ${row?.now}`,
      (rows) => rows.length > 0
    )
  )
})

/** Checks that a subscriber gets each of several appends at once. */
const isLive = Effect.fnUntraced(function* (
  writer: Host,
  subscriber: Effect.Success<ReturnType<typeof follow>>
) {
  for (let n = 0; n < 5; n++) {
    const position = yield* appendTo(writer)
    assert.deepStrictEqual(yield* subscriber.next(1), [position])
  }
})

layer(PostgresServer.PostgresServer.layerEmbedded, {
  timeout: 60_000,
  excludeTestServices: true
})("Subscribers of a log under attack", (it) => {
  it.effect("wait for an append that stays open, and for it alone", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(), yield* start(woken, { applicationName: "reader" })]
      const subscriber = yield* follow(reader)
      const before = yield* appendTo(writer)
      const open = yield* heldOpen(writer)
      const behind = yield* Effect.replicateEffect(appendTo(writer), 20)
      assert.deepStrictEqual(yield* subscriber.next(1), [before])
      yield* looked(admin)
      assert.strictEqual(yield* Queue.size(subscriber.given), 0)
      yield* open.commit
      assert.deepStrictEqual(yield* subscriber.next(21), [open.position, ...behind])
    })
  )

  it.effect("cross the gap of an append that is rolled back, without a wake-up", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const writer = yield* start(woken)
      const reader = yield* start(woken, { applicationName: "reader" })
      const subscriber = yield* follow(reader)
      yield* isLive(writer, subscriber)
      const open = yield* heldOpen(writer)
      const behind = yield* appendTo(writer)
      yield* looked(admin)
      yield* open.rollBack
      assert.deepStrictEqual(yield* subscriber.next(1), [behind])
    })
  )

  it.effect("cross the gap of an append whose connection is killed", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const writer = yield* start(woken)
      const reader = yield* start(woken, { applicationName: "reader" })
      const subscriber = yield* follow(reader)
      yield* isLive(writer, subscriber)
      yield* heldOpen(writer)
      const behind = yield* appendTo(writer)
      yield* looked(admin)
      yield* admin`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE state = 'idle in transaction' AND datname = current_database()`
      assert.deepStrictEqual(yield* subscriber.next(1), [behind])
    })
  )

  it.effect("are not held up by a frozen host that had no transaction of its own open", () =>
    Effect.gen(function* () {
      const { start, url } = yield* database
      const host = yield* start()
      const subscriber = yield* follow(host)
      for (const appends of [1, 2, 5, 20, 60]) {
        const frozen = yield* startProcess(url, "single")
        yield* frozen.appends(appends)
        yield* frozen.signal("SIGSTOP")
        const position = yield* appendTo(host)
        let seen = Position.start
        while (seen !== position) seen = (yield* subscriber.next(1))[0] ?? seen
        yield* frozen.signal("SIGKILL")
      }
    }).pipe(Effect.scoped)
  )

  it.effect(
    "wait for a frozen host with a transaction open as long as the server lets it idle",
    () =>
      Effect.gen(function* () {
        const { admin, start, url } = yield* database
        const [writer, reader] = [yield* start(woken), yield* start(woken)]
        const subscriber = yield* follow(reader)
        yield* isLive(writer, subscriber)
        yield* idleTimeout(admin, "2s")
        const frozen = yield* startProcess(url, "hold")
        const [held] = yield* frozen.appends(1)
        yield* frozen.signal("SIGSTOP")
        const behind = yield* appendTo(writer)
        assert.deepStrictEqual(yield* subscriber.next(1), [behind])
        // It is not there, and never will be: its transaction is gone.
        const found = yield* admin`SELECT FROM daybook.events WHERE event_id = ${held ?? ""}::uuid`
        assert.lengthOf(found, 0)
      })
  )

  it.effect("are not delayed by transactions that have nothing to do with the log", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const subscriber = yield* follow(reader)
      yield* isLive(writer, subscriber)
      // A transaction that has written and idles, as a forgotten session does.
      yield* unrelated(admin, admin`CREATE TABLE forgotten AS SELECT 1 AS one`)
      yield* isLive(writer, subscriber)
      // A transaction with a snapshot of everything and a lock on every table, like pg_dump's.
      yield* unrelated(
        admin,
        Effect.andThen(
          admin`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY`,
          Effect.andThen(
            admin`LOCK TABLE daybook.events IN ACCESS SHARE MODE`,
            admin`SELECT count(*) FROM daybook.events`
          )
        )
      )
      yield* isLive(writer, subscriber)
      // A transaction with locks of its own of the same kind.
      yield* unrelated(
        admin,
        admin`SELECT pg_advisory_xact_lock_shared(1, 1), pg_advisory_xact_lock(2)`
      )
      yield* isLive(writer, subscriber)
    }).pipe(Effect.scoped)
  )

  it.effect("are not delayed by a prepared transaction, unless it has appended", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const subscriber = yield* follow(reader)
      yield* isLive(writer, subscriber)
      const prepare = (name: string, work: Effect.Effect<unknown, unknown>) =>
        // The transaction is over for this session then, so the client's own COMMIT does nothing.
        writer.sql.withTransaction(
          Effect.andThen(work, writer.sql.unsafe(`PREPARE TRANSACTION '${name}'`))
        )
      yield* prepare(
        "unrelated",
        admin`SELECT 1`.pipe(Effect.andThen(writer.sql`CREATE TABLE t (n int)`))
      )
      yield* isLive(writer, subscriber)
      yield* prepare("appended", appendTo(writer))
      const behind = yield* appendTo(writer)
      const recorded = admin<{ readonly position: bigint }>`
        SELECT max(position) AS position FROM daybook.events WHERE position < ${behind}`
      assert.strictEqual(yield* Queue.size(subscriber.given), 0)
      yield* admin`COMMIT PREPARED 'appended'`
      const [row] = yield* recorded
      assert.deepStrictEqual<ReadonlyArray<bigint | undefined>>(yield* subscriber.next(2), [
        row?.position,
        behind
      ])
      yield* admin`ROLLBACK PREPARED 'unrelated'`
    })
  )

  it.effect("are not delayed by VACUUM", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const subscriber = yield* follow(reader)
      yield* isLive(writer, subscriber)
      // So slow that it lasts throughout the test.
      const vacuum = yield* Effect.gen(function* () {
        const connection = yield* admin.reserve
        yield* connection.executeRaw("SET vacuum_cost_delay = '100ms'", [])
        yield* connection.executeRaw("SET vacuum_cost_limit = 1", [])
        yield* connection.executeRaw("VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) daybook.events", [])
      }).pipe(Effect.scoped, Effect.forkScoped)
      yield* until(
        Effect.map(admin`SELECT FROM pg_stat_progress_vacuum`, (rows) => rows.length > 0)
      )
      yield* isLive(writer, subscriber)
      assert.isUndefined(vacuum.pollUnsafe())
      yield* admin`SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum`
    }).pipe(Effect.scoped)
  )

  it.effect("cross gaps of every size", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const all = yield* follow(reader)
      const types = yield* Stream.runForEach(
        Stream.take(reader.store.subscribe({ types: ["Noted"] }), 32),
        () => Effect.void
      ).pipe(Effect.forkChild)
      yield* isLive(writer, all)
      for (const gap of [
        1,
        2,
        3,
        9,
        10,
        11,
        100,
        9_999,
        1e6,
        2 ** 31 - 1,
        2 ** 31,
        2 ** 32,
        2 ** 40
      ]) {
        yield* admin`
          SELECT setval('daybook.append_number', daybook.newest_append() + ${BigInt(gap)})`
        const first = yield* appendTo(writer)
        const second = yield* appendTo(writer)
        assert.deepStrictEqual(yield* all.next(2), [first, second])
      }
      yield* appendTo(writer)
      yield* Fiber.join(types)
    })
  )

  it.effect(
    "see what many processes append, each event once and in order, though some are killed",
    () =>
      Effect.gen(function* () {
        // Raise it for a longer attack: 8 processes make this many appends each.
        const appends = yield* Config.Int("DAYBOOK_ATTACK_APPENDS").pipe(Config.withDefault(150))
        const { admin, start, url } = yield* database
        const hosts = [
          yield* start(),
          yield* start({ listen: false, pollInterval: "20 millis" }),
          yield* start(woken)
        ]
        const seen: ReadonlyArray<Array<RecordedEvent>> = [[], [], []]
        for (const [index, { store }] of hosts.entries()) {
          yield* store.subscribe().pipe(
            Stream.runForEach((event) => Effect.sync(() => seen[index]?.push(event))),
            Effect.forkScoped
          )
        }
        const processes = yield* Effect.replicateEffect(startProcess(url, appends), 8)
        for (const [index, killed] of processes.slice(0, 2).entries()) {
          yield* killed.appends(Math.floor(appends / (index + 2)))
          yield* killed.signal("SIGKILL")
        }
        yield* Effect.forEach(processes, ({ ended }) => ended)
        const recorded = yield* admin<{ readonly event_id: string }>`
        SELECT event_id FROM daybook.events ORDER BY position`
        const order = recorded.map((row) => row.event_id)
        const acknowledged = processes.flatMap((process) => process.acknowledged)
        assert.isAbove(acknowledged.length, appends * 6)
        const known = new Set(order)
        assert.deepStrictEqual(
          acknowledged.filter((id) => !known.has(id)),
          []
        )
        for (const events of seen) {
          yield* until(Effect.sync(() => events.length >= order.length))
          assert.deepStrictEqual<ReadonlyArray<string>>(
            events.map(({ id }) => id),
            order
          )
        }
      }).pipe(Effect.scoped)
  )
})

/** Sets the timeout for sessions that begin after this. */
const idleTimeout = (sql: SqlClient, duration: string) =>
  Effect.flatMap(
    sql<{ readonly name: string }>`SELECT current_database() AS name`,
    ([row]) =>
      sql`ALTER DATABASE ${sql(row?.name ?? "")} SET idle_in_transaction_session_timeout = ${sql.literal(`'${duration}'`)}`
        .unprepared
  )
