/**
 * A command handler with snapshots in a table, which others may write to and roll back.
 */
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { SqlClient } from "effect/sql/SqlClient"
import { aggregate, deposit } from "./Account.ts"
import {
  balance,
  caching,
  counters,
  fresh,
  measured,
  move,
  newest,
  snapshotting
} from "./handlerHarness.ts"

/** Runs in a transaction that is rolled back. */
const undone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.withTransaction(Effect.andThen(effect, Effect.fail("undone"))).pipe(
      Effect.catchIf(
        (error) => error === "undone",
        () => Effect.void
      )
    )
  })

/** An account of three events, with a snapshot at the last. */
const snapshotted = Effect.gen(function* () {
  const id = yield* fresh
  yield* move(id, 1, 2, 4).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(3))))
  const snapshot = yield* newest(id)
  return snapshot === undefined ? assert.fail("no snapshot was taken") : { id, snapshot }
})

/** The cases, on the stores of `it`, whose tables are in the schema `daybook`. */
export const snapshotTableCases = (
  it: Vitest.MethodsNonLive<EventStore | SnapshotStore | SqlClient>
): void => {
  describe("With snapshots in a table", { timeout: 60_000 }, () => {
    for (const state of [
      "null",
      "[]",
      "{}",
      '{"balance": "7"}',
      '{"balance": 1e999}',
      '"\\u0000"'
    ]) {
      it.effect(`ignores the state ${state}`, () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const { id, snapshot } = yield* snapshotted
          yield* sql`UPDATE daybook.snapshots SET state = ${state}::text::json
            WHERE stream_id = ${snapshot.streamId}`
          yield* Effect.gen(function* () {
            assert.deepStrictEqual(yield* balance(id), [3, 7])
            const counts = yield* counters
            assert.strictEqual(counts.get("daybook_snapshots_ignored account undecodable"), 1)
          }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
        })
      )
    }

    it.effect("has none that was saved in a transaction that was rolled back", () =>
      Effect.gen(function* () {
        const store = yield* SnapshotStore
        const { id, snapshot } = yield* snapshotted
        yield* store.delete(snapshot.streamId)
        yield* undone(
          Effect.gen(function* () {
            yield* store.save(snapshot)
            assert.deepStrictEqual(yield* newest(id), snapshot)
          })
        )
        assert.isUndefined(yield* newest(id))
      })
    )

    it.effect("keeps no state that a transaction undid", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          yield* move(id, 1)
          yield* undone(
            Effect.gen(function* () {
              yield* move(id, 100, 200)
              assert.deepStrictEqual(yield* balance(id), [3, 301])
            })
          )
          assert.deepStrictEqual(yield* balance(id), [1, 1])
          const { revision, state } = yield* accounts.execute(aggregate, id, deposit(2))
          assert.deepStrictEqual([Number(revision), state], [2, { balance: 3 }])
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(1), 10)))
        assert.deepStrictEqual((yield* newest(id))?.state, { balance: 3 })
        const { streamId } = (yield* newest(id)) ?? assert.fail("no snapshot was taken")
        const store = yield* SnapshotStore
        const first = yield* store.load(streamId, { atOrBelow: Revision.make(1) })
        assert.deepInclude(first, { _tag: "Some" })
      })
    )

    it.effect("lets a transaction go on whose stream others wait for", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const id = yield* fresh
        yield* Effect.gen(function* () {
          const held = yield* Deferred.make<void>()
          yield* move(id, 1)
          const other = yield* Effect.forkChild(Effect.andThen(Deferred.await(held), move(id, 4)))
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* move(id, 2)
              yield* Deferred.succeed(held, undefined)
              // Lets the other one reach its append.
              yield* Effect.replicateEffect(Effect.yieldNow, 10)
              yield* move(id, 8)
            })
          )
          yield* Fiber.join(other)
          assert.deepStrictEqual(yield* balance(id), [4, 15])
        }).pipe(Effect.provide(caching(10)))
      })
    )

    it.effect("goes on without them, and warns, when the table is gone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const { id } = yield* snapshotted
        yield* sql`ALTER TABLE daybook.snapshots RENAME TO elsewhere`
        yield* Effect.gen(function* () {
          // A statement that fails would end the transaction, if it had no savepoint.
          yield* sql.withTransaction(move(id, 8))
          yield* move(id, 16)
          assert.deepStrictEqual(yield* balance(id), [5, 31])
        }).pipe(
          Effect.provide(snapshotting(SnapshotPolicy.every(1))),
          Effect.ensuring(Effect.orDie(sql`ALTER TABLE daybook.elsewhere RENAME TO snapshots`))
        )
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_snapshots_taken account failed"), 1)
        assert.strictEqual(counts.get("daybook_snapshots_ignored account unreadable"), 3)
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(caching(0))), [5, 31])
      }).pipe(Effect.provide(Logger.layer([])), measured)
    )
  })
}
