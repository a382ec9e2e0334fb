/**
 * The log and the history that a position belongs to.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as LogId from "@daybook/kernel/LogId"
import * as Revision from "@daybook/kernel/Revision"
import * as Position from "@daybook/kernel/Position"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import { type Append, EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import {
  type Cases,
  fill,
  freshCategory,
  freshStream,
  ids,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  streamOf
} from "./fixture.ts"

const OTHER_LOG = LogId.make("00000000-0000-4000-8000-000000000000")
const OTHER_EVENT = EventMark.EventMark.make("00000000-0000-4000-8000-000000000001@0")

/**
 * Fills a category with `count` events, and returns the checkpoint of a subscription that has read
 * them.
 */
const readUpTo = Effect.fnUntraced(function* (count: number) {
  const store = yield* EventStore
  const category = freshCategory()
  yield* fill(streamOf(category, "1"), newEvents(count))
  const recorded = yield* readCategories(count, category)
  const last = Arr.getUnsafe(recorded, count - 1)
  const pages = yield* Stream.runCollect(
    Stream.takeUntil(
      store.subscribePages({ categories: [category] }),
      ({ position }) => position >= last.position
    )
  )
  const { checkpoint } = Arr.getUnsafe(pages, pages.length - 1)
  return { category, recorded, last, pages, checkpoint }
})

/** Returns the mismatch with which a subscription from `after` fails before its first event. */
const refusal = Effect.fnUntraced(function* (after: Checkpoint | Position.Position) {
  const store = yield* EventStore
  const error = yield* Effect.flip(Stream.runHead(store.subscribe({ after })))
  if (error._tag !== "CheckpointMismatch") return assert.fail(String(error))
  const verified = yield* Effect.flip(store.verify(after))
  if (verified._tag !== "CheckpointMismatch") return assert.fail(String(verified))
  assert.deepStrictEqual(verified.reason, error.reason)
  return error
})

export const originCases: Cases = {
  "every checkpoint has the id of the log, and the last event up to its position": Effect.gen(
    function* () {
      const store = yield* EventStore
      const log = yield* store.identity
      assert.isTrue(Schema.is(LogId.LogId)(log))
      assert.notStrictEqual(log, OTHER_LOG)
      const { checkpoint, last, pages } = yield* readUpTo(3)
      for (const page of pages) {
        assert.deepStrictEqual(
          [page.checkpoint.log, page.checkpoint.position],
          [log, page.position]
        )
        const before = yield* Stream.runHead(
          store.readAll({ upTo: page.position, direction: "backward", limit: 1 })
        )
        assert.strictEqual(
          page.checkpoint.event,
          Option.getOrNull(Option.map(before, EventMark.of))
        )
      }
      // Others may append to this log after the last of these events.
      if (checkpoint.event !== EventMark.of(last))
        assert.isTrue(checkpoint.position > last.position)
      assert.strictEqual(yield* store.identity, log)
    }
  ),

  "continues a subscription from each checkpoint": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, checkpoint, recorded } = yield* readUpTo(5)
    const middle = Arr.getUnsafe(recorded, 2)
    const { log } = checkpoint
    const categories = [category]
    const after: Checkpoint = { log, position: middle.position, event: EventMark.of(middle) }
    yield* store.verify(after)
    assert.deepStrictEqual(
      ids(yield* Stream.runCollect(Stream.take(store.subscribe({ after, categories }), 2))),
      ids(recorded.slice(3))
    )
    const start: Checkpoint = { log, position: Position.start, event: null }
    yield* store.verify(start)
    yield* store.verify(Position.start)
    yield* store.verify(middle.position)
    yield* store.verify(checkpoint)
    const [event] = newEvents(1)
    yield* fill(streamOf(category, "2"), [event])
    const live = store.subscribe({ after: checkpoint, categories })
    assert.deepStrictEqual(ids(yield* Stream.runCollect(Stream.take(live, 1))), [event.id])
  }),

  "returns its end as a checkpoint from which a subscription continues": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, last } = yield* readUpTo(2)
    const end = yield* store.checkpoint
    assert.isTrue(end.position >= last.position)
    assert.strictEqual(end.log, yield* store.identity)
    yield* store.verify(end)
    const [event] = newEvents(1)
    yield* fill(streamOf(category, "1"), [event])
    const live = store.subscribe({ after: end, categories: [category] })
    assert.deepStrictEqual(ids(yield* Stream.runCollect(Stream.take(live, 1))), [event.id])
  }),

  "refuses a checkpoint of another log, at any position": Effect.gen(function* () {
    const { checkpoint, last } = yield* readUpTo(1)
    for (const position of [Position.start, last.position, Position.make(2n ** 63n - 1n)]) {
      const { message, reason } = yield* refusal({ ...checkpoint, position, log: OTHER_LOG })
      assert.deepStrictEqual(reason, {
        _tag: "OtherLog",
        position,
        given: OTHER_LOG,
        log: checkpoint.log
      })
      assert.strictEqual(
        message,
        `The checkpoint does not fit: position ${position} is of log ${OTHER_LOG}, ` +
          `and this is log ${checkpoint.log}`
      )
    }
  }),

  "refuses a position that was never drawn, with or without its event": Effect.gen(function* () {
    const { checkpoint } = yield* readUpTo(1)
    const position = Position.make(2n ** 62n)
    for (const after of [position, { ...checkpoint, position }]) {
      const { reason } = yield* refusal(after)
      if (reason._tag !== "PastHead") return assert.fail(reason._tag)
      assert.deepStrictEqual([reason.position, reason.log], [position, checkpoint.log])
      assert.isTrue(reason.head >= checkpoint.position && reason.head < position)
    }
  }),

  "refuses a checkpoint whose event is another one there now, none, or recorded again": Effect.gen(
    function* () {
      const { checkpoint, recorded } = yield* readUpTo(3)
      const { log } = checkpoint
      const [first, second] = [Arr.getUnsafe(recorded, 0), Arr.getUnsafe(recorded, 1)]
      // A command that is repeated after a restore records its events under the same ids again.
      const again = EventMark.at(second.id, second.recordedAt.epochMilliseconds - 1)
      for (const given of [OTHER_EVENT, EventMark.of(first), again, null]) {
        const { reason } = yield* refusal({ log, position: second.position, event: given })
        assert.deepStrictEqual(reason, {
          _tag: "OtherEvent",
          position: second.position,
          given,
          recorded: EventMark.of(second),
          log
        })
      }
      const { reason } = yield* refusal({
        log,
        position: Position.start,
        event: EventMark.of(first)
      })
      assert.deepStrictEqual([reason._tag, reason.position], ["OtherEvent", Position.start])
    }
  ),

  "accepts an append that expects the last event, and refuses one that expects another": Effect.gen(
    function* () {
      const store = yield* EventStore
      const streamId = freshStream()
      const [one, two, three, four] = [newEvent(), newEvent(), newEvent(), newEvent()]
      yield* fill(streamId, [one, two])
      const [first, second] = (yield* readStream(streamId)).map(EventMark.of)
      const recordedBefore = EventMark.at(two.id, 0)
      const expected = ExpectedRevision.exactly(Revision.make(2))
      const append = (fields: Partial<Append>) =>
        store.append({ streamId, expected, events: [three], ...fields })
      for (const lastEvent of [OTHER_EVENT, first, recordedBefore]) {
        for (const refused of [
          yield* Effect.flip(append({ lastEvent })),
          yield* Effect.flip(
            store.appendAll({ appends: [{ streamId, expected, lastEvent, events: [three] }] })
          )
        ]) {
          const conflict = { streamId, expected, actual: Revision.make(2), between: [] }
          assert.deepStrictEqual(refused, new WrongExpectedRevision(conflict))
          assert.strictEqual(
            refused.message,
            `${streamId} is at revision 2 as expected, with another event than expected`
          )
        }
      }
      assert.lengthOf(yield* readStream(streamId), 2)
      // Other appends at the same time are checked independently.
      const others = yield* Effect.forEach(
        [
          { lastEvent: OTHER_EVENT, events: [newEvent()] },
          { streamId: freshStream(), expected: ExpectedRevision.noStream, events: [newEvent()] },
          { lastEvent: second },
          {
            streamId: freshStream(),
            expected: ExpectedRevision.any,
            events: [newEvent()]
          }
        ] satisfies ReadonlyArray<Partial<Append>>,
        (fields) => Effect.result(append(fields)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        others.map(({ _tag }) => _tag),
        ["Failure", "Success", "Success", "Success"]
      )
      // A repeated append has its first answer, whichever event it expects.
      assert.isTrue((yield* append({ lastEvent: OTHER_EVENT })).repeated)
      // The conflict lists the events in between, as long as the known event is in the stream.
      const behind = { expected, lastEvent: second, events: [four] } as const
      const conflict = yield* Effect.flip(append(behind))
      if (conflict._tag !== "WrongExpectedRevision") return assert.fail(conflict._tag)
      assert.deepStrictEqual(ids(conflict.between), [three.id])
      const foreign = yield* Effect.flip(append({ ...behind, lastEvent: OTHER_EVENT }))
      if (foreign._tag !== "WrongExpectedRevision") return assert.fail(foreign._tag)
      assert.deepStrictEqual([foreign.actual, foreign.between.length], [Revision.make(3), 0])
      assert.deepStrictEqual(ids(yield* readStream(streamId)), ids([one, two, three]))
    }
  )
}
