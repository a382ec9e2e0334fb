/**
 * Laws of single streams and of instants in a store, as programs: each dies with an assertion error
 * when the store in its context breaks it.
 *
 * 1. {@link followerSeesStreamWhole}: a follower of a stream sees its revisions 1..n, each once,
 *    and no event of another stream.
 * 2. {@link streamsAgreeWithLog}: the listed streams and their facts agree with the events of the
 *    log.
 * 3. {@link instantsCutLog}: no event up to the position as of an instant is later than the
 *    instant, and the next event is.
 *
 * Each uses fresh streams, so the store may hold other events and receive more meanwhile.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { EventStore } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import type { StreamFacts } from "@daybook/store/StreamFacts"
import { assert } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Law } from "./EventStoreLaws.ts"
import {
  fill,
  freshCategory,
  ids,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  revision,
  revisions,
  second,
  streamOf
} from "./internal/contracts/eventStore/fixture.ts"

/**
 * Followers of a stream that start before, during and after its appends, and that resume at a
 * revision or at the position of a page, see it whole.
 *
 * @category laws
 * @since 0.1.0
 */
export const followerSeesStreamWhole: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  // One name is a prefix of the other.
  const [streamId, other] = [streamOf(category, "1"), streamOf(category, "10")]
  const write = Effect.gen(function* () {
    for (let n = 0; n < 25; n++) {
      yield* store.append({ streamId, expected: any, events: newEvents(1 + (n % 3)) })
      yield* store.append({ streamId: other, expected: any, events: newEvents(1) })
      yield* Effect.yieldNow
    }
    yield* store.append({ streamId, expected: any, events: [newEvent({ type: "End" })] })
  })
  const follow = (pagesAtOnce: number, by: "revision" | "position") =>
    Effect.gen(function* () {
      const seen: Array<RecordedEvent> = []
      let after = Position.start
      while (seen.at(-1)?.type !== "End") {
        const from =
          by === "position" ? { after } : { afterRevision: seen.at(-1)?.revision ?? revision(0) }
        const pages = store.subscribePages({ streamId, ...from }).pipe(
          Stream.filter(({ events }) => events.length > 0),
          Stream.take(pagesAtOnce),
          Stream.takeUntil(({ events }) => events.at(-1)?.type === "End")
        )
        yield* Stream.runForEach(pages, ({ events, position }) =>
          Effect.sync(() => {
            seen.push(...events)
            after = position
          })
        )
      }
      return seen
    })
  const early = yield* Effect.forEach([1, 3, 1_000], (pages) =>
    Effect.forkChild(follow(pages, "revision"))
  )
  const writer = yield* Effect.forkChild(write)
  const during = yield* Effect.forkChild(follow(2, "position"))
  yield* Fiber.join(writer)
  const late = yield* Effect.forkChild(follow(1, "position"))
  const all = yield* readStream(streamId)
  for (const follower of [...early, during, late]) {
    const seen = yield* Fiber.join(follower)
    assert.deepStrictEqual<ReadonlyArray<number>>(
      revisions(seen),
      Arr.range(1, 50),
      "a follower sees each revision once, in order"
    )
    assert.deepStrictEqual(ids(seen), ids(all), "a follower sees the events of its stream")
  }
})

const comparable = ({ occurredAt, recordedAt, ...facts }: StreamFacts) => ({
  ...facts,
  occurredAt: DateTime.toEpochMillis(occurredAt),
  recordedAt: DateTime.toEpochMillis(recordedAt)
})

/**
 * Each stream of a category is listed once, in order, with the facts of its last event: in one
 * list, in pages, and alone.
 *
 * @category laws
 * @since 0.1.0
 */
export const streamsAgreeWithLog: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  for (const [id, seconds] of [
    ["b", [1, 9, 3]],
    ["a", [2]],
    ["a-1", [7, 4]],
    ["c", [5]],
    ["a", [8, 6]]
  ] as const) {
    yield* fill(
      streamOf(category, id),
      seconds.map((n) => newEvent({ occurredAt: second(n) }))
    )
  }
  const events = yield* readCategories(9, category)
  const last = new Map(events.map((event) => [event.streamId, event]))
  const expected = ["a", "a-1", "b", "c"].map((id) => {
    const event = last.get(streamOf(category, id)) ?? assert.fail(`no event of ${id}`)
    const { occurredAt, position, recordedAt, revision, streamId } = event
    return comparable({ streamId, revision, position, occurredAt, recordedAt })
  })
  const listed = yield* Stream.runCollect(store.streams({ category }))
  assert.deepStrictEqual(listed.map(comparable), expected, "streams are listed as the log has them")
  const paged: Array<StreamFacts> = []
  for (;;) {
    const after = paged.at(-1)?.streamId
    const page = yield* Stream.runCollect(store.streams({ category, after, limit: 1 }))
    if (page.length === 0 || paged.length > expected.length) break
    paged.push(...page)
  }
  assert.deepStrictEqual(paged.map(comparable), expected, "pages of streams are those of the list")
  for (const facts of expected) {
    const found = yield* store.stream(facts.streamId)
    assert.deepStrictEqual(
      found._tag === "Some" ? comparable(found.value) : undefined,
      facts,
      "a stream is as it is listed"
    )
  }
})

/**
 * The position as of the time of any event lies just before the first later event, or is the head
 * when there is none.
 *
 * @category laws
 * @since 0.1.0
 */
export const instantsCutLog: Law = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  for (let n = 0; n < 5; n++) yield* fill(streamOf(category, `${n % 2}`), newEvents(1 + n))
  const own = yield* readCategories(15, category)
  const millis = own.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
  // Starts before the first own event, so that older events of the log are not read each time.
  const after = Position.make(Arr.getUnsafe(own, 0).position - 1n)
  for (const instant of new Set(millis.flatMap((one) => [one - 1, one]))) {
    const recordedAt = DateTime.makeUnsafe(instant)
    const position = yield* store.positionAt({ recordedAt })
    const prefix = yield* Stream.runCollect(store.readAll({ after, upTo: position }))
    assert.isTrue(
      prefix.every((event) => DateTime.toEpochMillis(event.recordedAt) <= instant),
      "nothing up to the position is later"
    )
    const [next] = yield* Stream.runCollect(
      store.readAll({ after: position > after ? position : after, limit: 1 })
    )
    assert.isTrue(
      next === undefined || DateTime.toEpochMillis(next.recordedAt) > instant,
      "what comes after the position is later"
    )
    const bounded = yield* Stream.runCollect(
      store.readAll({ after, recordedAt: { upTo: recordedAt } })
    )
    assert.deepStrictEqual(ids(bounded), ids(prefix), "a reading up to an instant ends there")
  }
})
