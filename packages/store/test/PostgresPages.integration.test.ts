/**
 * The part of a log that a reader holds at a time, however large its events are.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, MAX_DATA_BYTES } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { PAGE_BYTES, PAGE_ROWS, pageSize } from "../src/internal/postgres/log/pageSize.ts"
import { embedded, server } from "./postgresLayers.ts"

const event = (data: string): NewEvent => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data,
  metadata: { custom: { note: "kept" } },
  occurredAt: DateTime.makeUnsafe(0)
})

/** A text that the database can't compress. */
const incompressible = (length: number): string =>
  Array.from({ length: Math.ceil(length / 32) }, () =>
    SecureRandom.uuidV4Unsafe().replaceAll("-", "")
  )
    .join("")
    .slice(0, length)

// The quotes take two bytes.
const LARGEST = MAX_DATA_BYTES - 2

/** 20 MiB in 350 events: runs of small ones, of large ones, and both mixed. */
const events: ReadonlyArray<NewEvent> = [
  ...Arr.makeBy(200, () => event("small")),
  ...Arr.makeBy(4, () => event("x".repeat(LARGEST))),
  ...Arr.makeBy(10, () => event(incompressible(LARGEST))),
  ...Arr.makeBy(100, (n) => event(n % 20 === 0 ? incompressible(90_000) : "small")),
  ...Arr.makeBy(36, (n) => event(n % 9 === 0 ? "y".repeat(LARGEST) : incompressible(20_000)))
]

const fill = (store: EventStore["Service"], streamId: StreamId.StreamId) =>
  Effect.forEach(
    // At most 16 MiB per append.
    Arr.chunksOf(events, 10),
    (some) =>
      Arr.isReadonlyArrayNonEmpty(some)
        ? store.append({ streamId, expected: ExpectedRevision.any, events: some })
        : Effect.void,
    { discard: true }
  )

const bytes = (read: ReadonlyArray<RecordedEvent>) =>
  read.reduce(
    (sum, { data, metadata }) =>
      sum + Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata)),
    0
  )

/** Fails unless the pages hold the events, whole and in order, and no page holds too much. */
const look = (pages: ReadonlyArray<ReadonlyArray<RecordedEvent>>, expected = events) => {
  for (const page of pages) {
    assert.isAtMost(page.length, PAGE_ROWS)
    assert.isAtMost(bytes(page), PAGE_BYTES)
  }
  const read = pages.flat()
  assert.strictEqual(read.length, expected.length)
  for (const [index, { data, id, metadata }] of read.entries()) {
    const before = expected[index]
    assert.strictEqual(id, before?.id)
    // Compared by hand: a diff of a megabyte makes no readable message.
    assert.isTrue(data === before?.data, `the data of event ${index} differs`)
    assert.deepStrictEqual(metadata, before?.metadata)
  }
}

const cases = <R, E>(name: string, stores: Layer.Layer<EventStore | R, E>) => {
  layer(stores, { timeout: 120_000, excludeTestServices: true })(
    `A page of a log ${name}`,
    (on) => {
      on.effect("holds no more than its bytes, and leaves nothing out", () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const category = StreamId.Category.make("note")
          const one = yield* Effect.fromResult(StreamId.make(category, "one"))
          const two = yield* Effect.fromResult(StreamId.make(category, "two"))
          yield* fill(store, one)
          const backward = { direction: "backward" } as const
          const reversed = events.toReversed()
          const chunks = <E>(stream: Stream.Stream<RecordedEvent, E>) =>
            Stream.runCollect(Stream.chunks(stream))
          look(yield* chunks(store.read(one)))
          look(yield* chunks(store.read(one, backward)), reversed)
          look(yield* chunks(store.read(one, { limit: 210 })), events.slice(0, 210))
          look(yield* chunks(store.readAll()))
          look(yield* chunks(store.readAll(backward)), reversed)
          let seen = 0
          const pages = yield* store.subscribePages().pipe(
            Stream.takeUntil((page) => (seen += page.events.length) === events.length),
            Stream.runCollect
          )
          look(pages.map((page) => page.events))

          // Streams that are asked for at once are read together.
          yield* store.append({
            streamId: two,
            expected: ExpectedRevision.any,
            events: [event(incompressible(LARGEST)), event("small")]
          })
          const together = yield* Effect.all(
            [one, two, one].map((streamId) => chunks(store.read(streamId))),
            { concurrency: "unbounded" }
          )
          for (const index of [0, 2]) look(together[index] ?? [])
          assert.deepStrictEqual(
            together[1]?.flat().map(({ revision }) => Number(revision)),
            [1, 2]
          )
        })
      )
    }
  )
}

cases("on a server", server)
cases("embedded", embedded)

it("the size of a page is bounded in rows and in bytes, and takes at least one event", () => {
  for (const largest of [0, 1, 100, 8_912, 8_913, 20_000, PAGE_BYTES, PAGE_BYTES + 1]) {
    const { bytes: most, rows } = pageSize(largest)
    assert.isAtLeast(rows, 1)
    assert.isAtMost(rows, PAGE_ROWS)
    assert.isAtLeast(most, largest)
    assert.isAtMost(rows * most, Math.max(PAGE_BYTES, largest))
  }
})
