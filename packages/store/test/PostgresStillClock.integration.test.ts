/**
 * Waits for other sessions under a clock that stands still, as in `it.effect`: they pass in the
 * server.
 */
import * as EventId from "@daybook/kernel/EventId"
import { StreamId } from "@daybook/kernel/StreamId"
import { type EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { HeldBack, LockHeld, Patience } from "@daybook/store/PostgresLocks"
import * as LockWaits from "@daybook/store/sql/LockWaits"
import * as Transaction from "@daybook/store/sql/Transaction"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { database } from "./subscribingHosts.ts"

const append = (store: EventStore["Service"], streamId: string) =>
  store.append({
    streamId: StreamId.make(streamId),
    expected: ExpectedRevision.any,
    events: [
      {
        id: EventId.make(SecureRandom.uuidV4Unsafe()),
        type: "Noted",
        schemaVersion: 1,
        data: {},
        metadata: {},
        occurredAt: DateTime.makeUnsafe(0)
      }
    ]
  })

/** Runs work in a transaction that stays open until the returned effect ends it. */
const open = Effect.fnUntraced(function* <E>(
  { sql }: { readonly sql: SqlClient },
  work: Effect.Effect<unknown, E>
) {
  const worked = yield* Deferred.make<void>()
  const ends = yield* Deferred.make<void>()
  const transaction = yield* work.pipe(
    Effect.andThen(Deferred.succeed(worked, undefined)),
    Effect.andThen(Deferred.await(ends)),
    sql.withTransaction,
    Effect.forkScoped
  )
  yield* Deferred.await(worked)
  return Effect.andThen(Deferred.succeed(ends, undefined), Fiber.join(transaction))
})

const patience = (millis: number) =>
  Effect.provideService(Patience, {
    reads: Duration.millis(millis),
    appends: Duration.millis(millis),
    changes: Duration.millis(millis)
  })

/** Two hosts on a database; the second one has this number of connections. */
const hosts = (maxConnections: number) =>
  Effect.gen(function* () {
    const { start } = yield* database
    return { other: yield* start(), host: yield* start({}, { maxConnections }) }
  })

/** Waits until a session sleeps in the server. */
const untilAsleep = ({ sql }: { readonly sql: SqlClient }) =>
  Effect.repeat(sql`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`, {
    until: ({ length }) => length > 0
  })

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "Under a clock that stands still",
  (it) => {
    for (const connections of [1, 4]) {
      it.effect(`reads wait for an open append, on ${connections} connections`, () =>
        Effect.gen(function* () {
          const { host, other } = yield* hosts(connections)
          const end = yield* open(other, append(other.store, "note-a"))
          yield* append(other.store, "note-b")
          const reading = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () =>
            Effect.forkScoped(Stream.runCollect(host.store.readAll()))
          )
          const counting = yield* Effect.forkScoped(host.store.backlog())
          yield* untilAsleep(other)
          // They leave the connections to others between two looks.
          yield* append(host.store, "note-c")
          yield* end
          for (const fiber of reading) {
            assert.deepStrictEqual(
              (yield* Fiber.join(fiber)).map(({ streamId }) => String(streamId)),
              ["note-a", "note-b", "note-c"]
            )
          }
          assert.strictEqual((yield* Fiber.join(counting)).events, 3)
        }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
      )
    }

    it.effect("a read in a transaction waits without the reads of others before it", () =>
      Effect.gen(function* () {
        const { host, other } = yield* hosts(1)
        const end = yield* open(other, append(other.store, "note-a"))
        yield* append(other.store, "note-b")
        const [begun, goesOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const inside = yield* Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Deferred.await(goesOn)),
          Effect.andThen(Stream.runCount(host.store.readAll())),
          host.sql.withTransaction,
          Effect.forkScoped
        )
        yield* Deferred.await(begun)
        // They wait for the only connection.
        const outside = yield* Effect.forEach([1, 2], () =>
          Effect.forkScoped(Stream.runCount(host.store.readAll()))
        )
        yield* Deferred.succeed(goesOn, undefined)
        yield* untilAsleep(other)
        yield* end
        for (const fiber of [inside, ...outside]) {
          assert.strictEqual(yield* Fiber.join(fiber), 2)
        }
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
    )

    it.effect("waits end with the patience of the host, in the error's time too", () =>
      Effect.gen(function* () {
        const { host, other } = yield* hosts(4)
        yield* open(other, append(other.store, "note-a"))
        yield* append(other.store, "note-b")
        const held = yield* Effect.flip(append(host.store, "note-a"))
        assert.instanceOf(held, EventStoreError)
        assert.instanceOf(held.cause, LockHeld)
        assert.isAtLeast(held.cause.waitedMillis, 120)
        const back = yield* Effect.flip(host.store.head)
        assert.instanceOf(back.cause, HeldBack)
        assert.isAtLeast(back.cause.waitedMillis, 120)
      }).pipe(patience(120), Effect.scoped, Effect.provide(TestClock.layer()))
    )

    it.effect("an append waits for its stream and goes on by itself", () =>
      Effect.gen(function* () {
        const { host, other } = yield* hosts(4)
        const end = yield* open(other, append(other.store, "note-a"))
        const appending = yield* Effect.forkScoped(append(host.store, "note-a"))
        yield* Effect.repeat(
          other.sql`SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'`,
          { until: ({ length }) => length > 0 }
        )
        yield* end
        assert.strictEqual<number>((yield* Fiber.join(appending)).revision, 2)
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
    )

    it.effect("a change steps aside in the server, and comes again", () =>
      Effect.gen(function* () {
        const { host, other } = yield* hosts(2)
        yield* other.sql`CREATE TABLE public.kept (n integer)`
        const end = yield* open(other, other.sql`SELECT n FROM public.kept`)
        const changing = yield* LockWaits.inSteps(
          host.sql,
          { schema: "public", turn: "a turn" },
          host.sql`ALTER TABLE public.kept ADD COLUMN m integer`,
          (work) => Transaction.transaction(host.sql, work)
        ).pipe(Effect.forkScoped)
        yield* untilAsleep(other)
        yield* end
        yield* Fiber.join(changing)
        assert.lengthOf(yield* other.sql`SELECT m FROM public.kept`, 0)
      }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
    )
  }
)
