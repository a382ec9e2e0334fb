/**
 * Requests to a cluster that does not know some topics, or refuses a part of a request.
 */
import type { OutgoingMessage } from "@daybook/publishing/Broker"
import { assert, it } from "@effect/vitest"
import { ProtocolError } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as KafkaRequests from "../src/internal/kafkaRequests.ts"

const to = (topic: string): OutgoingMessage => ({ topic, key: "k", id: topic, body: "{}" })

/** A cluster that knows some topics, and stores a request whole or not at all. */
const setting = () => {
  const known = new Set(["old"])
  const stored: Array<string> = []
  const { send } = KafkaRequests.make({
    maxBytes: 1_000,
    request: (messages) => {
      const unknown = messages.find(({ topic }) => !known.has(topic))
      if (unknown === undefined) {
        return Effect.sync(() => stored.push(...messages.map(({ id }) => id)))
      }
      const cause = new Error(`Unknown topic ${unknown.topic}.`)
      return Effect.fail(new KafkaRequests.RequestFailed({ cause, acknowledged: [] }))
    }
  })
  /** Sends as a publisher does: again after each pause. */
  const sendFor = Effect.fnUntraced(function* (
    seconds: number,
    messages: ReadonlyArray<OutgoingMessage>
  ) {
    for (let second = 0; second < seconds; second += 10) {
      assert.strictEqual((yield* Effect.flip(send(messages)))._tag, "BrokerUnavailable")
      yield* TestClock.adjust("10 seconds")
    }
  })
  return { known, stored, send, sendFor }
}

it.effect("sends to a topic that the cluster knows after a while", () =>
  Effect.gen(function* () {
    const { known, send, sendFor, stored } = setting()
    yield* sendFor(30, [to("old"), to("new")])
    known.add("new")
    yield* send([to("old"), to("new")])
    assert.deepStrictEqual(stored, ["old", "new"])
  })
)

it.effect("refuses the message of a topic that stays unknown for 30 seconds, and no other", () =>
  Effect.gen(function* () {
    const { send, sendFor, stored } = setting()
    yield* sendFor(30, [to("old"), to("never")])
    const refused = yield* Effect.flip(send([to("old"), to("never")]))
    assert.deepInclude(refused, {
      _tag: "MessageRefused",
      id: "never",
      reason: { _tag: "UnknownTopic" }
    })
    assert.deepStrictEqual(stored, ["old"])
  })
)

it.effect("counts the 30 seconds of a topic again after it was known or not asked for", () =>
  Effect.gen(function* () {
    const { known, send, sendFor } = setting()
    yield* sendFor(20, [to("new")])
    known.add("new")
    yield* send([to("new")])
    known.delete("new")
    yield* sendFor(30, [to("new")])
    yield* TestClock.adjust("1 hour")
    yield* sendFor(30, [to("new")])
  })
)

it.effect("sends each message once when one partition of a request refuses its own", () =>
  Effect.gen(function* () {
    const stored: Array<string> = []
    const { send } = KafkaRequests.make({
      maxBytes: 10_000,
      // Each topic is a partition: it stores all of its messages or none.
      request: (messages) => {
        const isBad = messages.some(({ id }) => id === "bad 2")
        const accepted = isBad ? messages.filter(({ topic }) => topic !== "bad") : messages
        stored.push(...accepted.map(({ id }) => id))
        if (!isBad) return Effect.void
        const cause = new ProtocolError("INVALID_RECORD")
        return Effect.fail(new KafkaRequests.RequestFailed({ cause, acknowledged: accepted }))
      }
    })
    const messages = ["bad", "good", "better"].flatMap((topic) =>
      [1, 2, 3].map((n) => ({ ...to(topic), id: `${topic} ${n}` }))
    )
    const refused = yield* Effect.flip(send(messages))
    assert.strictEqual(refused._tag, "MessageRefused")
    assert.deepInclude(refused, {
      id: "bad 2",
      reason: { _tag: "Rejected", issue: "INVALID_RECORD" },
      acknowledged: stored
    })
    assert.deepStrictEqual(stored, [
      "good 1",
      "good 2",
      "good 3",
      "better 1",
      "better 2",
      "better 3",
      "bad 1"
    ])
  })
)
