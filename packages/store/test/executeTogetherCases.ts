/**
 * Commands on several streams that are recorded all or none, with and without snapshots and cached
 * states, on any store.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler, MaxAttempts } from "@daybook/store/CommandHandler"
import {
  AppendRefused,
  EventStore,
  EventStoreError,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Law from "@daybook/testing/Law"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { balance, caching, fresh, move, snapshotting } from "./handlerHarness.ts"
import * as Hall from "./Hall.ts"
import { law } from "./togetherLaws.ts"

const freshCommandId = Effect.map(fresh, CommandId.make)

const transfer = (from: string, to: string, amount: number) =>
  [
    CommandCall.make(aggregate, from, withdraw(amount)),
    CommandCall.make(aggregate, to, deposit(amount))
  ] as const

const together = <const Calls extends ReadonlyArray<CommandCall.Any>>(
  calls: Calls,
  commandId?: CommandId.CommandId
) => Effect.flatMap(CommandHandler, (handler) => handler.executeTogether(calls, { commandId }))

const recorded = (of: { readonly category: StreamId.Category }, id: string) =>
  Effect.gen(function* () {
    const streamId = yield* Effect.fromResult(StreamId.make(of.category, id))
    return yield* Stream.runCollect((yield* EventStore).read(streamId))
  })

/** Runs `between` before the first `appendAll`: another host's work while this one decides. */
const racedBy = (between: Effect.Effect<unknown, unknown>) =>
  decorated(
    (store, raced) => (appends) =>
      Effect.flatMap(Ref.getAndSet(raced, true), (already) =>
        Effect.andThen(already ? Effect.void : Effect.orDie(between), store.appendAll(appends))
      )
  )

/** Loses the answer of the first `appendAll`: the append happens without one. */
const losingAnswer = decorated(
  (store, lost) => (appends) =>
    Effect.flatMap(Ref.getAndSet(lost, true), (already) =>
      already
        ? store.appendAll(appends)
        : Effect.andThen(
            store.appendAll(appends),
            new EventStoreError({ operation: "appendAll", cause: "connection lost" })
          )
    )
)

function decorated(
  appendAll: (
    store: EventStore["Service"],
    once: Ref.Ref<boolean>
  ) => EventStore["Service"]["appendAll"]
) {
  return Layer.effect(
    EventStore,
    Effect.gen(function* () {
      const store = yield* EventStore
      return EventStore.of({ ...store, appendAll: appendAll(store, yield* Ref.make(false)) })
    })
  )
}

/** The cases; `stores` may be shared with other files. `runs`: the inputs that the law is tried on. */
export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | SnapshotStore, E>,
  runs: number
): void =>
  layer(stores, { timeout: 60_000, excludeTestServices: true })(name, (it) => {
    const kept = law({}, runs)
    it.effect(kept.name, () => Law.check(kept))

    const handlers = {
      "no shortcut": caching(0),
      "cached states": caching(10),
      "a snapshot of each revision": snapshotting(SnapshotPolicy.every(1))
    }
    for (const [what, handler] of Object.entries(handlers)) {
      it.layer(handler)(`Commands together with ${what}`, (on) => {
        on.effect("are answered in their order, at the position of the last event", () =>
          Effect.gen(function* () {
            const [ann, hall] = [yield* fresh, yield* fresh]
            const commandId = yield* freshCommandId
            yield* move(ann, 10)
            const [paid, booked] = yield* together(
              [
                CommandCall.make(aggregate, ann, withdraw(4)),
                CommandCall.make(Hall.aggregate, hall, { _tag: "Book", seat: 1, guest: "Ada" })
              ],
              commandId
            )
            // The types of the answers are those of their aggregates.
            const left: number = paid.state.balance
            const seats: ReadonlyArray<1 | 2 | 3> = booked.state.taken.map(({ seat }) => seat)
            assert.deepStrictEqual([left, seats], [6, [1]])
            const [, withdrawn] = yield* recorded(aggregate, ann)
            const [seat] = yield* recorded(Hall.aggregate, hall)
            assert.deepStrictEqual(
              [withdrawn?.metadata.commandId, seat?.metadata.commandId],
              [commandId, commandId]
            )
            assert.deepStrictEqual(
              [paid.position, booked.position],
              [seat?.position, seat?.position]
            )
            assert.deepStrictEqual(
              [Number(paid.revision), paid.events, paid.repeated],
              [2, [{ _tag: "Withdrawn", amount: 4 }], false]
            )
          })
        )

        on.effect("are all rejected when one is, and tell which", () =>
          Effect.gen(function* () {
            const [ann, bob, cid] = [yield* fresh, yield* fresh, yield* fresh]
            yield* move(ann, 10)
            const error = yield* Effect.flip(
              together([
                CommandCall.make(aggregate, cid, deposit(3)),
                ...transfer(ann, bob, 11),
                CommandCall.make(aggregate, bob, withdraw(99))
              ])
            )
            if (error._tag !== "CommandRejected") return assert.fail(error.message)
            const { rejection }: { readonly rejection: Overdrawn } = error
            assert.deepStrictEqual(
              [error.place, error.streamId, rejection],
              [1, `account-${ann}`, new Overdrawn({ balance: 10, amount: 11 })]
            )
            assert.deepStrictEqual(yield* balance(ann), [1, 10])
            for (const id of [bob, cid]) assert.deepStrictEqual(yield* balance(id), [0, 0])
          })
        )

        on.effect("on one instance are decided in their order", () =>
          Effect.gen(function* () {
            const [ann, bob] = [yield* fresh, yield* fresh]
            yield* move(ann, 10)
            const commandId = yield* freshCommandId
            const calls = [
              ...transfer(ann, bob, 7),
              CommandCall.make(aggregate, ann, deposit(0)),
              CommandCall.make(aggregate, bob, withdraw(5)),
              CommandCall.make(aggregate, ann, deposit(5))
            ]
            const answers = yield* together(calls, commandId)
            assert.deepStrictEqual(
              answers.map(({ revision, state }) => [Number(revision), state.balance]),
              [
                [2, 3],
                [1, 7],
                [2, 3],
                [2, 2],
                [3, 8]
              ]
            )
            yield* move(ann, -8)
            yield* move(bob, -2)
            assert.deepStrictEqual<ReadonlyArray<unknown>>(
              yield* together(calls, commandId),
              answers.map((answer) => ({ ...answer, repeated: true }))
            )
          })
        )

        on.effect("give their first answers when they are repeated, in another order too", () =>
          Effect.gen(function* () {
            const [ann, bob, seen, empty] = [yield* fresh, yield* fresh, yield* fresh, yield* fresh]
            yield* move(ann, 10)
            yield* move(seen, 3)
            const commandId = yield* freshCommandId
            const [nothing, none] = [
              CommandCall.make(aggregate, seen, deposit(0)),
              CommandCall.make(aggregate, empty, deposit(0))
            ]
            const [from, to] = transfer(ann, bob, 10)
            const first = yield* together([from, nothing, to, none], commandId)
            assert.deepStrictEqual(
              first.map(({ state }) => state.balance),
              [0, 3, 10, 0]
            )
            // Ann can pay no more, and the states that were only read have changed.
            yield* move(bob, -1)
            yield* move(seen, 4)
            yield* move(empty, 4)
            const again = yield* together([none, to, nothing, from], commandId)
            assert.deepStrictEqual<ReadonlyArray<unknown>>(
              again,
              [first[3], first[2], first[1], first[0]].map((one) => ({ ...one, repeated: true }))
            )
            assert.deepStrictEqual(yield* balance(ann), [2, 0])
            assert.deepStrictEqual(yield* balance(bob), [2, 9])
          })
        )

        on.effect("count once though another of them would record something now", () =>
          Effect.gen(function* () {
            const [one, two] = [yield* fresh, yield* fresh]
            const book = (hall: string, seat: 1 | 2) =>
              CommandCall.make(Hall.aggregate, hall, { _tag: "Book", seat, guest: "Bo" })
            const free = (hall: string) =>
              CommandCall.make(Hall.aggregate, hall, { _tag: "Free", seat: 1 })
            yield* together([book(one, 1)])
            const commandId = yield* freshCommandId
            const first = yield* together([free(one), free(two)], commandId)
            assert.deepStrictEqual(
              first.map(({ events }) => events.length),
              [1, 0]
            )
            yield* together([book(two, 1)])
            const again = yield* together([free(one), free(two)], commandId)
            assert.deepStrictEqual<ReadonlyArray<unknown>>(
              again,
              first.map((answer) => ({ ...answer, repeated: true }))
            )
          })
        )

        on.effect("are another command on other instances, and a single one is another too", () =>
          Effect.gen(function* () {
            const [ann, bob, cid] = [yield* fresh, yield* fresh, yield* fresh]
            yield* move(ann, 10)
            const commandId = yield* freshCommandId
            yield* together(transfer(ann, bob, 1), commandId)
            yield* together(transfer(ann, cid, 2), commandId)
            const handler = yield* CommandHandler
            const single = yield* handler.execute(aggregate, ann, withdraw(4), { commandId })
            for (const calls of [transfer(ann, bob, 1), transfer(ann, cid, 2)]) {
              const again = yield* together(calls, commandId)
              assert.deepStrictEqual(
                again.map(({ events, repeated }) => [events.length, repeated]),
                [
                  [1, true],
                  [1, true]
                ]
              )
            }
            const repeated = yield* handler.execute(aggregate, ann, withdraw(4), { commandId })
            assert.deepStrictEqual(repeated, { ...single, repeated: true })
            assert.deepStrictEqual(yield* balance(ann), [4, 3])
          })
        )

        on.effect("record nothing when none has an event", () =>
          Effect.gen(function* () {
            const [ann, bob] = [yield* fresh, yield* fresh]
            yield* move(ann, 2)
            const nothing = [
              CommandCall.make(aggregate, ann, deposit(0)),
              CommandCall.make(aggregate, bob, deposit(0))
            ]
            const [last] = yield* recorded(aggregate, ann)
            const answers = yield* together(nothing, yield* freshCommandId)
            assert.deepStrictEqual(
              answers.map(({ position, revision }) => [Number(revision), position]),
              [
                [1, last?.position],
                [0, 0n]
              ]
            )
            assert.deepStrictEqual(yield* together([]), [])
          })
        )

        on.effect("let concurrent transfers to and fro end, beside single commands", () =>
          Effect.gen(function* () {
            const ids = [yield* fresh, yield* fresh, yield* fresh]
            for (const id of ids) yield* move(id, 20)
            const pairs = ids.flatMap((from) =>
              ids.filter((to) => to !== from).map((to) => [from, to] as const)
            )
            yield* Effect.all(
              [
                ...pairs.flatMap(([from, to]) => [
                  together(transfer(from, to, 2)),
                  together(transfer(from, to, 1))
                ]),
                ...ids.flatMap((id) => [move(id, 5), move(id, -5)])
              ],
              { concurrency: "unbounded" }
            )
            for (const id of ids) {
              assert.deepStrictEqual((yield* balance(id))[1], 20)
            }
          })
        )
      })
    }

    const plain = Layer.fresh(CommandHandler.layer)
    const cached = caching(10)

    it.effect("Commands together are decided again on the events that came in between", () =>
      Effect.gen(function* () {
        const [ann, bob] = [yield* fresh, yield* fresh]
        const context = yield* Effect.context<EventStore>()
        const elsewhere = <A, E2>(effect: Effect.Effect<A, E2, CommandHandler>) =>
          effect.pipe(Effect.provide(plain), Effect.provide(context))
        const raced = (
          rival: Effect.Effect<void, unknown, CommandHandler>,
          handler: typeof plain
        ) =>
          together(transfer(ann, bob, 3)).pipe(
            Effect.provide(handler.pipe(Layer.provide(racedBy(elsewhere(rival)))))
          )
        yield* elsewhere(move(ann, 20))
        for (const handler of [plain, cached]) {
          yield* raced(Effect.andThen(move(ann, -4), move(bob, 1)), handler)
        }
        assert.deepStrictEqual(yield* elsewhere(balance(ann)), [5, 6])
        assert.deepStrictEqual(yield* elsewhere(balance(bob)), [4, 8])
        const error = yield* Effect.flip(raced(move(ann, -4), plain))
        assert.strictEqual(error._tag, "CommandRejected")
        assert.deepStrictEqual(yield* elsewhere(balance(bob)), [4, 8])
      })
    )

    for (const [what, handler] of Object.entries({ plain, cached })) {
      it.effect(`Commands together check the streams that they only read, ${what}`, () =>
        Effect.gen(function* () {
          const [ann, bob, hall] = [yield* fresh, yield* fresh, yield* fresh]
          const context = yield* Effect.context<EventStore>()
          yield* move(ann, 10).pipe(Effect.provide(plain))
          // Freeing a free seat is accepted and records nothing, until it is taken.
          const book = CommandCall.make(Hall.aggregate, hall, {
            _tag: "Book",
            seat: 2,
            guest: "Bo"
          })
          const free = CommandCall.make(Hall.aggregate, hall, { _tag: "Free", seat: 2 })
          const rival = together([book]).pipe(Effect.provide(plain), Effect.provide(context))
          const answers = yield* together([...transfer(ann, bob, 3), free]).pipe(
            Effect.provide(handler.pipe(Layer.provide(racedBy(rival))))
          )
          assert.deepStrictEqual(answers[2]?.events, [{ _tag: "SeatFreed", seat: 2 }])
          assert.deepStrictEqual(
            (yield* recorded(Hall.aggregate, hall)).map(({ type }) => type),
            ["SeatBooked", "SeatFreed"]
          )
        })
      )
    }

    it.effect("Commands together count once when the first answer is lost", () =>
      Effect.gen(function* () {
        const [ann, bob] = [yield* fresh, yield* fresh]
        const commandId = yield* freshCommandId
        yield* move(ann, 10)
        const error = yield* Effect.flip(together(transfer(ann, bob, 6), commandId))
        assert.instanceOf(error, EventStoreError)
        const answers = yield* together(transfer(ann, bob, 6), commandId)
        assert.deepStrictEqual(
          answers.map(({ repeated, state }) => [state.balance, repeated]),
          [
            [4, true],
            [6, true]
          ]
        )
      }).pipe(Effect.provide(cached.pipe(Layer.provide(losingAnswer))))
    )

    it.effect("Commands together give up after as many lost races as are allowed", () =>
      Effect.gen(function* () {
        const [ann, bob] = [yield* fresh, yield* fresh]
        const context = yield* Effect.context<EventStore>()
        const always = decorated(
          (store) => (appends) =>
            Effect.andThen(
              Effect.orDie(move(bob, 1).pipe(Effect.provide(plain), Effect.provide(context))),
              store.appendAll(appends)
            )
        )
        yield* move(ann, 10).pipe(Effect.provide(plain))
        const error = yield* Effect.flip(
          together(transfer(ann, bob, 6)).pipe(
            Effect.provideService(MaxAttempts, 3),
            Effect.provide(plain.pipe(Layer.provide(always)))
          )
        )
        assert.instanceOf(error, WrongExpectedRevision)
        assert.deepStrictEqual(yield* balance(ann).pipe(Effect.provide(plain)), [1, 10])
        assert.deepStrictEqual(yield* balance(bob).pipe(Effect.provide(plain)), [3, 3])
      })
    )

    it.effect("Commands together refuse two aggregates of one stream", () =>
      Effect.gen(function* () {
        const ann = yield* fresh
        const error = yield* Effect.flip(
          together([
            CommandCall.make(aggregate, ann, deposit(1)),
            CommandCall.make({ ...aggregate }, ann, deposit(1))
          ])
        )
        assert.deepStrictEqual(
          error,
          new AppendRefused({ streamId: `account-${ann}`, reason: { _tag: "RepeatedStream" } })
        )
        assert.deepStrictEqual(yield* balance(ann), [0, 0])
        const invalid = yield* Effect.flip(together([CommandCall.make(aggregate, "", deposit(1))]))
        assert.strictEqual(invalid._tag, "InvalidStreamId")
      }).pipe(Effect.provide(plain))
    )
  })
