/**
 * The events that hosts of a group are handed, and the ranges that they share.
 */
import { LeaseLost, SLOTS } from "@daybook/reactors/ConsumerGroup"
import { type Assignment, ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as Checkpoint from "@daybook/store/Checkpoint"
import { EventStore } from "@daybook/store/EventStore"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { fill, newEvents, streamOf } from "../eventStore/fixture.ts"
import {
  byStream,
  type Cases,
  fillKeys,
  freshCategory,
  freshGroup,
  host,
  hostQueues,
  take
} from "./fixture.ts"

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Keys that both halves of the slots share: all lie in one half once in 8 million times. */
const KEYS = 24

export const hostCases: Cases = {
  "is handed every event of its categories and types, past and future ones, once": Effect.gen(
    function* () {
      const category = freshCategory()
      const stream = streamOf(category, "1")
      const [other, wanted] = [newEvents(1), newEvents(1)]
      yield* fill(stream, [...newEvents(2), { ...other[0], type: "Unwanted" }])
      const queues = yield* hostQueues
      yield* host({ ...freshGroup(category), types: ["Happened"] }, "one", queues)
      assert.deepStrictEqual(byStream(yield* take(queues, 2)), { [stream]: [1, 2] })
      yield* fillKeys(freshCategory(), 1, 1)
      yield* fill(stream, wanted)
      assert.deepStrictEqual(byStream(yield* take(queues, 1)), { [stream]: [4] })
    }
  ),

  "begins now, at a position or at a checkpoint, if it is told to": Effect.gen(function* () {
    const events = yield* EventStore
    const category = freshCategory()
    const stream = streamOf(category, "1")
    yield* fill(stream, newEvents(1))
    const now = yield* events.checkpoint
    const froms = ["now", now.position, now] as const
    const hosts = yield* Effect.forEach(froms, (from) =>
      Effect.gen(function* () {
        const queues = yield* hostQueues
        yield* host(freshGroup(category, from), "one", queues)
        yield* Queue.take(queues.assignments)
        return queues
      })
    )
    yield* fill(stream, newEvents(1))
    for (const queues of hosts) {
      assert.deepStrictEqual(byStream(yield* take(queues, 1)), { [stream]: [2] })
    }
  }),

  "goes on after its checkpoint when it runs again, wherever it is told to begin": Effect.gen(
    function* () {
      const category = freshCategory()
      const stream = streamOf(category, "1")
      const group = freshGroup(category)
      const queues = yield* hostQueues
      const first = yield* host(group, "one", queues)
      yield* fill(stream, newEvents(2))
      yield* take(queues, 2)
      const { commit } = yield* Queue.take(queues.assignments)
      yield* commit(yield* Effect.flatMap(EventStore, ({ checkpoint }) => checkpoint))
      yield* Fiber.interrupt(first)
      yield* fill(stream, newEvents(1))
      yield* host({ ...group, from: "now" }, "two", queues)
      assert.deepStrictEqual(byStream(yield* take(queues, 1)), { [stream]: [3] })
    }
  ),

  "is handed an event again whose checkpoint was not committed": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const category = freshCategory()
    const group = freshGroup(category)
    yield* fillKeys(category, 1, 1)
    const seen = yield* Deferred.make<void>()
    const first = yield* Effect.forkScoped(
      groups.run(group, ({ pages }) =>
        Stream.runForEach(pages, ({ events }) =>
          events.length > 0 ? Deferred.succeed(seen, undefined) : Effect.void
        )
      )
    )
    yield* Deferred.await(seen)
    yield* Fiber.interrupt(first)
    const queues = yield* hostQueues
    yield* host(group, "two", queues)
    assert.deepStrictEqual(Object.values(byStream(yield* take(queues, 1))), [[1]])
  }),

  "shares its slots with a host that comes, and keeps the order of each key": Effect.gen(
    function* () {
      const category = freshCategory()
      const group = freshGroup(category)
      const queues = yield* hostQueues
      yield* host(group, "one", queues)
      yield* fillKeys(category, KEYS, 2)
      const before = yield* take(queues, KEYS * 2)
      const whole = yield* Queue.take(queues.assignments)
      assert.deepStrictEqual(whole.range, { first: 0, last: SLOTS - 1 })
      const second = yield* host(group, "two", queues)
      const halves = yield* Effect.replicateEffect(Queue.take(queues.assignments), 2)
      yield* fillKeys(category, KEYS, 2)
      const during = yield* take(queues, KEYS * 2)
      assert.deepStrictEqual(
        halves.map(({ range }) => range).toSorted((a, b) => a.first - b.first),
        [
          { first: 0, last: SLOTS / 2 - 1 },
          { first: SLOTS / 2, last: SLOTS - 1 }
        ]
      )
      assert.deepStrictEqual([...new Set(during.map((one) => one.host))].toSorted(), ["one", "two"])
      yield* Fiber.interrupt(second)
      yield* fillKeys(category, KEYS, 2)
      const after = yield* take(queues, KEYS * 2)
      const all = byStream([...before, ...during, ...after])
      assert.deepStrictEqual(
        Object.values(all),
        Array.from({ length: KEYS }, () => upTo(6))
      )
      // The host that is left joins its ranges, when they have come to one place.
      const joined = yield* Queue.take(queues.assignments).pipe(
        Effect.repeat({ until: ({ range }) => range.first === 0 && range.last === SLOTS - 1 })
      )
      assert.isTrue(joined.epoch > whole.epoch)
    }
  ),

  "hands a range over only after its consumer has returned": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const category = freshCategory()
    const group = freshGroup(category)
    const [started, ended] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const finish = yield* Deferred.make<void>()
    let isOver = false
    const first = yield* Effect.forkScoped(
      groups.run(group, ({ pages }) =>
        Effect.gen(function* () {
          if (isOver) return yield* Effect.never
          yield* Deferred.succeed(started, undefined)
          yield* Stream.runDrain(pages)
          yield* Deferred.succeed(ended, undefined)
          yield* Deferred.await(finish)
          isOver = true
        })
      )
    )
    yield* Deferred.await(started)
    const began: Array<boolean> = []
    const seen = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      groups.run(group, () =>
        Effect.suspend(() => {
          began.push(isOver)
          return Effect.andThen(Deferred.succeed(seen, undefined), Effect.never)
        })
      )
    )
    yield* Deferred.await(ended)
    yield* Deferred.succeed(finish, undefined)
    yield* Deferred.await(seen)
    assert.deepStrictEqual(began, [true])
    yield* Fiber.interrupt(first)
  }),

  "stops when its checkpoint is of another log": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const { checkpoint } = yield* EventStore
    const category = freshCategory()
    const here = yield* checkpoint
    const elsewhere = Checkpoint.Checkpoint.make({
      ...here,
      log: otherThan(here.log)
    })
    const error = yield* Effect.flip(
      groups.run(freshGroup(category, elsewhere), ({ pages }: Assignment) => Stream.runDrain(pages))
    )
    assert.strictEqual(error._tag, "GroupOffHistory")
  }),

  "leaves when a consumer fails, with its error": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const group = freshGroup(freshCategory())
    const error = yield* Effect.flip(groups.run(group, () => Effect.fail("refused" as const)))
    assert.strictEqual(error, "refused")
    const { ranges, state } = yield* groups.status(group.name)
    assert.strictEqual(state, "idle")
    assert.deepStrictEqual(
      ranges.map(({ owner }) => owner._tag),
      ["None"]
    )
  }),

  "goes on when a lease of it is lost": Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    const category = freshCategory()
    const group = freshGroup(category)
    const queues = yield* hostQueues
    yield* host(group, "one", queues)
    yield* fillKeys(category, 1, 2)
    yield* take(queues, 2)
    const before = yield* Queue.take(queues.assignments)
    yield* groups.restart(group.name, { from: "beginning" })
    const lost = yield* Effect.flip(before.commit(before.checkpoint))
    assert.instanceOf(lost, LeaseLost)
    assert.deepStrictEqual(Object.values(byStream(yield* take(queues, 2))), [[1, 2]])
  })
}

const otherThan = (log: Checkpoint.Checkpoint["log"]): Checkpoint.Checkpoint["log"] =>
  Checkpoint.Checkpoint.fields.log.make(log.replace(/^./, (digit) => (digit === "0" ? "1" : "0")))
