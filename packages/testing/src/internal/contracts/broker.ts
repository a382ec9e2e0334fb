/**
 * The rules of brokers and of their sources.
 */
import { Broker, MessageRefused, type OutgoingMessage } from "@daybook/publishing/Broker"
import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import type { MessageSource } from "@daybook/publishing/MessageSource"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as assert from "../assert.ts"
import type { Cases } from "./cases.ts"
import { freshId } from "./eventStore/fixture.ts"

/** A topic, and what the consumers of a group receive from it. */
export interface Topic {
  readonly topic: string
  readonly source: (group: string) => MessageSource
}

/** Makes topics for laws. */
export interface Topics<R> {
  /** Makes a topic that holds no message. */
  readonly fresh: Effect.Effect<Topic, unknown, R>
}

/** A message as it was sent and as it came back. */
type Received = IntegrationMessage.IntegrationMessage

const messageOf = (topic: string, key: string, data: Schema.Json): OutgoingMessage => {
  const id = freshId()
  const body = IntegrationMessage.encode({
    specversion: "1.0",
    id,
    source: "/laws",
    type: "law",
    partitionkey: key,
    data
  })
  return { topic, key, id, body }
}

/** A broker that has just started is not ready at once. */
const retryUnavailable = Effect.retry({
  while: (error: unknown) => Predicate.isTagged(error, "BrokerUnavailable"),
  schedule: Schedule.spaced("100 millis")
})

const send = (messages: ReadonlyArray<OutgoingMessage>) =>
  Effect.flatMap(Broker, (broker) =>
    Arr.isReadonlyArrayNonEmpty(messages) ? retryUnavailable(broker.send(messages)) : Effect.void
  )

/** Receives messages until those so far satisfy a condition. */
const receiveUntil = Effect.fnUntraced(function* (
  source: MessageSource,
  isEnough: (received: ReadonlyArray<Received>) => boolean
) {
  const received: Array<Received> = []
  const enough = yield* Deferred.make<ReadonlyArray<Received>>()
  const running = source.run(({ body }) =>
    Effect.sync(() => {
      received.push(Result.getOrThrow(IntegrationMessage.decode(body)))
      if (isEnough(received)) Deferred.doneUnsafe(enough, Effect.succeed([...received]))
    })
  )
  return yield* Effect.raceFirst(retryUnavailable(running), Deferred.await(enough))
})

const receive = (source: MessageSource, messages: ReadonlyArray<OutgoingMessage>) =>
  receiveUntil(source, (received) => {
    const ids = new Set(received.map(({ id }) => id))
    return messages.every(({ id }) => ids.has(id))
  })

/** Returns the ids by key, each id where it was first received. */
const firstsByKey = (received: ReadonlyArray<Received>) => {
  const firsts = new Map<string, Set<string>>()
  for (const { id, partitionkey = "" } of received) {
    firsts.set(partitionkey, (firsts.get(partitionkey) ?? new Set()).add(id))
  }
  return idsByKey(firsts)
}

const sentByKey = (messages: ReadonlyArray<OutgoingMessage>) =>
  idsByKey(
    new Map(
      Array.from(
        Map.groupBy(messages, ({ key }) => key),
        ([key, sent]) => [key, new Set(sent.map(({ id }) => id))]
      )
    )
  )

const idsByKey = (ids: ReadonlyMap<string, ReadonlySet<string>>) =>
  Object.fromEntries(
    Array.from(ids, ([key, ofKey]) => [key, [...ofKey]] as const).toSorted(([a], [b]) =>
      a < b ? -1 : 1
    )
  )

class HandlingFailed extends Data.TaggedError("HandlingFailed")<{ readonly id: string }> {}

const keys = ["order-1", "order-2", "order-3", "order-4", "order-5"]

export const brokerCases = <R>({ fresh }: Topics<R>): Cases<Broker | R> => {
  const messagesOf = (topic: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      messageOf(topic, keys[(index * 7) % keys.length] ?? "", { index })
    )
  return {
    "delivers each message as it was sent": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const data: ReadonlyArray<Schema.Json> = [null, 1.5, "", "žluťoučký 🐎\n", { a: [{}] }]
      const messages = data.map((value) => messageOf(topic, "grüße/1", value))
      yield* send(messages)
      const received = yield* receive(source("a"), messages)
      assert.deepStrictEqual(
        received.map(IntegrationMessage.encode),
        messages.map(({ body }) => body)
      )
    }),

    "keeps the order of each key, in a send and between sends": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const messages = messagesOf(topic, 300)
      for (const [from, to] of [
        [0, 1],
        [1, 100],
        [100, 300]
      ]) {
        yield* send(messages.slice(from, to))
      }
      const received = yield* receive(source("a"), messages)
      assert.deepStrictEqual(firstsByKey(received), sentByKey(messages))
    }),

    "delivers messages that are sent again in the order of their first delivery": Effect.gen(
      function* () {
        const { source, topic } = yield* fresh
        const messages = messagesOf(topic, 60)
        yield* send(messages.slice(0, 40))
        // As after a lost answer: a part of them again, with others behind.
        yield* send(messages.slice(20))
        const received = yield* receive(source("a"), messages)
        assert.deepStrictEqual(firstsByKey(received), sentByKey(messages))
      }
    ),

    "keeps the order when a send is interrupted and repeated": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const messages = messagesOf(topic, 400)
      for (let turns = 0; turns < 10; turns++) {
        const sending = yield* Effect.forkChild(send(messages.slice(0, 40 * (turns + 1))))
        yield* Effect.repeat(Effect.yieldNow, { times: turns })
        yield* Fiber.interrupt(sending)
      }
      yield* send(messages)
      const received = yield* receive(source("a"), messages)
      assert.deepStrictEqual(firstsByKey(received), sentByKey(messages))
    }),

    "keeps the order of each key while others send": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const senders = Array.from({ length: 4 }, (_, sender) =>
        Array.from({ length: 50 }, (_, index) => messageOf(topic, `${sender}-${index % 3}`, index))
      )
      yield* Effect.forEach(
        senders,
        (messages) => Effect.forEach(Arr.chunksOf(messages, 5), send, { discard: true }),
        { concurrency: "unbounded", discard: true }
      )
      const messages = senders.flat()
      const received = yield* receive(source("a"), messages)
      assert.deepStrictEqual(firstsByKey(received), sentByKey(messages))
    }),

    "refuses a message that is too large, and sends no later one of its key": Effect.gen(
      function* () {
        const { source, topic } = yield* fresh
        const before = messageOf(topic, "a", 1)
        const large = messageOf(topic, "a", "x".repeat(3_000_000))
        const after = messageOf(topic, "a", 2)
        const refused = yield* Effect.flip(send([before, large, after]))
        assert.instanceOf(refused, MessageRefused)
        assert.strictEqual(refused.id, large.id)
        assert.strictEqual(refused.topic, topic)
        const last = messageOf(topic, "a", 3)
        yield* send([last])
        const received = yield* receive(source("a"), [before, last])
        assert.isTrue(!received.some(({ id }) => id === after.id), "the message after it was sent")
      }
    ),

    "lists messages beside a refused one only if they are stored": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const before = messagesOf(topic, 10)
      const large = messageOf(topic, "a", "x".repeat(3_000_000))
      const after = messagesOf(topic, 10)
      const refused = yield* Effect.flip(send([...before, large, ...after]))
      assert.instanceOf(refused, MessageRefused)
      const listed = new Set(refused.acknowledged)
      const sent = [...before, ...after].filter(({ id }) => listed.has(id))
      assert.strictEqual(sent.length, listed.size, "a message that was not sent is listed")
      const last = messageOf(topic, "a", 3)
      yield* send([last])
      // Ends when all that is listed has arrived.
      yield* receive(source("a"), [...sent, last])
    }),

    "delivers all messages to each group": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const messages = messagesOf(topic, 20)
      yield* send(messages)
      for (const group of ["a", "b"]) {
        const received = yield* receive(source(group), messages)
        assert.deepStrictEqual(firstsByKey(received), sentByKey(messages), group)
      }
    }),

    "delivers messages that come while it runs": Effect.gen(function* () {
      const { source, topic } = yield* fresh
      const [first, second] = [messageOf(topic, "a", 1), messageOf(topic, "a", 2)]
      yield* send([first])
      const received: Array<string> = []
      const both = yield* Deferred.make<void>()
      const broker = yield* Broker
      const running = source("a").run(
        Effect.fnUntraced(function* ({ body }) {
          const { id } = Result.getOrThrow(IntegrationMessage.decode(body))
          received.push(id)
          if (id === first.id) yield* broker.send([second])
          if (id === second.id) yield* Deferred.succeed(both, undefined)
        })
      )
      yield* Effect.raceFirst(retryUnavailable(running), Deferred.await(both))
      assert.deepStrictEqual([...new Set(received)], [first.id, second.id])
    }),

    "delivers a message again whose handling failed, before the later ones of its key": Effect.gen(
      function* () {
        const { source, topic } = yield* fresh
        const messages = Array.from({ length: 6 }, (_, index) => messageOf(topic, "a", index))
        yield* send(messages)
        const failing = messages[3]?.id ?? ""
        const handled: Array<string> = []
        const failed = yield* source("a")
          .run(({ body }): Effect.Effect<void, HandlingFailed> => {
            const { id } = Result.getOrThrow(IntegrationMessage.decode(body))
            if (id === failing) return Effect.fail(new HandlingFailed({ id }))
            return Effect.sync(() => handled.push(id))
          })
          .pipe(
            Effect.retry({
              while: (error) => error._tag !== "HandlingFailed",
              schedule: Schedule.spaced("100 millis")
            }),
            Effect.flip
          )
        assert.deepStrictEqual<unknown>(failed, new HandlingFailed({ id: failing }))
        assert.deepStrictEqual(
          [...new Set(handled)],
          messages.slice(0, 3).map(({ id }) => id)
        )
        const received = yield* receive(source("a"), messages.slice(3))
        assert.deepStrictEqual(
          [...new Set([...handled, ...received.map(({ id }) => id)])],
          messages.map(({ id }) => id)
        )
      }
    )
  }
}
