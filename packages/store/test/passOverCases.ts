/**
 * Readers pass over an event, on any store: it keeps its place in its stream and in the log, and
 * means nothing.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { AppendRefused, EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import type * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { PassOverRefused } from "@daybook/store/PostgresPassOver"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { aggregate, deposit } from "./Account.ts"

/** Makes readers of a test's log pass over an event. */
export class PassOvers extends Context.Service<
  PassOvers,
  { readonly passOver: EventStoreMemory.PassOver }
>()("@daybook/store/test/PassOvers") {}

const uuid = () => SecureRandom.uuidV4Unsafe()

const newEvent = (type: string, data: { readonly amount: number }) => ({
  id: EventId.make(uuid()),
  type,
  schemaVersion: 1,
  data,
  metadata: { actor: "ann" },
  occurredAt: DateTime.makeUnsafe(0)
})

/** A stream of three deposits; no codec knows the middle one. */
const filled = Effect.gen(function* () {
  const store = yield* EventStore
  const key = uuid()
  const streamId = StreamId.StreamId.make(`account-${key}`)
  const { position: after } = yield* store.checkpoint
  const events = [
    newEvent("Deposited", { amount: 1 }),
    newEvent("Mislaid", { amount: 2 }),
    newEvent("Deposited", { amount: 4 })
  ] as const
  for (const event of events) {
    yield* store.append({ streamId, expected: ExpectedRevision.any, events: [event] })
  }
  const recorded = yield* Stream.runCollect(store.read(streamId))
  const [, middle] = recorded
  if (middle === undefined) return assert.fail("no event")
  const given = { position: middle.position, eventId: middle.id, actor: "ann", reason: "a typo" }
  return { key, streamId, after, events, recorded, middle, given }
})

export const cases = <E>(name: string, stores: Layer.Layer<EventStore | PassOvers, E>): void => {
  const all = CommandHandler.layer.pipe(Layer.provideMerge(stores))
  layer(all, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("gives every reader the event without its type and data, in its place", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const { after, given, middle, recorded, streamId } = yield* filled
        yield* (yield* PassOvers).passOver(given)
        const passed = {
          ...middle,
          type: "daybook.passed-over",
          schemaVersion: 1,
          data: {},
          metadata: {}
        }
        const expected = [recorded[0], passed, recorded[2]]
        const categories = [StreamId.category(streamId)]
        const readers = [
          store.read(streamId),
          store.readAll({ after }),
          store.readAll({ after, categories }),
          Stream.take(store.subscribe({ after }), 3),
          Stream.take(store.subscribe({ after, categories }), 3),
          Stream.take(store.subscribe({ streamId }), 3)
        ]
        for (const events of readers) {
          assert.deepStrictEqual(yield* Stream.runCollect(events), expected)
        }
        for (const events of [
          store.read(streamId, { direction: "backward" }),
          store.readAll({ after, direction: "backward" })
        ]) {
          assert.deepStrictEqual(yield* Stream.runCollect(events), expected.toReversed())
        }
      })
    )

    it.effect("leaves the event out for readers of types, its own included", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const { after, given, streamId } = yield* filled
        yield* (yield* PassOvers).passOver(given)
        const types = ["Mislaid", "Deposited", "daybook.passed-over"]
        for (const events of [
          store.read(streamId, { types }),
          store.readAll({ after, types }),
          Stream.take(store.subscribe({ after, types }), 2),
          Stream.take(store.subscribe({ streamId, types }), 2)
        ]) {
          const read = yield* Stream.runCollect(events)
          assert.deepStrictEqual(
            read.map(({ revision, type }) => [Number(revision), type]),
            [
              [1, "Deposited"],
              [3, "Deposited"]
            ]
          )
        }
        assert.strictEqual((yield* store.backlog({ streamId, types })).events, 2)
        assert.strictEqual((yield* store.backlog({ after, types: ["Mislaid"] })).events, 0)
        assert.strictEqual((yield* store.backlog({ streamId })).events, 3)
      })
    )

    it.effect("lets commands on the stream fold past the event, and counts its revision", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const { given, key } = yield* filled
        const stopped = yield* Effect.flip(handler.execute(aggregate, key, deposit(8)))
        assert.strictEqual(stopped._tag, "EventDecodeError")
        yield* (yield* PassOvers).passOver(given)
        const { revision, state } = yield* handler.execute(aggregate, key, deposit(8))
        assert.deepStrictEqual([Number(revision), state], [4, { balance: 13 }])
      })
    )

    it.effect("lets commands go on where it is the last event of its stream", () =>
      Effect.gen(function* () {
        const [store, handler] = [yield* EventStore, yield* CommandHandler]
        const { key, streamId } = yield* filled
        const lost = newEvent("Mislaid", { amount: 16 })
        const { position } = yield* store.append({
          streamId,
          expected: ExpectedRevision.any,
          events: [lost]
        })
        const { passOver } = yield* PassOvers
        const [, middle] = yield* Stream.runCollect(store.read(streamId))
        if (middle === undefined) return assert.fail("no event")
        const why = { actor: "ann", reason: "a typo" }
        yield* passOver({ ...why, position: middle.position, eventId: middle.id })
        yield* passOver({ ...why, position, eventId: lost.id })
        const { revision, state } = yield* handler.execute(aggregate, key, deposit(8))
        assert.deepStrictEqual([Number(revision), state], [5, { balance: 13 }])
      })
    )

    it.effect(
      "shows the event as passed over in a conflict, and answers its append as before",
      () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const { events, given, middle, streamId } = yield* filled
          yield* (yield* PassOvers).passOver(given)
          const conflict = yield* Effect.flip(
            store.append({
              streamId,
              expected: ExpectedRevision.noStream,
              events: [newEvent("Deposited", { amount: 1 })]
            })
          )
          if (!(conflict instanceof WrongExpectedRevision)) return assert.fail(String(conflict))
          assert.deepStrictEqual(
            conflict.between.map(({ data, type }) => [type, data]),
            [
              ["Deposited", { amount: 1 }],
              ["daybook.passed-over", {}],
              ["Deposited", { amount: 4 }]
            ]
          )
          const again = { streamId, expected: ExpectedRevision.any, events: [events[1]] } as const
          assert.deepStrictEqual(yield* store.append(again), {
            revision: middle.revision,
            position: middle.position,
            recordedAt: middle.recordedAt,
            repeated: true
          })
        })
    )

    it.effect("changes nothing when it is repeated, and is refused for what is not there", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const { passOver } = yield* PassOvers
        const { given, recorded, streamId } = yield* filled
        const other = EventId.make(uuid())
        const far = Position.make(9_000_000_000_000n)
        for (const [change, reason] of [
          [{ eventId: other }, { _tag: "OtherEvent", given: other, found: given.eventId }],
          [{ position: far }, { _tag: "NoEvent" }],
          [{ actor: " " }, { _tag: "InvalidWhy", field: "actor", issue: "it is blank" }],
          [{ reason: "a\0" }, { _tag: "InvalidWhy", field: "reason", issue: "it has U+0000" }]
        ] as const) {
          const refused = yield* Effect.flip(passOver({ ...given, ...change }))
          assert.instanceOf(refused, PassOverRefused)
          assert.deepInclude(refused.reason, reason)
        }
        assert.deepStrictEqual(yield* Stream.runCollect(store.read(streamId)), recorded)
        yield* passOver(given)
        const passed = yield* Stream.runCollect(store.read(streamId))
        yield* passOver({ ...given, reason: "another" })
        assert.deepStrictEqual(yield* Stream.runCollect(store.read(streamId)), passed)
      })
    )

    it.effect("takes no event of the type that stands for those passed over", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const { streamId } = yield* filled
        const refused = yield* Effect.flip(
          store.append({
            streamId,
            expected: ExpectedRevision.any,
            events: [newEvent("daybook.passed-over", { amount: 1 })]
          })
        )
        if (!(refused instanceof AppendRefused)) return assert.fail(String(refused))
        assert.strictEqual(refused.reason._tag, "InvalidField")
      })
    )
  })
}
