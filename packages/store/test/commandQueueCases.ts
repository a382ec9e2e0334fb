/**
 * A command handler with commands of one host that meet on a stream, on any store.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { balance, caching, fresh, move } from "./handlerHarness.ts"

/** The first append of a handler: signals that it came, and that it may continue. */
interface Held {
  readonly came: Deferred.Deferred<void>
  readonly free: Deferred.Deferred<void>
  readonly appends: Ref.Ref<number>
}

const held: Effect.Effect<Held> = Effect.all({
  came: Deferred.make<void>(),
  free: Deferred.make<void>(),
  appends: Ref.make(0)
})

/** Holds the first append of a handler until it is released, and counts the appends. */
const holding = ({ appends, came, free }: Held, fail = false) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) =>
      EventStore.of({
        ...store,
        append: (append) =>
          Effect.flatMap(
            Ref.getAndUpdate(appends, (n) => n + 1),
            (before) =>
              before === 0
                ? Deferred.succeed(came, undefined).pipe(
                    Effect.andThen(Deferred.await(free)),
                    Effect.andThen(store.append(append))
                  )
                : fail
                  ? Effect.fail(new EventStoreError({ operation: "append", cause: "lost" }))
                  : store.append(append)
          )
      })
    )
  )

/** Runs `use` while a first command delays those after it, and counts all appends. */
const together = <A, E, R>(
  id: string,
  use: (letGo: Effect.Effect<void>) => Effect.Effect<A, E, R>,
  options?: { readonly fail?: boolean; readonly cached?: number }
) =>
  Effect.gen(function* () {
    const first = yield* held
    const { appends, free } = first
    const handler = caching(options?.cached ?? 0).pipe(Layer.provide(holding(first, options?.fail)))
    const answers = yield* Effect.gen(function* () {
      const moving = yield* Effect.forkChild(move(id, 1), { startImmediately: true })
      yield* Deferred.await(first.came)
      const used = yield* use(Effect.asVoid(Deferred.succeed(free, undefined)))
      yield* Fiber.join(moving)
      return used
    }).pipe(Effect.provide(handler))
    return { answers, appends: yield* Ref.get(appends) }
  })

const execute = (id: string, command: Parameters<typeof aggregate.decider.decide>[0]) =>
  Effect.flatMap(CommandHandler, (handler) => handler.execute(aggregate, id, command))

/** Starts the effects, each until it waits, after the one that is held. */
const forkAll = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.forEach(effects, (effect) => Effect.forkChild(effect, { startImmediately: true }))

export const cases = <E>(name: string, stores: Layer.Layer<EventStore, E>): void =>
  layer(CommandHandler.layer.pipe(Layer.provideMerge(stores)), { timeout: 60_000 })(name, (it) => {
    it.effect("go together, each on the state that the one before it leaves", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const { answers, appends } = yield* together(id, (letGo) =>
          Effect.gen(function* () {
            const fibers = yield* forkAll(
              [deposit(10), withdraw(11), withdraw(1), deposit(4), deposit(0)].map((command) =>
                Effect.result(execute(id, command))
              )
            )
            yield* letGo
            return yield* Effect.forEach(fibers, Fiber.join)
          })
        )
        assert.deepStrictEqual(
          answers.map(
            Result.match({
              onSuccess: ({ revision, state }) => [Number(revision), state.balance],
              onFailure: (error) => error
            })
          ),
          [[2, 11], [3, 0], new Overdrawn({ balance: 0, amount: 1 }), [4, 4], [4, 4]]
        )
        assert.strictEqual(appends, 2)
        assert.deepStrictEqual(yield* balance(id), [4, 4])
      })
    )

    it.effect("go together with several of one caller, and count once when they are repeated", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = CommandId.make(yield* fresh)
        const { answers } = yield* together(
          id,
          (letGo) =>
            Effect.gen(function* () {
              const handler = yield* CommandHandler
              const fibers = yield* forkAll([
                handler.executeAll(aggregate, id, [
                  { command: deposit(2) },
                  { command: withdraw(99) },
                  { command: deposit(3), commandId }
                ]),
                handler.executeAll(aggregate, id, [{ command: deposit(3), commandId }])
              ])
              yield* letGo
              return yield* Effect.forEach(fibers, Fiber.join)
            }),
          { cached: 1 }
        )
        assert.deepStrictEqual(
          answers.map((all) =>
            all.map(
              Result.match({
                onSuccess: ({ repeated, revision }) => [Number(revision), repeated],
                onFailure: ({ _tag }) => _tag
              })
            )
          ),
          [[[2, false], "Overdrawn", [3, false]], [[3, true]]]
        )
        assert.deepStrictEqual(yield* balance(id), [3, 6])
      })
    )

    it.effect("do not suffer for one whose events are refused", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const { answers } = yield* together(id, (letGo) =>
          Effect.gen(function* () {
            const fibers = yield* forkAll(
              // Not an integer: the codec refuses it.
              [deposit(5), deposit(0.5), deposit(7)].map((command) =>
                Effect.exit(execute(id, command))
              )
            )
            yield* letGo
            return yield* Effect.forEach(fibers, Fiber.join)
          })
        )
        assert.deepStrictEqual(answers.map(Exit.isSuccess), [true, false, true])
        assert.deepStrictEqual(yield* balance(id), [3, 13])
      })
    )

    it.effect("leave out those whose caller has gone", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const { appends } = yield* together(id, (letGo) =>
          Effect.gen(function* () {
            const [gone, stays] = yield* forkAll([execute(id, deposit(5)), execute(id, deposit(7))])
            if (gone === undefined || stays === undefined) return assert.fail("two were started")
            yield* Fiber.interrupt(gone)
            yield* letGo
            yield* Fiber.join(stays)
          })
        )
        assert.strictEqual(appends, 2)
        assert.deepStrictEqual(yield* balance(id), [2, 8])
      })
    )

    it.effect("go on when the one that they wait for is interrupted", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const append = yield* held
        const handler = caching(0).pipe(Layer.provide(holding(append)))
        yield* Effect.gen(function* () {
          const [first, second] = yield* forkAll([move(id, 1), move(id, 2)])
          if (first === undefined || second === undefined) return assert.fail("two were started")
          yield* Deferred.await(append.came)
          yield* Fiber.interrupt(first)
          yield* Fiber.join(second)
        }).pipe(Effect.provide(handler))
        assert.deepStrictEqual(yield* balance(id), [1, 2])
      })
    )

    it.effect("all hear that the store failed", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const { answers, appends } = yield* together(
          id,
          (letGo) =>
            Effect.gen(function* () {
              const fibers = yield* forkAll(
                [deposit(5), withdraw(999)].map((command) => Effect.exit(execute(id, command)))
              )
              yield* letGo
              return yield* Effect.forEach(fibers, Fiber.join)
            }),
          { fail: true }
        )
        for (const exit of answers) {
          assert.strictEqual(
            Exit.isFailure(exit) && Cause.hasFails(exit.cause) && tagOf(exit.cause),
            "EventStoreError"
          )
        }
        assert.strictEqual(appends, 2)
      })
    )

    it.effect("are not left waiting when their handler is closed", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const append = yield* held
        const handler = caching(0).pipe(Layer.provide(holding(append)))
        const fibers = yield* forkAll([move(id, 1), move(id, 2)]).pipe(
          Effect.tap(() => Deferred.await(append.came)),
          Effect.provide(handler)
        )
        yield* Deferred.succeed(append.free, undefined)
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false])
        assert.deepStrictEqual(yield* balance(id), [1, 1])
      })
    )
  })

const tagOf = (cause: Cause.Cause<{ readonly _tag: string }>) =>
  cause.reasons.filter(Cause.isFailReason)[0]?.error._tag
