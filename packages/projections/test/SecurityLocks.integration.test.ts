/**
 * Locks on read models that any role may take: findings S2 and S3 of the security review of
 * November 2026, each tested from the attacker's side.
 */
import * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
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
import { logins, projection, sell, services, stores } from "./readModelLogins.ts"

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

/** Runs a host as a user, whose reads do not wait for open appends. */
const running = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  async: ReadonlyArray<Projection.Any>
) {
  const context = yield* Layer.build(
    Layer.fresh(Projections.layer({ async })).pipe(Layer.provideMerge(Layer.fresh(stores(sql))))
  ).pipe(
    Effect.provideService(RunnerSettings, {
      ...defaults,
      lease: "500 millis",
      pollInterval: "20 millis"
    }),
    Effect.provideService(PostgresLocks.Patience, hasty)
  )
  return {
    runner: Context.get(context, Projections),
    store: Context.get(context, ReadModelStore)
  }
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

  it.effect("S22: an append that stays open keeps no new version from being built", () =>
    Effect.gen(function* () {
      const { projecting, writer } = yield* logins()
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, projecting)
      const log = yield* EventStorePostgres.make.pipe(Effect.provideService(SqlClient, writer))
      const append = (id: string) => Effect.provideService(sell(id, 100), EventStore, log)
      yield* append("1")
      const settled = yield* log.head
      yield* Effect.scoped(
        Effect.flatMap(running(projecting, [projection]), ({ runner }) =>
          runner.waitFor(projection.name, settled, "20 seconds")
        )
      )
      const [open, ended] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const held = yield* append("2").pipe(
        Effect.andThen(Deferred.succeed(open, undefined)),
        Effect.andThen(Deferred.await(ended)),
        writer.withTransaction,
        Effect.forkScoped
      )
      yield* Deferred.await(open)
      // Settled only when the open append is.
      yield* append("3")
      const newer = { ...projection, version: Projection.Version.make(2) }
      const { runner, store } = yield* running(projecting, [newer])
      const serving = Effect.map(store.states(newer.name), (states) =>
        states.find(({ role }) => role === "serving")
      )
      const built = yield* Effect.repeat(serving, {
        schedule: Schedule.spaced("20 millis"),
        until: (state) => state?.version === 2
      })
      assert.deepStrictEqual(built?.checkpoints, [settled])
      const rebuilt = yield* Stream.runLast(runner.rebuild(newer.name))
      const last = Option.getOrThrow(rebuilt)
      assert.deepStrictEqual([last.switched, last.position, last.head], [true, settled, settled])
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.join(held)
      yield* runner.waitFor(newer.name, yield* log.head, "20 seconds")
    }).pipe(Effect.scoped)
  )

  it.effect("S3: a rebuild that a dashboard's open transaction blocks fails, and hosts go on", () =>
    Effect.gen(function* () {
      const { projecting, reading, role, writer } = yield* logins()
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, projecting)
      const log = yield* EventStorePostgres.make.pipe(Effect.provideService(SqlClient, writer))
      yield* Effect.provideService(sell("1", 100), EventStore, log)
      const { runner } = yield* running(projecting, [projection])
      yield* runner.waitFor(projection.name, yield* log.head, "20 seconds")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const pid = yield* holding(reading, "SELECT FROM read_models.takings")
          // The second call finds the shadow with this host's building loop.
          for (const _ of [1, 2]) {
            const error = yield* Effect.flip(Stream.runDrain(runner.rebuild(projection.name)))
            const sqlError = error._tag === "ReadModelStoreError" ? error.cause : undefined
            const cause = isSqlError(sqlError) ? sqlError.reason.cause : undefined
            if (!(cause instanceof PostgresLocks.LockHeld)) return assert.fail(String(error))
            const holders = cause.holders.map((one) => [one.pid, one.user])
            assert.deepInclude(holders, [pid, role("dashboards")])
            assert.strictEqual((yield* runner.status(projection.name)).generation, 1)
          }
        })
      )
      yield* Effect.repeat(runner.status(projection.name), {
        schedule: Schedule.spaced("20 millis"),
        until: ({ generation }) => generation === 2
      })
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
