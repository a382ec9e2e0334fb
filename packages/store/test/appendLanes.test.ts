/**
 * Appends that wait for the database are sent together, and none suffers from the others.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as AppendQueue from "../src/internal/postgres/log/appendLanes.ts"
import type { EncodedAppend } from "@daybook/store/driver/EventStoreDriver"
import type { Written } from "../src/internal/postgres/log/callTryAppend.ts"

const append = (id: number, events = 1, data = "{}"): EncodedAppend => ({
  streamId: StreamId.make(`note-${id}`),
  expected: ExpectedRevision.any,
  events: Arr.makeBy(events, () => ({
    id: EventId.make("00000000-0000-4000-8000-000000000000"),
    type: "Noted",
    schemaVersion: 1,
    data,
    metadata: "{}",
    occurredAt: 0
  }))
})

const idOf = ({ streamId }: EncodedAppend) => Number(streamId.slice("note-".length))

/** Returns an answer with the number in the stream's name. */
const appended = (one: EncodedAppend) => ({
  revision: Revision.make(idOf(one)),
  position: Position.make(1n),
  recordedAt: DateTime.makeUnsafe(0),
  repeated: false
})

type Appends = Arr.NonEmptyReadonlyArray<EncodedAppend>

/**
 * A database that is busy until it is released, and records the appends that it got; one queue in
 * front of it.
 */
const busy = (
  options: {
    readonly tryAppend?: (appends: Appends) => Effect.Effect<Written, SqlError>
    readonly appendEach?: (appends: Appends) => Effect.Effect<Appends, SqlError>
  } = {}
) =>
  Effect.gen(function* () {
    const { appendEach = Effect.succeed, tryAppend = written } = options
    const calls: Array<ReadonlyArray<number>> = []
    const explained: Array<ReadonlyArray<number>> = []
    const kept = new Set<number>()
    const free = yield* Deferred.make<void>()
    const enqueue = yield* AppendQueue.make({
      tryAppend: (appends) =>
        Effect.suspend(() => {
          calls.push(appends.map(idOf))
          return Effect.andThen(Deferred.await(free), tryAppend(appends))
        }),
      appendEach: (appends) =>
        Effect.suspend(() => {
          explained.push(appends.map(idOf))
          return Effect.map(
            appendEach(appends),
            Arr.map((one) => Result.succeed(appended(one)))
          )
        }),
      keep: (one) => {
        kept.add(idOf(one))
        return () => kept.delete(idOf(one))
      },
      fastLanes: 1
    })
    /** Occupies the queue, so that later appends must wait. */
    const occupied = yield* Effect.forkChild(enqueue(append(100)), { startImmediately: true })
    yield* settled
    return { calls, explained, kept, enqueue, free: Deferred.succeed(free, undefined), occupied }
  })

const written = (appends: Appends): Effect.Effect<Written> =>
  Effect.sync(() => appends.map(appended))

/** Lets every fiber run until it waits. */
const settled = Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })

it.effect("What arrives while the database is busy goes together, in its order", () =>
  Effect.gen(function* () {
    const { calls, enqueue, free, occupied } = yield* busy()
    const fibers = yield* Effect.forEach(Arr.range(1, 5), (n) =>
      Effect.forkChild(enqueue(append(n)), { startImmediately: true })
    )
    yield* settled
    assert.lengthOf(calls, 1)
    yield* free
    const answers = yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(
      answers.map(({ revision }) => Number(revision)),
      [1, 2, 3, 4, 5]
    )
    assert.deepStrictEqual(calls.slice(1), [[1, 2, 3, 4, 5]])
    yield* Fiber.join(occupied)
  }).pipe(Effect.scoped)
)

it.effect("An append alone goes at once", () =>
  Effect.gen(function* () {
    const { calls, enqueue, free } = yield* busy()
    yield* free
    yield* enqueue(append(7))
    assert.deepStrictEqual(calls.at(-1), [7])
  }).pipe(Effect.scoped)
)

it.effect("A call holds no more events and no more text than it may", () =>
  Effect.gen(function* () {
    const { calls, enqueue, free } = yield* busy()
    const large = "x".repeat(600_000)
    const waiting = [
      append(1, 600),
      append(2, 400),
      append(3),
      append(4, 1, large),
      append(5, 1, large)
    ]
    const fibers = yield* Effect.forEach(waiting, (one) =>
      Effect.forkChild(enqueue(one), { startImmediately: true })
    )
    yield* settled
    yield* free
    yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(calls.slice(1), [[1, 2], [3, 4], [5]])
  }).pipe(Effect.scoped)
)

it.effect(
  "A caller that goes before its append was sent takes it back, and one that goes later does not",
  () =>
    Effect.gen(function* () {
      const { calls, enqueue, free, occupied } = yield* busy()
      const [first, second] = yield* Effect.forEach([1, 2], (n) =>
        Effect.forkChild(enqueue(append(n)), { startImmediately: true })
      )
      yield* settled
      if (first === undefined || second === undefined) return assert.fail("two were started")
      yield* Fiber.interrupt(first)
      yield* Fiber.interrupt(occupied)
      yield* free
      yield* Fiber.join(second)
      assert.deepStrictEqual(calls.slice(1), [[2]])
      assert.deepStrictEqual(calls[0], [100])
    }).pipe(Effect.scoped)
)

it.effect("S25: Appends of interrupted callers leave no trace and free their places at once", () =>
  Effect.gen(function* () {
    const { calls, enqueue, free, kept } = yield* busy()
    const start = (n: number) => Effect.forkChild(enqueue(append(n)), { startImmediately: true })
    const gone = yield* Effect.forEach(Arr.range(1, AppendQueue.CAPACITY), start)
    // It finds no place to wait, until the others have gone.
    const last = yield* start(0)
    yield* Fiber.interruptAll(gone)
    yield* settled
    const withdrawn = yield* start(101)
    yield* Fiber.interrupt(withdrawn)
    assert.deepStrictEqual([...kept], [])
    yield* free
    yield* Fiber.join(last)
    assert.deepStrictEqual(calls.slice(1), [[0]])
  }).pipe(Effect.scoped)
)

it.effect("S25: An append that was sent is counted until it ends, without its caller too", () =>
  Effect.gen(function* () {
    const released = yield* Deferred.make<void>()
    const { enqueue, explained, free, kept, occupied } = yield* busy({
      tryAppend: (appends) =>
        Effect.sync(() => appends.map((one) => (idOf(one) === 7 ? undefined : appended(one)))),
      appendEach: (appends) => Effect.as(Deferred.await(released), appends)
    })
    yield* Fiber.interrupt(occupied)
    assert.deepStrictEqual([...kept], [100])
    yield* free
    const held = yield* Effect.forkChild(enqueue(append(7)), { startImmediately: true })
    yield* settled
    assert.deepStrictEqual([...kept], [])
    assert.deepStrictEqual(explained, [[7]])
    yield* Fiber.interrupt(held)
    assert.deepStrictEqual([...kept], [7])
    yield* Deferred.succeed(released, undefined)
    yield* settled
    assert.deepStrictEqual([...kept], [])
  }).pipe(Effect.scoped)
)

it.effect("What the database refuses for one of them fails that one alone", () =>
  Effect.gen(function* () {
    const refused = new SqlError({ reason: new UnknownError({ cause: "no" }) })
    const refuse = (appends: Appends) =>
      Effect.fail(refused).pipe(
        Effect.when(Effect.sync(() => appends.map(idOf).includes(2))),
        Effect.as(appends)
      )
    const { calls, enqueue, explained, free } = yield* busy({
      tryAppend: (appends) => Effect.andThen(refuse(appends), written(appends)),
      appendEach: refuse
    })
    const fibers = yield* Effect.forEach([1, 2, 3], (n) =>
      Effect.forkChild(Effect.exit(enqueue(append(n))), { startImmediately: true })
    )
    yield* settled
    yield* free
    const exits = yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
    assert.deepStrictEqual(calls.slice(1), [[1, 2, 3]])
    assert.deepStrictEqual(explained, [[1], [2], [3]])
  }).pipe(Effect.scoped)
)

it.effect("A stream that is held holds up its own appends, in their order, and no others", () =>
  Effect.gen(function* () {
    const released = yield* Deferred.make<void>()
    const { enqueue, explained, free } = yield* busy({
      tryAppend: (appends) =>
        Effect.sync(() => appends.map((one) => (idOf(one) === 7 ? undefined : appended(one)))),
      appendEach: (appends) => Effect.as(Deferred.await(released), appends)
    })
    yield* free
    const held = yield* Effect.forEach([1, 2, 3], () =>
      Effect.tap(Effect.forkChild(enqueue(append(7)), { startImmediately: true }), () => settled)
    )
    yield* Effect.forEach([1, 2, 3], (n) => enqueue(append(n)))
    // The first waits for its stream, and the others wait for the first.
    assert.deepStrictEqual(explained, [[7]])
    yield* Deferred.succeed(released, undefined)
    yield* Effect.forEach(held, Fiber.join)
    assert.deepStrictEqual(explained, [[7], [7, 7]])
  }).pipe(Effect.scoped)
)

it.effect("A lost connection fails all, since the writes are unknown", () =>
  Effect.gen(function* () {
    const lost = new SqlError({ reason: new ConnectionError({ cause: "lost" }) })
    const { calls, enqueue, free } = yield* busy({ tryAppend: () => Effect.fail(lost) })
    const fibers = yield* Effect.forEach([1, 2], (n) =>
      Effect.forkChild(Effect.exit(enqueue(append(n))), { startImmediately: true })
    )
    yield* settled
    yield* free
    const exits = yield* Effect.forEach(fibers, Fiber.join)
    assert.deepStrictEqual(exits.map(Exit.isFailure), [true, true])
    assert.deepStrictEqual(calls.slice(1), [[1, 2]])
  }).pipe(Effect.scoped)
)

it.effect("A defect is its callers', and the next append is written all the same", () =>
  Effect.gen(function* () {
    const { enqueue, free } = yield* busy({
      tryAppend: (appends) =>
        appends.map(idOf).includes(13) ? Effect.die("a bug") : written(appends)
    })
    yield* free
    const exit = yield* Effect.exit(enqueue(append(13)))
    assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    const { revision } = yield* enqueue(append(1))
    assert.strictEqual(Number(revision), 1)
  }).pipe(Effect.scoped)
)

it.effect("Callers wait for a place to wait when too many do", () =>
  Effect.gen(function* () {
    const { calls, enqueue, free } = yield* busy()
    const fibers = yield* Effect.forEach(Arr.range(1, AppendQueue.CAPACITY + 100), (n) =>
      Effect.forkChild(enqueue(append(n)), { startImmediately: true })
    )
    yield* free
    yield* Effect.forEach(fibers, Fiber.join)
    const written = calls.slice(1).flat()
    assert.deepStrictEqual(
      written.toSorted((a, b) => a - b),
      Arr.range(1, AppendQueue.CAPACITY + 100)
    )
    assert.isAtMost(Math.max(...calls.map((call) => call.length)), 1_000)
  }).pipe(Effect.scoped)
)

it.effect("A refused call does not keep its queue from others while it is made again", () =>
  Effect.gen(function* () {
    const refused = new SqlError({ reason: new UnknownError({ cause: "cancelled" }) })
    const released = yield* Deferred.make<void>()
    let calls = 0
    const { enqueue, free } = yield* busy({
      tryAppend: (appends) => (++calls === 2 ? Effect.fail(refused) : written(appends)),
      appendEach: (appends) => Effect.as(Deferred.await(released), appends)
    })
    const fibers = yield* Effect.forEach([1, 2], (n) =>
      Effect.forkChild(enqueue(append(n)), { startImmediately: true })
    )
    yield* settled
    yield* free
    yield* settled
    yield* enqueue(append(3))
    yield* Deferred.succeed(released, undefined)
    yield* Effect.forEach(fibers, Fiber.join)
  }).pipe(Effect.scoped)
)

it.effect(
  "What is seen to apart goes in calls of bounded size, without those whose caller has gone",
  () =>
    Effect.gen(function* () {
      const released = yield* Deferred.make<void>()
      const { enqueue, explained, free } = yield* busy({
        tryAppend: (appends) => Effect.sync(() => appends.map(() => undefined)),
        appendEach: (appends) => Effect.as(Deferred.await(released), appends)
      })
      yield* free
      const start = (events: number) =>
        Effect.tap(
          Effect.forkChild(enqueue(append(7, events)), { startImmediately: true }),
          () => settled
        )
      const first = yield* start(1)
      const gone = yield* start(900)
      const others = yield* Effect.forEach([600, 300, 200], start)
      yield* Fiber.interrupt(gone)
      yield* Deferred.succeed(released, undefined)
      yield* Effect.forEach([first, ...others], Fiber.join)
      assert.deepStrictEqual(explained, [[100], [7], [7, 7], [7]])
    }).pipe(Effect.scoped)
)

it.effect("Closing the queue interrupts the calls in a batch, in the queue and outside of it", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const { enqueue, free } = yield* Scope.provide(busy(), scope)
    const large = "x".repeat(600_000)
    const fork = (one: EncodedAppend) => Effect.forkChild(enqueue(one), { startImmediately: true })
    const behind = yield* Effect.forEach([append(1, 1, large), append(2, 1, large)], fork)
    const many = yield* Effect.forEach(Arr.range(1, AppendQueue.CAPACITY + 10), (n) =>
      fork(append(n))
    )
    yield* settled
    yield* Scope.close(scope, Exit.void)
    yield* free
    const late = yield* fork(append(3))
    const exits = yield* Effect.forEach([...behind, ...many, late], Fiber.await)
    assert.isTrue(exits.every((exit) => Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)))
  })
)

it.effect("Closing the queue interrupts the calls that wait in it", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const { enqueue, occupied } = yield* Scope.provide(busy(), scope)
    const waiting = yield* Effect.forkChild(enqueue(append(1)), { startImmediately: true })
    yield* settled
    yield* Scope.close(scope, Exit.void)
    const exits = yield* Effect.forEach([occupied, waiting], Fiber.await)
    assert.isTrue(exits.every((exit) => Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)))
  })
)
