/**
 * Hosts that die or freeze in the middle of a step: their locks are free, and their late writes are
 * refused.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import { SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { at, claimOf, LEASE, put, shelves } from "./shelf.ts"
import { take } from "./taking.ts"

/** Runs `freezeInStep.ts`, and kills it when the scope closes. */
const freezing = Effect.fnUntraced(function* (url: Redacted.Redacted, name: string) {
  const said = yield* Queue.unbounded<string>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [Path.join(import.meta.dirname, "programs", "freezeInStep.ts"), name],
        { stdio: ["ignore", "pipe", "inherit"], env: { DATABASE_URL: Redacted.value(url) } }
      )
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  child.stdout.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split("\n")) Queue.offerUnsafe(said, line)
  })
  return {
    says: Queue.take(said),
    signal: (signal: "SIGCONT" | "SIGKILL") => Effect.sync(() => child.kill(signal))
  }
})

const database = Effect.gen(function* () {
  const url = yield* PostgresServer.freshDatabase
  const sql = yield* PgClient.make({ url, maxConnections: 3 })
  yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
  const store = yield* Effect.provideService(ReadModelStorePostgres.make, SqlClient, sql)
  return { url, sql, store }
})

const services = Reactivity.layer.pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer))

layer(services, { excludeTestServices: true, timeout: "1 minute" })(
  "A host in the middle of a step",
  (it) => {
    it.effect("holds nothing when it freezes, and writes nothing when it wakes up", () =>
      Effect.gen(function* () {
        const { sql, store, url } = yield* database
        const table = shelves()
        yield* store.open(table)
        const host = yield* freezing(url, table.name)
        assert.strictEqual(yield* host.says, "frozen")
        yield* Effect.gen(function* () {
          const held = yield* sql`
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'idle in transaction'`
          assert.strictEqual(held.length, 0)
          const claim = yield* claimOf({ name: table.name, generation: 1 }, "another")
          yield* take(store, table, claim, put(0, 10, [["a", 1]]))
          yield* host.signal("SIGCONT")
          assert.strictEqual(yield* host.says, "ClaimLost")
          const row = yield* store.get(table, { shelf: "a" })
          assert.deepStrictEqual(row, Option.some({ shelf: "a", item: "a mug", count: 1 }))
        }).pipe(Effect.provideService(ReadModelStore, store))
      }).pipe(Effect.scoped)
    )

    it.effect("leaves no partial step when it is killed", () =>
      Effect.gen(function* () {
        const { store, url } = yield* database
        const table = shelves()
        yield* store.open(table)
        const host = yield* freezing(url, table.name)
        assert.strictEqual(yield* host.says, "frozen")
        yield* host.signal("SIGKILL")
        yield* Effect.gen(function* () {
          const claim = yield* claimOf({ name: table.name, generation: 1 }, "another")
          assert.deepStrictEqual(yield* store.get(table, { shelf: "a" }), Option.none())
          yield* take(store, table, claim, put(0, 10, [["a", 1]]))
        }).pipe(Effect.provideService(ReadModelStore, store))
      }).pipe(Effect.scoped)
    )

    it.effect("writes nothing when another claims between its two statements", () =>
      Effect.gen(function* () {
        const { store } = yield* database
        const table = shelves()
        yield* store.open(table)
        const of = { name: table.name, generation: 1 }
        for (const [n, other] of [
          store.claim(of, "a host", LEASE),
          store.pause(table.name),
          store.skip({
            ...table,
            position: at(50),
            event: EventMark.EventMark.make("00000000-0000-4000-8000-000000000050@1"),
            reason: SkipReason.make("a test")
          })
        ].entries()) {
          yield* store.resume(table.name)
          const claim = Option.getOrThrow(yield* store.claim(of, "a host", LEASE))
          const error = yield* Effect.flip(
            between(take(store, table, claim, put(0, 10, [["a", n]])), other)
          )
          assert.strictEqual(error._tag, "ClaimLost")
          assert.deepStrictEqual(yield* store.get(table, { shelf: "a" }), Option.none())
        }
      }).pipe(Effect.scoped)
    )

    it.effect("keeps its claim while it writes, though its lease runs out meanwhile", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* database
        const table = shelves()
        yield* store.open(table)
        const of = { name: table.name, generation: 1 }
        yield* Effect.gen(function* () {
          const claim = yield* claimOf(of, "a host", Duration.millis(1))
          const writing = yield* Deferred.make<void>()
          const other = yield* Deferred.make<void>()
          // The checkpoint is locked, so the step waits with its generation locked.
          const lock = yield* sql
            .withTransaction(
              Effect.gen(function* () {
                yield* sql`SELECT FROM read_models.daybook__checkpoints FOR UPDATE`
                yield* Deferred.succeed(writing, undefined)
                yield* Deferred.await(other)
              })
            )
            .pipe(Effect.forkScoped)
          yield* Deferred.await(writing)
          const step = yield* Effect.forkScoped(take(store, table, claim, put(0, 10, [["a", 1]])))
          yield* Effect.repeat(
            sql`SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'`,
            { until: ({ length }) => length > 0 }
          )
          assert.deepStrictEqual(yield* store.claim(of, "another", LEASE), Option.none())
          yield* Deferred.succeed(other, undefined)
          yield* Fiber.join(lock)
          yield* Fiber.join(step)
        }).pipe(Effect.provideService(ReadModelStore, store))
      }).pipe(Effect.scoped)
    )

    it.effect("is ended by the server when it freezes in a claim", () =>
      Effect.gen(function* () {
        const { store } = yield* database
        const table = shelves()
        yield* store.open(table)
        const of = { name: table.name, generation: 1 }
        yield* Effect.gen(function* () {
          const claim = yield* claimOf(of, "a host")
          const frozen = yield* Deferred.make<void>()
          const woken = yield* Deferred.make<void>()
          // The statement after the lock.
          const again = yield* store.claim(of, "a host", LEASE).pipe(
            Effect.provideService(Statement.CurrentTransformer, (statement) =>
              statement.compile()[0].includes("nextval")
                ? Deferred.succeed(frozen, undefined).pipe(
                    Effect.andThen(Deferred.await(woken)),
                    Effect.as(statement)
                  )
                : Effect.succeed(statement)
            ),
            Effect.flip,
            Effect.forkScoped
          )
          yield* Deferred.await(frozen)
          // A renewal does not wait for the frozen host, nor does it keep the others from theirs.
          const other = shelves()
          yield* store.open(other)
          const free = yield* claimOf({ name: other.name, generation: 1 }, "a host")
          assert.deepStrictEqual(yield* store.renew([{ claim }, { claim: free }]), [
            "busy",
            "renewed"
          ])
          // This step waits until the server has ended the session of the claim.
          yield* take(store, table, claim, put(0, 10, [["a", 1]]))
          yield* Deferred.succeed(woken, undefined)
          assert.strictEqual((yield* Fiber.join(again))._tag, "ReadModelStoreError")
        }).pipe(Effect.provideService(ReadModelStore, store))
      }).pipe(Effect.scoped)
    )

    it.effect("reads nothing twice when the other partitions are written at the same time", () =>
      Effect.gen(function* () {
        const { store } = yield* database
        const table = shelves()
        yield* store.open(table)
        const { claim } = yield* store.beginShadow(table, {
          parallelism: 4,
          owner: "a host",
          lease: LEASE
        })
        const held = Option.getOrThrow(claim)
        yield* Effect.forEach(
          [0, 1, 2, 3],
          Effect.fnUntraced(function* (partition) {
            for (let n = 0; n < 25; n++) {
              const key = { shelf: `shelf ${partition}` }
              yield* take(store, table, held, {
                ...put(n, n + 1, [], partition),
                keys: [key],
                fold: (rows) => {
                  const before = rows.get(table.keyText(key))?.["count"] ?? 0
                  return Result.succeed({
                    upserts: [{ ...key, item: "a mug", count: Number(before) + 1 }],
                    deletions: []
                  })
                },
                events: 1
              })
            }
          }),
          { concurrency: "unbounded" }
        )
        const all = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }
        const rows = yield* Stream.runCollect(store.query(table, all, held.generation))
        assert.deepStrictEqual(
          rows.map(({ count }) => count),
          [25, 25, 25, 25]
        )
        const [, state] = yield* store.states(table.name)
        assert.strictEqual(state?.checkpoints.join(), "25,25,25,25")
        assert.strictEqual(state?.events, 100)
      }).pipe(Effect.scoped)
    )

    it.effect("loses when the same step is taken twice at once, one of the two times", () =>
      Effect.gen(function* () {
        const { store } = yield* database
        const table = shelves()
        yield* store.open(table)
        yield* Effect.gen(function* () {
          const claim = yield* claimOf({ name: table.name, generation: 1 })
          for (let n = 0; n < 20; n++) {
            const outcomes = yield* Effect.all(
              [1, 2, 3].map((count) =>
                Effect.result(take(store, table, claim, put(n, n + 1, [["a", count]])))
              ),
              { concurrency: "unbounded" }
            )
            assert.strictEqual(outcomes.filter(Result.isSuccess).length, 1)
          }
        }).pipe(Effect.provideService(ReadModelStore, store))
      }).pipe(Effect.scoped)
    )
  }
)

/** Runs `other` before the second statement of an effect, as another host would. */
const between = <A, E, R>(self: Effect.Effect<A, E, R>, other: Effect.Effect<unknown, unknown>) => {
  let statements = 0
  return Effect.provideService(self, Statement.CurrentTransformer, (statement) =>
    ++statements === 2
      ? Effect.as(
          Effect.orDie(Effect.provideService(other, Statement.CurrentTransformer, undefined)),
          statement
        )
      : Effect.succeed(statement)
  )
}
