/**
 * Publishers on a broker: in memory, on Kafka and on NATS.
 */
import type { Broker, OutgoingMessage } from "@daybook/publishing/Broker"
import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import type { MessageSource } from "@daybook/publishing/MessageSource"
import type { Publisher } from "@daybook/publishing/Publisher"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import { Reactors } from "@daybook/reactors/Reactors"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import type { Topic } from "@daybook/testing/contracts/BrokerLaws"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Parcels, parcelsOf, scan, scansTo } from "./parcels.ts"

/** The services of a host, in memory. */
export const log = ConsumerGroupsMemory.layer.pipe(
  Layer.provideMerge(CommandHandler.layer),
  Layer.provideMerge(EventStoreMemory.layer)
)

/** Builds a publisher's host in a scope of its own; returns its end. */
export const host = Effect.fnUntraced(function* (publisher: Publisher) {
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(Layer.fresh(Reactors.layer([publisher])), scope)
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  return Scope.close(scope, Exit.void)
})

/** Waits for the status of a group. */
export const eventually = (name: string, isSo: (status: GroupStatus) => boolean) =>
  Effect.flatMap(ConsumerGroups, (groups) =>
    groups
      .status(name)
      .pipe(
        Effect.option,
        Effect.repeat({ until: Option.exists(isSo), schedule: Schedule.spaced("5 millis") }),
        Effect.map(Option.getOrThrow)
      )
  )

/** Returns the messages that the events of the log stand for, in its order. */
const expected = Effect.fnUntraced(function* (publisher: Publisher, parcels: Parcels) {
  const store = yield* EventStore
  const events = yield* Stream.runCollect(store.readAll({ categories: [parcels.category] }))
  return events.flatMap((event) => [...Result.getOrThrow(publisher.messages(event))])
})

/** Receives until each id was there; returns the messages of each key by their first delivery. */
const received = Effect.fnUntraced(function* (
  source: MessageSource,
  messages: ReadonlyArray<OutgoingMessage>
) {
  const seen = new Map<string, OutgoingMessage>()
  const all = yield* Deferred.make<void>()
  const running = source.run(({ body, topic }) =>
    Effect.sync(() => {
      const { id, partitionkey: key = "" } = Result.getOrThrow(IntegrationMessage.decode(body))
      const before = seen.get(id)
      // A message that comes again is the same one.
      if (before === undefined) seen.set(id, { topic, id, key, body })
      else assert.strictEqual(body, before.body)
      if (messages.every((message) => seen.has(message.id))) Deferred.doneUnsafe(all, Effect.void)
    })
  )
  yield* Effect.raceFirst(
    Effect.retry(running, {
      while: (error) => Predicate.isTagged(error, "BrokerUnavailable"),
      schedule: Schedule.spaced("100 millis")
    }),
    Deferred.await(all)
  )
  return [...seen.values()]
})

const byKey = (messages: ReadonlyArray<OutgoingMessage>) =>
  Object.fromEntries(Map.groupBy(messages, ({ key }) => key))

/** Asserts that a topic has each message, and those of a key in order. */
export const assertPublished = Effect.fnUntraced(function* (
  { source }: Topic,
  publisher: Publisher,
  parcels: Parcels
) {
  const messages = yield* expected(publisher, parcels)
  const seen = yield* received(source("all"), messages)
  assert.deepStrictEqual(byKey(seen), byKey(messages))
})

/** Fits into an event, and not into a message with its other attributes. */
export const LARGE = "x".repeat(1_048_500)

let categories = 0

export const publisherCases = <R, E>(
  name: string,
  fresh: Effect.Effect<Topic, unknown, R>,
  broker: Layer.Layer<Broker | R, E>
) => {
  const setting = Effect.gen(function* () {
    const topic = yield* fresh
    const parcels = parcelsOf(`parcel${categories++}`)
    return { ...topic, topicAlone: topic, parcels }
  })

  layer(Layer.merge(log, broker), { timeout: 120_000, excludeTestServices: true })(name, (it) => {
    it.effect("publishes the messages of each event once, past and future ones", () =>
      Effect.gen(function* () {
        const { parcels, topic, topicAlone } = yield* setting
        const publisher = scansTo(parcels, topic)
        for (const [id, n] of [
          ["a", 1],
          ["b", 2],
          ["a", 0],
          ["a", 4]
        ] as const) {
          yield* scan(parcels, id, n)
        }
        yield* host(publisher)
        yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
        yield* scan(parcels, "b", 3)
        yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
        yield* assertPublished(topicAlone, publisher, parcels)
      })
    )

    it.effect("loses nothing and keeps the order of each key when hosts end at any moment", () =>
      Effect.gen(function* () {
        const { parcels, topic, topicAlone } = yield* setting
        const publisher = scansTo(parcels, topic)
        const append = Effect.fnUntraced(function* (turn: number) {
          for (let n = 0; n < 40; n++) yield* scan(parcels, `p${n % 7}`, 40 * turn + n)
        })
        for (let turn = 0; turn < 6; turn++) {
          const end = yield* host(publisher)
          yield* append(turn)
          // Other moments of the host at each turn: reading, sending, committing.
          yield* Effect.repeat(Effect.yieldNow, { times: 50 * turn })
          yield* end
        }
        yield* host(publisher)
        yield* host(publisher)
        yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
        yield* assertPublished(topicAlone, publisher, parcels)
      })
    )

    it.effect("stops visibly at a message that the broker refuses, until that is dropped", () =>
      Effect.gen(function* () {
        const { parcels, topic, source } = yield* setting
        const publisher = scansTo(parcels, topic, { retry: Schedule.recurs(1) })
        yield* scan(parcels, "a", 1)
        yield* scan(parcels, "a", 3, LARGE)
        yield* scan(parcels, "a", 5)
        yield* host(publisher)
        const { held } = yield* eventually(publisher.group.name, ({ state }) => state === "stopped")
        assert.match(
          held[0]?.issue ?? "",
          /^Cannot send message .* bytes, at most \d+ are allowed$/
        )
        const groups = yield* ConsumerGroups
        yield* groups.drop(publisher.group.name, { key: held[0]?.key ?? "", reason: "too large" })
        yield* eventually(publisher.group.name, ({ lagEvents }) => lagEvents === 0)
        const [first, , last] = yield* expected(publisher, parcels)
        const messages = [first, last].filter((message) => message !== undefined)
        const seen = yield* received(source("all"), messages)
        assert.deepStrictEqual(seen, messages)
      })
    )

    it.effect("parks the key of a refused message, while others go on", () =>
      Effect.gen(function* () {
        const { parcels, topic, source } = yield* setting
        const publisher = scansTo(parcels, topic, {
          retry: Schedule.recurs(0),
          onFailure: "park"
        })
        yield* scan(parcels, "a", 1, LARGE)
        yield* scan(parcels, "a", 3)
        yield* scan(parcels, "b", 5)
        yield* host(publisher)
        const { held } = yield* eventually(
          publisher.group.name,
          ({ held: keys, lagEvents }) => keys.length === 1 && lagEvents === 0
        )
        assert.deepInclude(held[0], { state: "parked", streamId: `${parcels.category}-a` })
        const ofB = (yield* expected(publisher, parcels)).slice(-1)
        assert.deepStrictEqual(yield* received(source("all"), ofB), ofB)
      })
    )
  })
}
