/**
 * The behaviour of a command handler with cached states, on any store.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Revision from "@daybook/kernel/Revision"
import type * as StreamId from "@daybook/kernel/StreamId"
import { CommandHandler, MaxAttempts } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { balance, caching, counters, counting, fresh, measured, move } from "./handlerHarness.ts"

/** Runs on a handler that caches this many states, and returns the handler's calls to the log. */
const asked = Effect.fnUntraced(function* <A, E, R>(
  streams: number,
  effect: Effect.Effect<A, E, R>
) {
  const calls = yield* Ref.make<ReadonlyArray<string>>([])
  const handler = caching(streams).pipe(Layer.provide(counting(calls)))
  yield* Effect.provide(effect, handler)
  return yield* Ref.get(calls)
})

/**
 * Replaces one account by another from some time on, as if the log had been restored and had
 * continued from there.
 */
const replaced = (id: string, by: string, isRestored: Ref.Ref<boolean>) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) => {
      const [own, other] = [id, by].map((one) =>
        Result.getOrThrow(Aggregate.streamId(aggregate, one))
      )
      const current = (streamId: StreamId.StreamId) =>
        Effect.map(Ref.get(isRestored), (is) =>
          is && streamId === own && other !== undefined ? other : streamId
        )
      return EventStore.of({
        ...store,
        append: (append) =>
          Effect.flatMap(current(append.streamId), (streamId) =>
            store.append({ ...append, streamId })
          ),
        read: (streamId, options) =>
          Stream.unwrap(Effect.map(current(streamId), (now) => store.read(now, options)))
      })
    })
  )

/** The cases, on the store of `it`. */
export const stateCacheCases = (on: Vitest.MethodsNonLive<EventStore>): void =>
  on.layer(caching(0))("With cached states", (it) => {
    it.effect("executes with one call, the append", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const calls = yield* asked(1, move(id, 5, 3, -8))
        assert.deepStrictEqual(calls, ["read", "append", "append", "append"])
        assert.deepStrictEqual(yield* balance(id), [3, 0])
      })
    )

    it.effect("executes with one call a command that brings its id, unless it is refused", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const [one, two] = [yield* fresh, yield* fresh].map(CommandId.make)
        const execute = (commandId: CommandId.CommandId | undefined, amount: number) =>
          Effect.flatMap(CommandHandler, (handler) =>
            handler.execute(aggregate, id, withdraw(amount), { commandId })
          )
        const calls = yield* asked(
          1,
          Effect.gen(function* () {
            yield* move(id, 5)
            const first = yield* execute(one, 4)
            const again = yield* execute(one, 4)
            assert.deepStrictEqual(again, { ...first, repeated: true })
            yield* Effect.flip(execute(two, 4))
          })
        )
        const [before, after] = [calls.slice(0, 3), calls.slice(3)]
        assert.deepStrictEqual(before, ["read", "append", "append"])
        // The handler finds out what refuses the command: the cached state, newer events, or an
        // earlier execution.
        assert.deepStrictEqual(after, ["read", "find", "read", "read", "find"])
      })
    )

    it.effect("decides again when another host has appended", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const elsewhere = yield* CommandHandler
        const calls = yield* asked(
          1,
          Effect.gen(function* () {
            yield* move(id, 5)
            yield* elsewhere.execute(aggregate, id, withdraw(3))
            yield* move(id, 1)
            assert.deepStrictEqual(yield* balance(id), [3, 3])
          })
        )
        assert.deepStrictEqual(calls, ["read", "append", "append", "append", "read"])
      })
    )

    it.effect("refuses nothing that another host has made possible", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const elsewhere = yield* CommandHandler
        yield* asked(
          1,
          Effect.gen(function* () {
            yield* move(id, 5)
            yield* elsewhere.execute(aggregate, id, deposit(5))
            yield* move(id, -10)
            yield* elsewhere.execute(aggregate, id, deposit(7))
            const refused = yield* Effect.flip(move(id, -9))
            assert.deepStrictEqual(refused, new Overdrawn({ balance: 7, amount: 9 }))
          })
        )
        assert.deepStrictEqual(yield* balance(id), [4, 7])
      })
    )

    it.effect("loads what another host has appended, and the past before it", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const elsewhere = yield* CommandHandler
        yield* asked(
          1,
          Effect.gen(function* () {
            const handler = yield* CommandHandler
            yield* move(id, 5, 6)
            yield* elsewhere.execute(aggregate, id, deposit(7))
            assert.deepStrictEqual(yield* balance(id), [3, 18])
            const past = yield* handler.loadAt(aggregate, id, { revision: Revision.make(1) })
            assert.deepStrictEqual(past.state, { balance: 5 })
            assert.deepStrictEqual(yield* balance(id), [3, 18])
          })
        )
      })
    )

    it.effect("keeps the states of so many streams as it may, those used last", () =>
      Effect.gen(function* () {
        const [one, two, three] = [yield* fresh, yield* fresh, yield* fresh]
        const calls = yield* asked(
          2,
          Effect.gen(function* () {
            yield* move(one, 1)
            yield* move(two, 1)
            yield* move(one, 1)
            yield* move(three, 1)
            yield* move(one, 1)
            yield* move(two, 1)
          })
        )
        // Two is evicted by three, and evicts three.
        const [known, unknown] = ["append", "read append"]
        assert.strictEqual(
          calls.join(" "),
          [unknown, unknown, known, unknown, known, unknown].join(" ")
        )
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_state_cache account hit"), 2)
        assert.strictEqual(counts.get("daybook_state_cache account miss"), 4)
      }).pipe(measured)
    )

    for (const since of [[1], [1, 2]]) {
      it.effect(
        `decides on what is there when the log was restored beneath it, with ${since.length} events in place of one`,
        () =>
          Effect.gen(function* () {
            const [id, restored] = [yield* fresh, yield* fresh]
            yield* move(restored, ...since)
            const isRestored = yield* Ref.make(false)
            const handler = caching(1).pipe(Layer.provide(replaced(id, restored, isRestored)))
            yield* Effect.gen(function* () {
              yield* move(id, 100)
              yield* Ref.set(isRestored, true)
              const refused = yield* Effect.flip(move(id, -50))
              const sum = since.reduce((all, one) => all + one, 0)
              assert.deepStrictEqual(refused, new Overdrawn({ balance: sum, amount: 50 }))
              yield* move(id, 10)
              assert.deepStrictEqual(yield* balance(id), [since.length + 1, sum + 10])
            }).pipe(Effect.provide(handler))
          })
      )
    }

    it.effect("decides on the log as it is with one attempt, when it was restored", () =>
      Effect.gen(function* () {
        // As many events in place of the cached ones, fewer, and more.
        for (const [amounts, left] of [
          [
            [7, 1],
            [3, 1]
          ],
          [[7], [2, 0]],
          [
            [7, 1, 1],
            [4, 2]
          ]
        ] satisfies ReadonlyArray<readonly [ReadonlyArray<number>, Array<number>]>) {
          const [id, restored] = [yield* fresh, yield* fresh]
          const isRestored = yield* Ref.make(false)
          yield* move(restored, ...amounts)
          const handler = caching(1).pipe(Layer.provide(replaced(id, restored, isRestored)))
          yield* Effect.gen(function* () {
            yield* move(id, 1, 1)
            yield* Ref.set(isRestored, true)
            yield* move(id, -7)
          }).pipe(Effect.provide(handler), Effect.provideService(MaxAttempts, 1))
          assert.deepStrictEqual(yield* balance(restored), left)
        }
      })
    )

    it.effect("loses one race with one attempt, and not the next command too", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const elsewhere = yield* CommandHandler
        yield* Effect.gen(function* () {
          yield* move(id, 5)
          yield* elsewhere.execute(aggregate, id, deposit(3))
          const lost = yield* Effect.flip(move(id, 1))
          assert.strictEqual(lost._tag, "WrongExpectedRevision")
          yield* move(id, 1)
        }).pipe(Effect.provide(caching(1)), Effect.provideService(MaxAttempts, 1))
        assert.deepStrictEqual(yield* balance(id), [3, 9])
      })
    )

    it.effect("lets fibers share a state without loss", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* asked(
          1,
          Effect.gen(function* () {
            yield* move(id, 100)
            yield* Effect.all(
              Array.from({ length: 20 }, (_, n) =>
                n % 4 === 3 ? balance(id) : move(id, n % 2 === 0 ? 2 : -1)
              ),
              { concurrency: "unbounded" }
            )
          })
        )
        assert.deepStrictEqual(yield* balance(id), [16, 115])
      })
    )

    it.effect("lets the commands of a host on one stream take turns, so that none loses", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* asked(
          1,
          Effect.all(
            Array.from({ length: 8 }, () => move(id, 1, 1, 1, 1)),
            { concurrency: "unbounded" }
          )
        ).pipe(Effect.provideService(MaxAttempts, 1))
        assert.deepStrictEqual(yield* balance(id), [32, 32])
      })
    )
  })
