/**
 * Commands that their callers repeat after the log was restored: they record the events of a lost
 * history again, under the same ids and on another state.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { balance, caching, fresh, move, snapshotting, telling } from "./handlerHarness.ts"

/** Restores the log to its first event, beneath all who use it. */
export class Restore extends Context.Service<Restore, Effect.Effect<void, unknown>>()(
  "@daybook/store/test/Restore"
) {}

/**
 * Two deposits, of which the second is repeated after a restore on a smaller balance: 5 in place of
 * 104.
 */
const historyOf = Effect.gen(function* () {
  const id = yield* fresh
  const commandId = CommandId.make(SecureRandom.uuidV4Unsafe())
  const second = Effect.flatMap(CommandHandler, (handler) =>
    handler.execute(aggregate, id, deposit(4), { commandId })
  )
  return {
    id,
    first: Effect.andThen(move(id, 100), second),
    again: Effect.gen(function* () {
      yield* yield* Restore
      yield* Effect.andThen(move(id, 1), second).pipe(Effect.provide(caching(0)))
      assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(caching(0))), [2, 5])
    })
  }
})

const withdrawn = (id: string) =>
  Effect.flatMap(CommandHandler, (handler) =>
    Effect.result(handler.execute(aggregate, id, withdraw(50)))
  )

const refused = Result.fail(new Overdrawn({ balance: 5, amount: 50 }))

/** The cases, on stores of their own. */
export const repeatedAfterRestoreCases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | SnapshotStore | Restore, E>
): void => {
  layer(Layer.empty, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    const onStores = <A, EE>(
      sentence: string,
      run: Effect.Effect<A, EE, EventStore | SnapshotStore | Restore>
    ) =>
      it.effect(
        sentence,
        () =>
          // The log keeps one event, of another account.
          Effect.andThen(
            Effect.flatMap(fresh, (id) => move(id, 7)).pipe(Effect.provide(caching(0))),
            run
          ).pipe(Effect.provide(Layer.fresh(stores))),
        120_000
      )

    onStores(
      "are not taken for those of the cached state: no append is decided on it",
      Effect.gen(function* () {
        const { again, first, id } = yield* historyOf
        yield* first
        yield* again
        assert.deepStrictEqual(yield* withdrawn(id), refused)
        assert.deepStrictEqual(yield* balance(id), [2, 5])
      }).pipe(Effect.provide(caching(10)))
    )

    onStores(
      "are not taken for those of the cached state: a load folds them",
      Effect.gen(function* () {
        const { again, first, id } = yield* historyOf
        yield* first
        yield* again
        assert.deepStrictEqual(yield* balance(id), [2, 5])
      }).pipe(Effect.provide(caching(10)))
    )

    onStores(
      "are not taken for those of a snapshot",
      Effect.gen(function* () {
        const taken = yield* Queue.make<number>()
        const { again, first, id } = yield* historyOf
        yield* Effect.gen(function* () {
          yield* first
          assert.strictEqual(yield* Queue.take(taken), 2)
        }).pipe(
          Effect.provide(snapshotting(SnapshotPolicy.every(2)).pipe(Layer.provide(telling(taken))))
        )
        yield* again
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* balance(id), [2, 5])
          assert.deepStrictEqual(yield* withdrawn(id), refused)
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)))
      })
    )
  })
}
