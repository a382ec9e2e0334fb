/**
 * A command handler with streams that older code wrote, on any store: events in their middle become
 * three of today's, or none.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, layer } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { caching, fresh, racedBy, snapshotting } from "./handlerHarness.ts"
import { before, putIn, takenOut, today, TooMuch } from "./Purse.ts"

const minute = (minutes: number) => DateTime.makeUnsafe(minutes * 60_000)

const exchange = { _tag: "Changed", out: 40, in: 70, fee: 1 } as const

/**
 * A purse with 100 pence, then 129 by an exchange, then a count, then 134: four events, a minute
 * apart.
 */
const oldPurse = Effect.gen(function* () {
  const handler = yield* CommandHandler
  const id = yield* fresh
  const commands = [
    { _tag: "PutIn", pounds: 1 },
    exchange,
    { _tag: "Counted" },
    { _tag: "PutIn", pounds: 0.05 }
  ] as const
  for (const [index, command] of commands.entries()) {
    yield* handler.execute(before, id, command, { occurredAt: minute(index + 1) })
  }
  return id
})

const loaded = (id: string) =>
  Effect.gen(function* () {
    const { revision, state } = yield* (yield* CommandHandler).load(today, id)
    return [Number(revision), state]
  })

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | SnapshotStore, E>
): void => {
  casesWith(name, stores, CommandHandler.layer)
  casesWith(`${name}, with snapshots`, stores, snapshotting(SnapshotPolicy.every(1)))
  casesWith(`${name}, with cached states`, stores, caching(100))
}

const casesWith = <E>(
  name: string,
  stores: Layer.Layer<EventStore | SnapshotStore, E>,
  handler: Layer.Layer<CommandHandler, never, EventStore | SnapshotStore>
): void =>
  layer(handler.pipe(Layer.provideMerge(stores)), { timeout: 60_000 })(name, (it) => {
    it.effect("counts revisions as they are stored, whatever an event stands for", () =>
      Effect.gen(function* () {
        const purses = yield* CommandHandler
        const id = yield* oldPurse
        assert.deepStrictEqual(yield* loaded(id), [4, 134])
        const taken = yield* purses.execute(today, id, takenOut(134))
        assert.deepStrictEqual([Number(taken.revision), taken.state], [5, 0])
        const refused = yield* Effect.flip(purses.execute(today, id, takenOut(1)))
        assert.deepStrictEqual(refused, new TooMuch({ balance: 0 }))
        assert.deepStrictEqual(yield* loaded(id), [5, 0])
      })
    )

    it.effect("looks at the past before and after events that were split or dropped", () =>
      Effect.gen(function* () {
        const purses = yield* CommandHandler
        const id = yield* oldPurse
        const states = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (revision) =>
          purses.loadAt(today, id, { revision: Revision.make(revision) })
        )
        assert.deepStrictEqual(
          states.map(({ revision, state }) => [Number(revision), state]),
          [
            [0, 0],
            [1, 100],
            [2, 129],
            [3, 129],
            [4, 134],
            [4, 134]
          ]
        )
        const then = yield* Effect.forEach([0.5, 1.5, 2, 3.5, 9], (minutes) =>
          purses.loadAt(today, id, { occurredAt: minute(minutes) })
        )
        assert.deepStrictEqual(
          then.map(({ revision, state }) => [Number(revision), state]),
          [
            [0, 0],
            [1, 100],
            [2, 129],
            [3, 129],
            [4, 134]
          ]
        )
      })
    )

    it.effect("returns the history as events of today, each beside its stored event", () =>
      Effect.gen(function* () {
        const id = yield* oldPurse
        yield* (yield* CommandHandler).execute(today, id, putIn(6))
        const history = yield* Stream.runCollect((yield* CommandHandler).history(today, id))
        assert.deepStrictEqual(
          history.map(({ event, index, recorded, state }) => [
            Number(recorded.revision),
            index,
            event,
            state
          ]),
          [
            [1, 0, putIn(100), 100],
            [2, 0, takenOut(40), 60],
            [2, 1, putIn(70), 130],
            [2, 2, takenOut(1), 129],
            [4, 0, putIn(5), 134],
            [5, 0, putIn(6), 140]
          ]
        )
        // Lazy handling: a reader that knows both forms reads the stored one.
        const pence = history.map(({ recorded: { data, schemaVersion, type } }) => [
          type,
          schemaVersion,
          data
        ])
        assert.deepStrictEqual(pence[1], ["Changed", 1, { out: 40, in: 70, fee: 1 }])
        assert.deepStrictEqual(pence[4], ["PutIn", 1, { pounds: 0.05 }])
        assert.deepStrictEqual(pence[5], ["PutIn", 2, { pence: 6 }])
      })
    )

    it.effect(
      "reads on after the position of an event that was split, and never in its middle",
      () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const id = yield* oldPurse
          const streamId = yield* Effect.fromResult(StreamId.make(today.category, id))
          const events = yield* Stream.runCollect(store.read(streamId))
          const checkpoint = events[1]?.position
          const after = yield* Stream.runCollect(
            store
              .readAll({ after: checkpoint, categories: [today.category] })
              .pipe(Stream.filter((event) => event.streamId === streamId))
          )
          assert.deepStrictEqual(
            after.map(({ revision }) => Number(revision)),
            [3, 4]
          )
        })
    )

    it.effect("decides again on what older code recorded in between", () =>
      Effect.gen(function* () {
        const purses = yield* CommandHandler
        const id = yield* oldPurse
        const older = Effect.andThen(
          purses.execute(before, id, exchange),
          purses.execute(before, id, { _tag: "Counted" })
        )
        const raced = Layer.fresh(handler).pipe(Layer.provide(racedBy(older)))
        const taken = yield* Effect.flatMap(CommandHandler, (here) =>
          here.execute(today, id, takenOut(100))
        ).pipe(Effect.provide(raced))
        assert.deepStrictEqual([Number(taken.revision), taken.state], [7, 63])
        assert.deepStrictEqual(yield* loaded(id), [7, 63])
      })
    )

    it.effect("knows a command that older code executed by what its event stands for today", () =>
      Effect.gen(function* () {
        const purses = yield* CommandHandler
        const id = yield* oldPurse
        const commandId = CommandId.make(yield* fresh)
        yield* purses.execute(before, id, exchange, { commandId })
        yield* purses.execute(today, id, putIn(1))
        const again = yield* purses.execute(today, id, takenOut(1_000), { commandId })
        assert.deepStrictEqual(
          [Number(again.revision), again.state, again.events, again.repeated],
          [5, 163, [takenOut(40), putIn(70), takenOut(1)], true]
        )
        assert.deepStrictEqual(yield* loaded(id), [6, 164])
      })
    )

    it.effect(
      "stops older code at what newer code wrote, with the address, and writes nothing",
      () =>
        Effect.gen(function* () {
          const purses = yield* CommandHandler
          const id = yield* oldPurse
          yield* purses.execute(today, id, putIn(6))
          const newer = yield* Effect.flip(purses.execute(before, id, exchange))
          assert.deepInclude(newer, { _tag: "EventDecodeError", type: "PutIn", schemaVersion: 2 })
          assert.include(newer.message, `at revision 5 of purse-${id}`)
          assert.include(newer.message, "the newest known schema version is 1")
          assert.deepStrictEqual(yield* loaded(id), [5, 140])

          const other = yield* oldPurse
          yield* purses.execute(today, other, takenOut(6))
          const unknown = yield* Effect.flip(purses.load(before, other))
          assert.include(unknown.message, "the type is not one of PutIn, Changed, Counted")
        })
    )

    it.effect("hands on what it can't read where its codec says so", () =>
      Effect.gen(function* () {
        const purses = yield* CommandHandler
        const id = yield* oldPurse
        yield* purses.execute(today, id, takenOut(4))
        const viewer = {
          ...before,
          codec: EventCodec.orElse(before.codec, ({ data, type }, reason) =>
            type === "TakenOut" &&
            reason._tag === "UnknownType" &&
            Predicate.hasProperty(data, "pence") &&
            data.pence === 4
              ? [{ _tag: "PutIn", pounds: 10 }]
              : []
          )
        }
        assert.strictEqual((yield* purses.load(viewer, id)).state, 1_134)
      })
    )
  })
