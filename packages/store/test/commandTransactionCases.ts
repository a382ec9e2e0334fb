/**
 * Commands in a caller's transaction, on any store that has transactions.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { type EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as TestClock from "effect/testing/TestClock"
import { aggregate, deposit, withdraw } from "./Account.ts"
import { atOnce } from "./commandDoorCases.ts"
import {
  balance,
  caching,
  counters,
  fresh,
  measured,
  move,
  snapshotting
} from "./handlerHarness.ts"

/** The cases; `stores` are on a pool of few connections, such as one. */
export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | SnapshotStore | SqlClient, E>
): void =>
  layer(stores, { timeout: 60_000, excludeTestServices: true })(name, (it) => {
    it.effect("do not wait at the door for one who waits for their transaction", () =>
      Effect.gen(function* () {
        const [shared, other] = [yield* fresh, yield* fresh]
        const sql = yield* SqlClient
        const wrote = yield* Deferred.make<void>()
        const outside = yield* Effect.forkChild(
          Effect.andThen(Deferred.await(wrote), move(shared, 2)),
          { startImmediately: true }
        )
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* move(shared, 1)
            yield* Deferred.succeed(wrote, undefined)
            // From here on it has the only place, and waits for the stream or for a connection.
            yield* Effect.replicateEffect(Effect.yieldNow, 20)
            yield* move(other, 4)
            assert.deepStrictEqual(yield* balance(other), [1, 4])
          })
        )
        yield* Fiber.join(outside)
        assert.deepStrictEqual(yield* balance(shared), [2, 3])
      }).pipe(Effect.provide(atOnce(1)))
    )

    it.effect(
      "are refused by a revision that is expected, and leave the transaction as it was",
      () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const commandId = CommandId.make(yield* fresh)
          const sql = yield* SqlClient
          const handler = yield* CommandHandler
          const at = (revision: number) => ({
            expected: ExpectedRevision.exactly(Revision.make(revision))
          })
          const told = yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* handler.execute(aggregate, id, deposit(1), at(0))
              const error = yield* Effect.flip(handler.execute(aggregate, id, deposit(2), at(0)))
              assert.instanceOf(error, WrongExpectedRevision)
              assert.strictEqual<number>(error.actual, 1)
              const first = yield* handler.execute(aggregate, id, withdraw(1), {
                commandId,
                ...at(1)
              })
              yield* handler.execute(aggregate, id, deposit(4), at(2))
              const again = yield* handler.execute(aggregate, id, withdraw(1), {
                commandId,
                ...at(1)
              })
              assert.deepStrictEqual(again, { ...first, repeated: true })
              return first
            })
          )
          const again = yield* handler.execute(aggregate, id, withdraw(1), { commandId, ...at(1) })
          assert.deepStrictEqual(again, { ...told, repeated: true })
          assert.deepStrictEqual(yield* balance(id), [3, 4])
        }).pipe(Effect.provide(caching(1)))
    )

    it.effect("do not take a snapshot for unreadable whose reading waits for a connection", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const sql = yield* SqlClient
        yield* move(id, 1, 2, 4, 8, 16).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(4))))
        const reading = yield* Deferred.make<void>()
        const telling = Layer.effect(
          SnapshotStore,
          Effect.map(SnapshotStore, (store) =>
            SnapshotStore.of({
              ...store,
              load: (streamId, options) =>
                Effect.andThen(Deferred.succeed(reading, undefined), store.load(streamId, options))
            })
          )
        )
        const released = yield* Deferred.make<void>()
        const taken = yield* Deferred.make<void>()
        // All connections of the pool.
        const holding = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.andThen(Deferred.succeed(taken, undefined), Deferred.await(released))
          )
        )
        yield* Deferred.await(taken)
        const found = yield* Effect.gen(function* () {
          const looking = yield* Effect.forkChild(balance(id))
          yield* Deferred.await(reading)
          yield* Effect.replicateEffect(Effect.yieldNow, 20)
          yield* TestClock.adjust("1 minute")
          yield* Deferred.succeed(released, undefined)
          return { account: yield* Fiber.join(looking), counts: yield* counters }
        }).pipe(
          Effect.provide(snapshotting(SnapshotPolicy.never).pipe(Layer.provide(telling))),
          Effect.provide(TestClock.layer()),
          measured
        )
        yield* Fiber.join(holding)
        const { account, counts } = found
        assert.deepStrictEqual(account, [5, 31])
        assert.strictEqual(counts.get("daybook_snapshots_used account"), 1)
        assert.isUndefined(counts.get("daybook_snapshots_ignored account unreadable"))
      })
    )
  })
