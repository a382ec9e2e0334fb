/**
 * Checkpoints, the work that commits with them, and held keys.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { GroupRuns, KeyNotHeld, LeaseLost, UnknownGroup } from "@daybook/reactors/ConsumerGroup"
import { type Assignment, ConsumerGroups, type Page } from "@daybook/reactors/ConsumerGroups"
import { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { fill, newEvents, streamOf } from "../eventStore/fixture.ts"
import {
  type Cases,
  fillKeys,
  freshCategory,
  freshGroup,
  host,
  hostQueues,
  take
} from "./fixture.ts"

/** Runs a host whose consumer only reads, and returns its assignment and the first events. */
const reading = Effect.fnUntraced(function* (keys: number, count: number) {
  const groups = yield* ConsumerGroups
  const category = freshCategory()
  const group = freshGroup(category)
  yield* fillKeys(category, keys, count)
  const found = yield* Queue.unbounded<readonly [Assignment, Page]>()
  yield* Effect.forkScoped(
    groups.run(group, (assignment) =>
      Stream.runForEach(assignment.pages, (page) => Queue.offer(found, [assignment, page]))
    )
  )
  const events: Array<RecordedEvent> = []
  const [assignment] = yield* Queue.take(found).pipe(
    Effect.tap(([, page]) => Effect.sync(() => events.push(...page.events))),
    Effect.repeat({ until: () => events.length >= keys * count })
  )
  const [event] = events
  if (event === undefined) return assert.fail("no event")
  return { groups, category, group, assignment, events, event, found }
})

/** Appends an event to a stream of another category, as the work of a transaction. */
const appendTo = (id: string) => {
  const stream = streamOf(freshCategory(), id)
  const isThere = Effect.gen(function* () {
    const events = yield* EventStore
    return Option.isSome(yield* events.stream(stream))
  })
  return { work: fill(stream, newEvents(1)), isThere }
}

const heldOf = (event: RecordedEvent) => ({
  key: event.streamId,
  state: "parked" as const,
  position: event.position,
  event: EventMark.of(event),
  streamId: event.streamId,
  type: event.type,
  issue: "refused",
  attempts: 3
})

export const commitCases: Cases = {
  "moves the checkpoint, and never back": Effect.gen(function* () {
    const { assignment, group, groups } = yield* reading(1, 1)
    const checkpoint = yield* Effect.flatMap(EventStore, (events) => events.checkpoint)
    yield* assignment.commit(checkpoint)
    yield* assignment.commit(assignment.checkpoint)
    const { ranges } = yield* groups.status(group.name)
    assert.deepStrictEqual(
      ranges.map((one) => one.checkpoint),
      [checkpoint]
    )
  }),

  "keeps work and checkpoint": Effect.gen(function* () {
    const { assignment, group, groups } = yield* reading(1, 1)
    const checkpoint = yield* Effect.flatMap(EventStore, (events) => events.checkpoint)
    const { isThere, work } = appendTo("1")
    assert.strictEqual(yield* assignment.commitWith(checkpoint, Effect.as(work, "done")), "done")
    assert.isTrue(yield* isThere)
    const { ranges } = yield* groups.status(group.name)
    assert.deepStrictEqual(
      ranges.map((one) => one.checkpoint),
      [checkpoint]
    )
  }),

  "keeps neither when the work fails": Effect.gen(function* () {
    const { assignment, group, groups } = yield* reading(1, 1)
    const checkpoint = yield* Effect.flatMap(EventStore, (events) => events.checkpoint)
    const error = yield* Effect.flip(assignment.commitWith(checkpoint, Effect.fail("refused")))
    assert.strictEqual(error, "refused")
    const { ranges } = yield* groups.status(group.name)
    assert.deepStrictEqual(
      ranges.map((one) => one.checkpoint),
      [assignment.checkpoint]
    )
  }),

  "keeps nothing of a lease that is lost": Effect.gen(function* () {
    const { assignment, event, group, groups } = yield* reading(1, 1)
    const checkpoint = yield* Effect.flatMap(EventStore, (events) => events.checkpoint)
    yield* groups.restart(group.name, { from: "beginning" })
    const { isThere, work } = appendTo("1")
    const error = yield* Effect.flip(assignment.commitWith(checkpoint, work))
    assert.instanceOf(error, LeaseLost)
    assert.isFalse(yield* isThere)
    assert.instanceOf(yield* Effect.flip(assignment.hold(heldOf(event))), LeaseLost)
    assert.instanceOf(yield* Effect.flip(assignment.skip(event, "refused")), LeaseLost)
    const { held, ranges } = yield* groups.status(group.name)
    assert.deepStrictEqual(held, [])
    assert.deepStrictEqual(
      ranges.map((one) => one.checkpoint.position),
      [0n]
    )
  }),

  "counts the events that wait": Effect.gen(function* () {
    const { group, groups } = yield* reading(2, 2)
    const { lagEvents, state } = yield* groups.status(group.name)
    assert.strictEqual(lagEvents, 4)
    assert.strictEqual(state, "behind")
    assert.isTrue((yield* groups.names).includes(group.name))
  }),

  "is forgotten when no host runs it, and its acts stay": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const category = freshCategory()
    const group = freshGroup(category)
    yield* fillKeys(category, 1, 1)
    const queues = yield* hostQueues
    const running = yield* host(group, "one", queues)
    yield* take(queues, 1)
    assert.instanceOf(yield* Effect.flip(groups.forget(group.name)), GroupRuns)
    yield* Fiber.interrupt(running)
    const why = { actor: "ada", reason: "it has another name" }
    yield* groups.forget(group.name, why)
    assert.isFalse((yield* groups.names).includes(group.name))
    assert.instanceOf(yield* Effect.flip(groups.status(group.name)), UnknownGroup)
    assert.instanceOf(yield* Effect.flip(groups.forget(group.name)), UnknownGroup)
    const acts = yield* groups.acts(group.name)
    assert.deepStrictEqual(
      acts.map(({ act, actor, reason }) => [
        act,
        Option.getOrNull(actor),
        Option.getOrNull(reason)
      ]),
      [["forget", "ada", "it has another name"]]
    )
    // It begins as if for the first time.
    yield* host(group, "two", queues)
    assert.deepStrictEqual(
      (yield* take(queues, 1)).map(({ event }) => event.revision),
      [1]
    )
  }),

  "is unknown until it has run": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const { name } = freshGroup(freshCategory())
    assert.instanceOf(yield* Effect.flip(groups.status(name)), UnknownGroup)
    assert.instanceOf(yield* Effect.flip(groups.release(name)), UnknownGroup)
  })
}

export const heldCases: Cases = {
  "is counted and listed until it is settled": Effect.gen(function* () {
    const { assignment, events, group, groups } = yield* reading(2, 2)
    const [one, other, later] = events
    if (one === undefined || other === undefined || later === undefined) return assert.fail("few")
    assert.strictEqual(yield* assignment.hold(heldOf(one)), 1)
    assert.strictEqual(yield* assignment.hold(heldOf(other)), 2)
    const { held, state } = yield* groups.status(group.name)
    assert.deepStrictEqual(
      held.map(({ key, position, state: of }) => [key, position, of]),
      [one, other].map(({ position, streamId }) => [streamId, position, "parked"])
    )
    assert.strictEqual(state, "behind")
    assert.deepStrictEqual(yield* assignment.held, held)
    yield* assignment.settle(one.streamId, later, Effect.void)
    const moved = yield* assignment.held
    assert.deepStrictEqual(
      moved.map(({ position }) => position),
      [other.position, later.position]
    )
    yield* assignment.settle(one.streamId, undefined, Effect.void)
    yield* assignment.settle(other.streamId, undefined, Effect.void)
    assert.deepStrictEqual(yield* assignment.held, [])
  }),

  "stops its group when it is not parked": Effect.gen(function* () {
    const { assignment, event, group, groups } = yield* reading(1, 1)
    yield* assignment.hold({ ...heldOf(event), state: "stopped" })
    const { state } = yield* groups.status(group.name)
    assert.strictEqual(state, "stopped")
  }),

  "is settled with work, or not at all": Effect.gen(function* () {
    const { assignment, event } = yield* reading(1, 1)
    yield* assignment.hold(heldOf(event))
    const { isThere, work } = appendTo("1")
    yield* Effect.flip(assignment.settle(event.streamId, undefined, Effect.fail("refused")))
    assert.strictEqual((yield* assignment.held).length, 1)
    yield* assignment.settle(event.streamId, undefined, work)
    assert.isTrue(yield* isThere)
    assert.deepStrictEqual(yield* assignment.held, [])
  }),

  "is released or dropped by its host, and both are recorded": Effect.gen(function* () {
    const { assignment, event, group, groups } = yield* reading(1, 1)
    const key = event.streamId
    const why = { actor: "ada", reason: "the gateway is back" }
    const unknown = yield* Effect.flip(groups.drop(group.name, { key }))
    assert.instanceOf(unknown, KeyNotHeld)
    yield* assignment.hold(heldOf(event))
    yield* groups.release(group.name, { key, ...why })
    const asked = yield* Stream.runHead(assignment.asked)
    assert.deepStrictEqual(
      Option.map(asked, (one) => [one.key, one.asked]),
      Option.some([key, "release"])
    )
    yield* assignment.hold({ ...heldOf(event), attempts: 4 })
    yield* groups.drop(group.name, { key })
    yield* assignment.skip(event, "refused")
    const acts = yield* groups.acts(group.name)
    assert.deepStrictEqual(
      acts.map(({ act, actor, reason }) => [
        act,
        Option.getOrNull(actor),
        Option.getOrNull(reason)
      ]),
      [
        ["release", "ada", "the gateway is back"],
        ["drop", null, null],
        ["skip", null, null]
      ]
    )
    assert.deepStrictEqual(acts[0]?.details, {
      key,
      position: String(event.position),
      event: event.id,
      streamId: event.streamId,
      type: event.type
    })
  }),

  "is forgotten by a restart": Effect.gen(function* () {
    const { assignment, event, group, groups } = yield* reading(1, 1)
    yield* assignment.hold(heldOf(event))
    yield* groups.restart(group.name, { from: "now", reason: "moved" })
    assert.deepStrictEqual((yield* groups.status(group.name)).held, [])
    const [act] = yield* groups.acts(group.name)
    assert.strictEqual(act?.act, "restart")
    assert.deepStrictEqual(act?.reason, Option.some("moved"))
  })
}
