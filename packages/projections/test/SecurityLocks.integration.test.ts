/**
 * Locks on read models that any role may take: findings S2 and S3 of the security review of
 * November 2026, each tested from the attacker's side.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresLocks from "@daybook/store/PostgresLocks"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { takeByNumber } from "../../store/test/locksByNumber.ts"
import { logins, sell, services } from "./readModelLogins.ts"

const hasty: PostgresLocks.Waits = {
  reads: Duration.zero,
  appends: Duration.zero,
  changes: Duration.zero
}

/** Holds a lock in a transaction of a user until the scope closes; returns its session. */
const holding = Effect.fnUntraced(function* (sql: SqlClient, statement: string) {
  const held = yield* Deferred.make<number, SqlError>()
  yield* Effect.gen(function* () {
    yield* sql.unsafe(statement).unprepared
    const [session] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
    yield* Deferred.succeed(held, session?.pid ?? 0)
    return yield* Effect.never
  }).pipe(
    sql.withTransaction,
    Effect.catchCause((cause) => Deferred.failCause(held, cause)),
    Effect.forkScoped
  )
  return yield* Deferred.await(held)
})

layer(services, { timeout: 120_000, excludeTestServices: true })("Locks of strangers", (it) => {
  it.effect("S3: end the migrations of read models with the holder's name", () =>
    Effect.gen(function* () {
      const { projecting, reading, stranger } = yield* logins()
      const migrate = Effect.provideService(ReadModelMigrations.migrate, SqlClient, projecting)
      yield* migrate
      for (const sql of [stranger, reading]) {
        const error = yield* Effect.scoped(
          Effect.gen(function* () {
            const pid = yield* holding(
              sql,
              `SELECT pg_advisory_xact_lock(hashtextextended('daybook read models of read_models', 0))`
            )
            const error = yield* Effect.flip(
              Effect.provideService(migrate, PostgresLocks.Patience, hasty)
            )
            const cause = isSqlError(error) ? error.reason.cause : undefined
            if (!(cause instanceof PostgresLocks.LockHeld)) return assert.fail(String(error))
            assert.deepStrictEqual(
              cause.holders.map((one) => one.pid),
              [pid]
            )
            return cause
          })
        )
        assert.match(error.message, /pid \d+ of (stranger|dashboards)_/)
      }
      yield* migrate
    }).pipe(Effect.scoped)
  )

  it.effect("S2: hide nothing from a projector, nor from a dashboard's neighbours", () =>
    Effect.gen(function* () {
      const { projecting, reading, stranger, writer } = yield* logins()
      const storeOf = (sql: SqlClient) =>
        EventStorePostgres.make.pipe(
          Effect.provideService(SqlClient, sql),
          Effect.provideService(PostgresLocks.Patience, hasty)
        )
      const events = yield* storeOf(writer)
      for (let n = 0; n < 5; n++) {
        yield* Effect.provideService(sell(`t${n}`, 100), EventStore, events)
      }
      const store = yield* storeOf(projecting)
      for (const sql of [stranger, reading, projecting]) {
        yield* holding(
          sql,
          `SELECT pg_advisory_xact_lock_shared((SELECT c.oid FROM pg_class c WHERE c.relname = 'append_number')::bigint::integer, 0)`
        )
        assert.strictEqual(yield* Stream.runCount(store.readAll()), 5)
        assert.strictEqual((yield* store.backlog()).events, 5)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("S2: hide nothing when a dashboard takes them by the numbers of relations", () =>
    Effect.gen(function* () {
      const { reading, writer } = yield* logins()
      const hosts = yield* EventStorePostgres.make.pipe(
        Effect.provideService(SqlClient, writer),
        Effect.provideService(PostgresLocks.Patience, hasty)
      )
      for (let n = 0; n < 5; n++) {
        yield* Effect.provideService(sell(`t${n}`, 100), EventStore, hosts)
      }
      yield* reading.withTransaction(
        Effect.gen(function* () {
          assert.include(yield* takeByNumber(reading), "events RowExclusiveLock")
          assert.strictEqual(yield* Stream.runCount(hosts.readAll()), 5)
        })
      )
    }).pipe(Effect.scoped)
  )
})
