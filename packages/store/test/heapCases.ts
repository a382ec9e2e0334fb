/**
 * A process retains nothing of the events that went through it, on any store.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { keepsNothing } from "./heap.ts"

const EVENTS = 1_000
const TIMES = 200
const amount = { items: EVENTS, times: TIMES }

const newEvent = () => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: { text: "x".repeat(100) },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

/** Makes a stream in a category of its own, full of events. */
const filled = Effect.gen(function* () {
  const store = yield* EventStore
  const category = StreamId.Category.make(
    `heap_${SecureRandom.uuidV4Unsafe().replaceAll("-", "_")}`
  )
  const streamId = Result.getOrThrow(StreamId.make(category, "1"))
  const events = Arr.makeBy(EVENTS, newEvent)
  yield* store.append({ streamId, expected: ExpectedRevision.noStream, events })
  return { store, category, streamId }
})

/** Programs by the method that they call; each returns a run that reads 1,000 events. */
export const reading = {
  readAll: Effect.map(filled, ({ category, store }) =>
    Stream.runCount(store.readAll({ categories: [category] }))
  ),
  read: Effect.map(filled, ({ store, streamId }) => Stream.runCount(store.read(streamId))),
  subscribe: Effect.map(filled, ({ category, store }) =>
    store.subscribe({ categories: [category] }).pipe(Stream.take(EVENTS), Stream.runCount)
  )
} as const

export const cases = <E>(name: string, store: Layer.Layer<EventStore, E>): void => {
  layer(store, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    for (const [method, program] of Object.entries(reading)) {
      it.effect(
        `keeps nothing of 200,000 events of ${method}`,
        () =>
          Effect.gen(function* () {
            const run = yield* program
            assert.strictEqual(yield* run, EVENTS)
            yield* keepsNothing(run, amount)
          }),
        120_000
      )
    }

    it.effect(
      "keeps nothing of the 200,000 events that refused appends are answered with",
      () =>
        Effect.gen(function* () {
          const { store, streamId } = yield* filled
          const append = Effect.suspend(() =>
            store.append({ streamId, expected: ExpectedRevision.noStream, events: [newEvent()] })
          )
          const refused = Effect.flip(append)
          const error = yield* refused
          assert.lengthOf(error._tag === "WrongExpectedRevision" ? error.between : [], 100)
          const tenTimes = Effect.repeat(refused, { times: 9 })
          yield* keepsNothing(tenTimes, amount)
        }),
      120_000
    )
  })
}
