/**
 * An event that is an input of two processes, since a later version of the code split it.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const Note = Schema.TaggedUnion({ Noted: { to: Schema.String, n: Schema.Int } })
const Both = Schema.Struct({ one: Schema.String, other: Schema.String, n: Schema.Int })

const notes = {
  category: StreamId.Category.make("note"),
  codec: EventCodec.make({
    name: "note",
    events: Note,
    past: {
      NotedBoth: Upcaster.from(Both).into(({ n, one, other }) => [
        Note.cases.Noted.make({ to: one, n }),
        Note.cases.Noted.make({ to: other, n })
      ])
    }
  })
}

const process = ProcessManager.define({
  name: "reader",
  from: [notes],
  events: EventCodec.make({
    name: "reader",
    events: Schema.TaggedUnion({ Saw: { n: Schema.Int } })
  }),
  state: Schema.Int,
  commands: {},
  timers: []
}).make({
  initialState: 0,
  correlate: ({ n, to }) => (n === 0 ? { start: to } : { continue: to }),
  evolve: (sum) => sum + 1,
  react: (_, input) => (input._tag === "Noted" ? { events: [{ _tag: "Saw", n: input.n }] } : {})
})

/** Appends each event to a stream of its own. */
const append = Effect.fnUntraced(function* (
  type: string,
  data: typeof Both.Type | typeof Note.Type
) {
  const events = yield* EventStore
  yield* events.append({
    streamId: StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`),
    expected: ExpectedRevision.any,
    events: [
      {
        id: EventId.make(SecureRandom.uuidV4Unsafe()),
        type,
        schemaVersion: 1,
        data: { ...data },
        metadata: {},
        occurredAt: DateTime.makeUnsafe(0)
      }
    ]
  })
})

/** Returns the numbers that the process `id` saw, in order. */
const seenBy = Effect.fnUntraced(function* (id: string) {
  const events = yield* EventStore
  const streamId = yield* Effect.fromResult(StreamId.make(process.aggregate.category, id))
  const all = yield* Stream.runCollect(events.read(streamId, { types: ["Saw"] }))
  return all.map(({ data }) => (Predicate.hasProperty(data, "n") ? data["n"] : undefined))
})

const stores = Layer.mergeAll(
  ConsumerGroupsMemory.layer,
  ProcessTimersMemory.layer,
  Layer.effect(
    CommandHandler,
    Effect.map(CommandHandler, (handler) => ({
      ...handler,
      // The process a stands still at its first input.
      executeAll: (aggregate, id, requests, options) =>
        id === "a" ? Effect.never : handler.executeAll(aggregate, id, requests, options)
    }))
  ).pipe(Layer.provide(CommandHandler.layer))
).pipe(Layer.provideMerge(EventStoreMemory.layer))

describe("An event for two processes", () => {
  it.live("is taken by one in its order, however slow the other is", () =>
    Effect.gen(function* () {
      yield* append("Noted", { _tag: "Noted", to: "a", n: 0 })
      yield* append("Noted", { _tag: "Noted", to: "b", n: 0 })
      yield* append("NotedBoth", { one: "a", other: "b", n: 1 })
      yield* append("Noted", { _tag: "Noted", to: "b", n: 2 })
      yield* Layer.build(ProcessRunner.layer(process, { from: "beginning" }))
      const seen = yield* Effect.repeat(seenBy("b"), {
        until: (all) => all.includes(2),
        schedule: Schedule.spaced("5 millis")
      })
      assert.deepStrictEqual(seen, [0, 1, 2])
      assert.deepStrictEqual(yield* seenBy("a"), [])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
