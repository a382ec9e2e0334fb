/**
 * A command handler with more commands at once than it may run, on any store.
 */
import { CommandHandler, CommandsAtOnce } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { MaxHeld, Overloaded } from "@daybook/store/Overloaded"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { aggregate, deposit } from "./Account.ts"
import { balance, fresh, move } from "./handlerHarness.ts"

/** A handler of its own that runs at most `commands` commands at once. */
export const atOnce = (commands: number) =>
  Layer.fresh(CommandHandler.layer).pipe(Layer.provide(Layer.succeed(CommandsAtOnce, commands)))

/** A handler of its own that holds at most this much at once. */
const holding = (calls: number, bytes: number) =>
  Layer.fresh(CommandHandler.layer).pipe(Layer.provide(Layer.succeed(MaxHeld, { calls, bytes })))

/**
 * A gate for reads of the log, with the number of those that came, and the most that were inside at
 * once.
 */
interface Gate {
  readonly came: Ref.Ref<number>
  readonly inside: Ref.Ref<number>
  readonly most: Ref.Ref<number>
  readonly open: Deferred.Deferred<void>
}

const gate: Effect.Effect<Gate> = Effect.all({
  came: Ref.make(0),
  inside: Ref.make(0),
  most: Ref.make(0),
  open: Deferred.make<void>()
})

/** Makes every read of a stream wait at the gate; `only`: reads of this stream. */
const gated = ({ came, inside, most, open }: Gate, only?: string) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) =>
      EventStore.of({
        ...store,
        read: (streamId, options) =>
          only !== undefined && streamId !== `account-${only}`
            ? store.read(streamId, options)
            : Stream.unwrap(
                Effect.gen(function* () {
                  yield* Ref.update(came, (n) => n + 1)
                  const now = yield* Ref.updateAndGet(inside, (n) => n + 1)
                  yield* Ref.update(most, (before) => Math.max(before, now))
                  yield* Deferred.await(open)
                  return Stream.ensuring(
                    store.read(streamId, options),
                    Ref.update(inside, (n) => n - 1)
                  )
                })
              )
      })
    )
  )

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.andThen(Effect.yieldNow, condition), { until: (holds) => holds })

/** Runs all fibers that are ready. */
const settle = Effect.replicateEffect(Effect.yieldNow, 200, { discard: true })

export const cases = <E>(name: string, stores: Layer.Layer<EventStore, E>): void =>
  layer(stores, { timeout: 60_000 })(name, (it) => {
    it.effect("are worked on so many at a time, loads too, and all get through", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const ids = yield* Effect.replicateEffect(fresh, 30)
        yield* Effect.gen(function* () {
          const moving = yield* Effect.forEach(ids, (id, n) =>
            Effect.forkChild(n % 3 === 0 ? balance(id) : move(id, 1), { startImmediately: true })
          )
          yield* until(Effect.map(Ref.get(door.came), (came) => came >= 3))
          yield* settle
          assert.strictEqual(yield* Ref.get(door.came), 3)
          yield* Deferred.succeed(door.open, undefined)
          yield* Effect.forEach(moving, Fiber.join)
        }).pipe(Effect.provide(atOnce(3).pipe(Layer.provide(gated(door)))))
        assert.strictEqual(yield* Ref.get(door.most), 3)
        assert.strictEqual(yield* Ref.get(door.came), 30)
      })
    )

    it.effect("take no place in the door while they wait for their stream", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const [hot, other] = [yield* fresh, yield* fresh]
        yield* Effect.gen(function* () {
          const moving = yield* Effect.forEach([1, 2, 3, 4, 5, 6], (amount) =>
            Effect.forkChild(move(hot, amount), { startImmediately: true })
          )
          yield* until(Effect.map(Ref.get(door.came), (came) => came === 1))
          yield* move(other, 1)
          yield* Deferred.succeed(door.open, undefined)
          yield* Effect.forEach(moving, Fiber.join)
          assert.deepStrictEqual(yield* balance(hot), [6, 21])
        }).pipe(Effect.provide(atOnce(2).pipe(Layer.provide(gated(door, hot)))))
      })
    )

    it.effect("give their place back when they are interrupted, at the door and inside", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const [held, waiting, last] = [yield* fresh, yield* fresh, yield* fresh]
        yield* Effect.gen(function* () {
          const inside = yield* Effect.forkChild(move(held, 1), { startImmediately: true })
          yield* until(Effect.map(Ref.get(door.came), (came) => came === 1))
          const before = yield* Effect.forkChild(move(waiting, 1), { startImmediately: true })
          yield* settle
          yield* Fiber.interrupt(before)
          yield* Fiber.interrupt(inside)
          yield* move(last, 1)
        }).pipe(Effect.provide(atOnce(1).pipe(Layer.provide(gated(door, held)))))
      })
    )

    it.effect("count for nothing in what a command says: a rejection gives its place back", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* Effect.gen(function* () {
          const handler = yield* CommandHandler
          for (let n = 0; n < 3; n++) yield* Effect.flip(move(id, -1))
          yield* handler.execute(aggregate, id, deposit(1))
        }).pipe(Effect.provide(atOnce(1)))
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(atOnce(1))), [1, 1])
      })
    )

    it.effect("S25: are refused beyond the number that a handler holds, and no sooner", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const [id, other] = [yield* fresh, yield* fresh]
        yield* Effect.gen(function* () {
          // The first reads, and the others wait for its stream; one load is at the gate.
          const moving = yield* Effect.forEach([1, 2, 4], (amount) =>
            Effect.forkChild(move(id, amount), { startImmediately: true })
          )
          const loading = yield* Effect.forkChild(balance(other), { startImmediately: true })
          yield* settle
          for (const call of [move(id, 8), move(other, 8), balance(id)]) {
            const error = yield* Effect.flip(call)
            assert.instanceOf(error, Overloaded)
            assert.strictEqual(error.where, "handler")
            assert.strictEqual(error.held.calls, 4)
            assert.deepStrictEqual(error.limit, { calls: 4, bytes: 1_000_000 })
          }
          yield* Deferred.succeed(door.open, undefined)
          yield* Effect.forEach([...moving, loading], (fiber) =>
            Fiber.join<unknown, unknown>(fiber)
          )
          yield* move(other, 16)
          assert.deepStrictEqual(yield* balance(id), [3, 7])
          assert.deepStrictEqual(yield* balance(other), [1, 16])
        }).pipe(Effect.provide(holding(4, 1_000_000).pipe(Layer.provide(gated(door)))))
      })
    )

    it.effect(
      "S25: are refused beyond the bytes that a handler holds, but one alone is let in",
      () =>
        Effect.gen(function* () {
          const door = yield* gate
          const [id, other] = [yield* fresh, yield* fresh]
          yield* Effect.gen(function* () {
            const handler = yield* CommandHandler
            const many = Array.from({ length: 500 }, () => ({ command: deposit(1) }))
            const moving = yield* Effect.forkChild(handler.executeAll(aggregate, id, many), {
              startImmediately: true
            })
            yield* settle
            const error = yield* Effect.flip(move(other, 1))
            assert.instanceOf(error, Overloaded)
            assert.strictEqual(error.held.calls, 500)
            assert.isAbove(error.held.bytes, 20_000)
            yield* Deferred.succeed(door.open, undefined)
            yield* Fiber.join(moving)
            yield* move(other, 1)
            assert.deepStrictEqual(yield* balance(id), [500, 500])
          }).pipe(Effect.provide(holding(10_000, 20_000).pipe(Layer.provide(gated(door)))))
        })
    )

    it.effect("S25: give back what is held of a caller that goes", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const [id, other] = [yield* fresh, yield* fresh]
        yield* Effect.gen(function* () {
          for (let turn = 0; turn < 3; turn++) {
            const fibers = yield* Effect.forEach([id, id], (one) =>
              Effect.forkChild(move(one, 1), { startImmediately: true })
            )
            yield* settle
            assert.instanceOf(yield* Effect.flip(move(other, 1)), Overloaded)
            yield* Effect.forEach(fibers, Fiber.interrupt)
          }
          yield* Deferred.succeed(door.open, undefined)
          yield* move(other, 1)
          assert.deepStrictEqual(yield* balance(other), [1, 1])
        }).pipe(Effect.provide(holding(2, 1_000_000).pipe(Layer.provide(gated(door)))))
      })
    )

    it.effect("S25: are counted while a batch executes them, without their callers too", () =>
      Effect.gen(function* () {
        const door = yield* gate
        const [id, other] = [yield* fresh, yield* fresh]
        yield* Effect.gen(function* () {
          const [first, second] = [
            yield* Effect.forkChild(move(id, 1), { startImmediately: true }),
            yield* Effect.forkChild(move(id, 2), { startImmediately: true })
          ]
          yield* until(Effect.map(Ref.get(door.came), (came) => came === 1))
          yield* Fiber.interrupt(first)
          yield* until(Effect.map(Ref.get(door.came), (came) => came === 2))
          yield* Fiber.interrupt(second)
          const third = yield* Effect.forkChild(move(other, 4), { startImmediately: true })
          const error = yield* Effect.flip(move(other, 8))
          assert.instanceOf(error, Overloaded)
          assert.strictEqual(error.held.calls, 2)
          yield* Deferred.succeed(door.open, undefined)
          yield* Fiber.join(third)
          // A server answers the batch of the interrupted calls when it will: nothing is held after.
          const areBothHeld = Effect.gen(function* () {
            const both = yield* Effect.forEach([id, other], (one) =>
              Effect.forkChild(move(one, 16), { startImmediately: true })
            )
            const exits = yield* Effect.forEach(both, Fiber.await)
            return exits.every(Exit.isSuccess)
          })
          yield* until(Effect.map(balance(id), ([revision]) => revision === 1))
          assert.deepStrictEqual(yield* balance(id), [1, 2])
          assert.deepStrictEqual(yield* balance(other), [1, 4])
          yield* until(areBothHeld)
        }).pipe(Effect.provide(holding(2, 1_000_000).pipe(Layer.provide(gated(door)))))
      })
    )
  })
