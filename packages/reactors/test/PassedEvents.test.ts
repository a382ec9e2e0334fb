/**
 * The checkpoint of a range whose host has read only events of other ranges.
 */
import { Category, StreamId } from "@daybook/kernel/StreamId"
import { includes, type SlotRange, slotOf } from "@daybook/reactors/ConsumerGroup"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { append } from "./reactorCases.ts"

const category = Category.make("passed")

/** Returns a key whose stream is in the range. */
const keyIn = (range: SlotRange): string => {
  for (let key = 0; ; key++) {
    if (includes(range, slotOf(StreamId.make(`${category}-${key}`)))) return String(key)
  }
}

const stores = ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

layer(stores)("A group of two hosts", (it) => {
  for (const transactional of [false, true]) {
    it.effect(
      `has no lag a second after the last event, ${transactional ? "" : "not "}in transactions`,
      () =>
        Effect.gen(function* () {
          const groups = yield* ConsumerGroups
          const name = `passed_${transactional}`
          const reactor = Reactor.make({
            name,
            categories: [category],
            transactional,
            react: () => Effect.void
          })
          for (const _ of ["one", "two"]) yield* Layer.build(Layer.fresh(Reactors.layer([reactor])))
          yield* TestClock.adjust("1 minute")
          const { ranges } = yield* groups.status(name)
          assert.lengthOf(ranges, 2)
          const [one, other] = ranges.map(({ range }) => keyIn(range))
          // The other range passes over two events, shortly after each other.
          for (const key of [other, one, one]) {
            yield* append(category, String(key), 1)
            yield* TestClock.adjust("10 millis")
          }
          yield* TestClock.adjust("1 second")
          const { lagEvents, state } = yield* groups.status(name)
          assert.deepStrictEqual([lagEvents, state], [0, "live"])
        })
    )
  }
})
