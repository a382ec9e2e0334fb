/**
 * The memory and the size of answers over large events.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { StreamEvents } from "../src/StreamAnswer.ts"
import { inspected, memory, seen } from "./inspected.ts"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** A store that counts how many of its events are still held when a read of it ends. */
const counting = () => {
  const held: Array<number> = []
  const watched = <E>(events: Stream.Stream<RecordedEvent, E>): Stream.Stream<RecordedEvent, E> =>
    Stream.suspend(() => {
      const read: Array<WeakRef<RecordedEvent>> = []
      return events.pipe(
        Stream.rechunk(50),
        Stream.map((event) => {
          const copy = { ...event }
          read.push(new WeakRef(copy))
          return copy
        }),
        Stream.ensuring(
          // A reference that was made in this turn of the event loop is not collected in it.
          Effect.promise(() => new Promise(setImmediate)).pipe(
            Effect.andThen(
              Effect.sync(() => {
                collect()
                held.push(read.filter((one) => one.deref() !== undefined).length)
              })
            )
          )
        )
      )
    })
  const layer = Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) =>
      EventStore.of({
        ...store,
        read: (id, options) => watched(store.read(id, options)),
        readAll: (options) => watched(store.readAll(options))
      })
    )
  )
  return { held, services: Layer.provideMerge(layer, memory) }
}

const params = { streamId: StreamId.StreamId.make("order-long") }

describe("an answer", () => {
  it.live("holds no event that was read for it", () =>
    Effect.gen(function* () {
      const { held, services } = counting()
      const { client, inside } = yield* inspected(services)
      const metadata = { correlationId: "c" }
      const positions = yield* inside(seen("long", { count: 3_000, metadata }))
      const outline = yield* client.streams.outline({ params, query: {} })
      assert.lengthOf(outline.events, 3_000)
      const near = positions[1_500] ?? Position.start
      const trail = yield* client.log.trail({ query: { correlation: "c", near } })
      assert.lengthOf(trail.events, 500)
      assert.lengthOf((yield* client.log.page({ query: { limit: 200 } })).events, 200)
      const events = yield* client.streams.events({ params, query: { limit: 200 } })
      assert.lengthOf(events.events, 200)
      // The array of the stream that was emitted last, and the one before it.
      assert.isAtLeast(held.length, 5)
      for (const count of held) assert.isAtMost(count, 100)
    })
  )

  it.effect("about the events of a stream ends after so many bytes of data", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* inspected()
      yield* inside(seen("long", { count: 12, text: "x".repeat(900_000), at: 1 }))
      const revisions: Array<number> = []
      let from: Revision.Revision | undefined = Revision.make(1)
      while (from !== undefined) {
        const page: StreamEvents = yield* client.streams.events({
          params,
          query: { data: true, from }
        })
        assert.isAtMost(page.events.length, 5)
        revisions.push(...page.events.map(({ revision }) => revision))
        from = page.next
      }
      assert.deepStrictEqual(
        revisions,
        Array.from({ length: 12 }, (_, place) => place + 1)
      )
      const without = yield* client.streams.events({ params, query: {} })
      assert.lengthOf(without.events, 12)
    })
  )
})
