/**
 * The reads that followers share once they have caught up.
 */
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { Filter, Reads } from "@daybook/store/driver/EventStoreDriver"
import * as Polls from "@daybook/store/driver/Polls"
import { UnreadableEvent } from "@daybook/store/EventStore"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as ModelLog from "./modelLog.ts"

const turns = Effect.replicateEffect(Effect.yieldNow, 50, { discard: true })
const streamId = (id: string) => StreamId.StreamId.make(id)
const category = (name: string) => StreamId.Category.make(name)

const emptyLog = () => ModelLog.make({ pageEvents: 1_000, travel: Effect.yieldNow })

const append = (log: ModelLog.ModelLog, id: string, count = 1) => {
  log.begin(
    streamId(id),
    Arr.makeBy(count, () => "Rang")
  )
  log.end(0, "committed")
}

/** A follower that has caught up, and polls again when it is told to. */
const follower = Effect.fnUntraced(function* <E>(
  polls: ReturnType<typeof Polls.makeShared<E>>,
  filter: Filter
) {
  const poll = polls(filter)
  let after: Position.Position | Checkpoint = Position.start
  const again = Effect.suspend(() => poll(after)).pipe(
    Effect.tap(({ checkpoint }) =>
      Effect.sync(() => {
        after = checkpoint ?? after
      })
    )
  )
  while (!(yield* again).caughtUp) {}
  return again
})

/** Polls all followers at once, and returns the numbers of the events that each got. */
const pollAll = <E>(followers: ReadonlyArray<ReturnType<ReturnType<typeof Polls.make<E>>>>) =>
  Effect.map(Effect.all(followers, { concurrency: "unbounded" }), (polled) =>
    polled.map(({ events }) => events.length)
  )

/** Followers of a log that stand at one place, and a function that counts reads from then on. */
const together = Effect.fnUntraced(function* <E>(
  log: ModelLog.ModelLog,
  filters: ReadonlyArray<Filter>,
  reads: Reads<E>,
  alone?: Effect.Effect<boolean>
) {
  const polls = Polls.makeShared<E>(reads, alone)
  const followers = yield* Effect.forEach(filters, (filter) => follower(polls, filter))
  // They end the first round that they share at one place.
  append(log, "other-1")
  yield* pollAll(followers)
  const before = { ...log.calls }
  const counts = () => ({
    looks: log.calls.origin - before.origin,
    reads: log.calls.log - before.log + log.calls.stream - before.stream,
    ends: log.calls.end - before.end
  })
  return { polls, followers, counts }
})

const mixed: ReadonlyArray<Filter> = [
  {},
  { categories: [category("ring")] },
  { categories: [category("bell"), category("ring")] },
  { categories: [category("bell")] },
  { types: ["Rang"] },
  { types: ["Fell"] },
  { types: [] },
  { streamId: streamId("ring-1") },
  { streamId: streamId("ring-1"), types: ["Fell"] },
  { streamId: streamId("ring-2") }
]

it.effect("share one look and one read, whatever their filters", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const { counts, followers } = yield* together(log, mixed, log.reads)
    append(log, "ring-1", 2)
    assert.deepStrictEqual(yield* pollAll(followers), [2, 2, 2, 0, 2, 0, 0, 2, 0, 0])
    assert.deepStrictEqual(counts(), { looks: 1, reads: 1, ends: 0 })
    append(log, "bell-1")
    assert.deepStrictEqual(yield* pollAll(followers), [1, 0, 1, 1, 1, 0, 0, 0, 0, 0])
    assert.deepStrictEqual(counts(), { looks: 2, reads: 2, ends: 0 })
  })
)

it.effect("share one look, and read nothing, where the log has not grown", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const { counts, followers } = yield* together(log, mixed, log.reads)
    assert.deepStrictEqual(
      yield* pollAll(followers),
      mixed.map(() => 0)
    )
    assert.deepStrictEqual(counts(), { looks: 1, reads: 0, ends: 0 })
  })
)

it.effect("read what they ask for where others stand elsewhere, and join them after that", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const { counts, followers, polls } = yield* together(log, mixed.slice(0, 3), log.reads)
    append(log, "ring-1")
    const late = yield* follower(polls, { categories: [category("ring")] })
    const before = counts()
    append(log, "ring-1")
    const all = [...followers, late]
    assert.deepStrictEqual(yield* pollAll(all), [2, 2, 2, 1])
    // One look and one read of its own.
    assert.deepStrictEqual(counts(), { looks: before.looks + 2, reads: before.reads + 2, ends: 0 })
    append(log, "ring-1")
    assert.deepStrictEqual(yield* pollAll(all), [1, 1, 1, 1])
    assert.deepStrictEqual(counts(), { looks: before.looks + 3, reads: before.reads + 3, ends: 0 })
  })
)

it.effect("read what they ask for where the log has grown by more than is worth sharing", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const rare = [
      { categories: [category("ring")] },
      { categories: [category("bell")] },
      { streamId: streamId("ring-1") }
    ]
    const { counts, followers } = yield* together(log, rare, log.reads)
    append(log, "other-2", 15)
    for (let n = 0; n < 20; n++) append(log, "other-1", 15)
    append(log, "ring-1")
    assert.deepStrictEqual(yield* pollAll(followers), [1, 0, 1])
    assert.deepStrictEqual(counts(), { looks: 1, reads: 4, ends: 1 })
  })
)

it.effect("give a follower of one stream what is committed after an append that is open", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const { followers } = yield* together(log, [{}, { streamId: streamId("ring-1") }], log.reads)
    log.begin(streamId("bell-1"), ["Rang"])
    log.begin(streamId("ring-1"), ["Rang"])
    log.end(1, "committed")
    assert.deepStrictEqual(yield* pollAll(followers), [0, 1])
    log.end(0, "committed")
    assert.deepStrictEqual(yield* pollAll(followers), [2, 0])
  })
)

it.effect("give an event that was passed over to followers of all types only", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const types = ["Rang", "daybook.passed-over"]
    const { counts, followers } = yield* together(
      log,
      [{}, { types }, { streamId: streamId("ring-1") }, { streamId: streamId("ring-1"), types }],
      log.reads
    )
    append(log, "ring-1", 2)
    log.passOver(0)
    assert.deepStrictEqual(yield* pollAll(followers), [2, 1, 2, 1])
    assert.deepStrictEqual(counts(), { looks: 1, reads: 1, ends: 0 })
  })
)

it.effect("read alone in a transaction", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    let inTransaction = false
    const { counts, followers } = yield* together(
      log,
      mixed.slice(0, 4),
      log.reads,
      Effect.sync(() => inTransaction)
    )
    inTransaction = true
    append(log, "ring-1")
    assert.deepStrictEqual(yield* pollAll(followers), [1, 1, 1, 0])
    assert.deepStrictEqual(counts(), { looks: 4, reads: 4, ends: 0 })
  })
)

it.effect("read for themselves where the read that they share finds an unreadable event", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    let readable = true
    const unreadable = new UnreadableEvent({
      position: Position.start,
      eventId: "",
      streamId: streamId("ring-1"),
      revision: 1,
      issue: "not readable"
    })
    const reads: Reads<UnreadableEvent> = {
      ...log.reads,
      log: (filter) => {
        const read = log.reads.log(filter)
        return (range) =>
          Effect.suspend((): ReturnType<ReturnType<Reads<UnreadableEvent>["log"]>> =>
            readable || filter.categories !== undefined ? read(range) : Effect.fail(unreadable)
          )
      }
    }
    const { followers } = yield* together(log, mixed.slice(0, 3), reads)
    readable = false
    append(log, "ring-1")
    const [all, ...others] = yield* Effect.forEach(followers, (poll) => Effect.exit(poll), {
      concurrency: "unbounded"
    })
    assert.deepStrictEqual(all, Exit.fail(unreadable))
    assert.isTrue(others.every(Exit.isSuccess))
  })
)

it.effect("fail together where the read that they share fails, and read nothing more", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    let isUp = true
    let failures = 0
    const { counts, followers } = yield* together(log, mixed, {
      ...log.reads,
      log: (filter) => {
        const read = log.reads.log(filter)
        return (range) =>
          Effect.suspend((): ReturnType<ReturnType<Reads<"down">["log"]>> => {
            if (isUp) return read(range)
            failures++
            return Effect.fail("down")
          })
      }
    })
    isUp = false
    append(log, "ring-1")
    const exits = yield* Effect.forEach(followers, (poll) => Effect.exit(poll), {
      concurrency: "unbounded"
    })
    assert.deepStrictEqual(
      exits,
      mixed.map(() => Exit.fail("down" as const))
    )
    assert.strictEqual(failures, 1)
    assert.deepStrictEqual(counts(), { looks: 1, reads: 0, ends: 0 })
    isUp = true
    assert.deepStrictEqual(yield* pollAll(followers), [1, 1, 1, 0, 1, 0, 0, 1, 0, 0])
  })
)

it.effect("read in a trace of no follower", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const parents: Array<string | undefined> = []
    const { followers } = yield* together(log, mixed, {
      ...log.reads,
      origin: (position) =>
        Effect.flatMap(Effect.option(Effect.currentSpan), (span) => {
          parents.push(Option.getOrUndefined(Option.map(span, ({ name }) => name)))
          return log.reads.origin(position)
        })
    })
    parents.length = 0
    append(log, "ring-1")
    yield* Effect.withSpan(pollAll(followers), "a follower")
    assert.deepStrictEqual(parents, [undefined])
  })
)

it.effect("fail together where their look fails, and then look again", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    let isUp = true
    const { counts, followers } = yield* together(log, mixed, {
      ...log.reads,
      origin: (position) =>
        Effect.suspend((): ReturnType<Reads<"down">["origin"]> =>
          isUp ? log.reads.origin(position) : Effect.fail("down")
        )
    })
    isUp = false
    append(log, "ring-1")
    for (const exit of yield* Effect.forEach(followers, (poll) => Effect.exit(poll), {
      concurrency: "unbounded"
    })) {
      assert.deepStrictEqual(exit, Exit.fail("down" as const))
    }
    isUp = true
    assert.deepStrictEqual(yield* pollAll(followers), [1, 1, 1, 0, 1, 0, 0, 1, 0, 0])
    assert.deepStrictEqual(counts(), { looks: 1, reads: 1, ends: 0 })
  })
)

it.effect("are not held up by a follower that goes, and leave no look behind", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const gate = Latch.makeUnsafe(true)
    let left = 0
    const { followers } = yield* together(log, mixed, {
      ...log.reads,
      origin: (position) =>
        Effect.onInterrupt(Effect.andThen(gate.await, log.reads.origin(position)), () =>
          Effect.sync(() => left++)
        )
    })
    gate.closeUnsafe()
    append(log, "ring-1")
    const [first, ...others] = yield* Effect.forEach(followers, (poll) => Effect.forkChild(poll))
    yield* turns
    if (first === undefined) return assert.fail("no follower")
    yield* Fiber.interrupt(first)
    assert.strictEqual(left, 0)
    gate.openUnsafe()
    const polled = yield* Effect.forEach(others, Fiber.join)
    assert.deepStrictEqual(
      polled.map(({ events }) => events.length),
      [1, 1, 0, 1, 0, 0, 1, 0, 0]
    )
    gate.closeUnsafe()
    const all = yield* Effect.forEach(followers, (poll) => Effect.forkChild(poll))
    yield* turns
    yield* Fiber.interruptAll(all)
    assert.strictEqual(left, 1)
    gate.openUnsafe()
    assert.deepStrictEqual(yield* pollAll(followers), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })
)

it.effect("wait for no other's read", () =>
  Effect.gen(function* () {
    const log = emptyLog()
    const slow = { categories: [category("bell")] }
    const { followers } = yield* together(log, [{}, {}, {}, slow], {
      ...log.reads,
      log: (filter) =>
        filter.categories === undefined ? log.reads.log(filter) : () => Effect.never
    })
    const [one, two, three, last] = followers
    if (one === undefined || two === undefined || three === undefined || last === undefined) {
      return assert.fail("no followers")
    }
    append(log, "ring-1")
    yield* pollAll([one, two, three])
    append(log, "ring-1")
    // It stands elsewhere now, and reads for itself, which does not end.
    const waiting = yield* Effect.forkChild(last)
    assert.deepStrictEqual(yield* pollAll([one, two, three]), [1, 1, 1])
    append(log, "ring-1")
    assert.deepStrictEqual(yield* pollAll([one, two, three]), [1, 1, 1])
    assert.isUndefined(waiting.pollUnsafe())
    yield* Fiber.interrupt(waiting)
  })
)
