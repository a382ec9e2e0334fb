/**
 * Inboxes without a broker.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import { BrokerUnavailable } from "@daybook/publishing/Broker"
import * as Inbox from "@daybook/publishing/Inbox"
import type { MessageSource } from "@daybook/publishing/MessageSource"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { bodyOf } from "../src/internal/kafkaClient.ts"
import * as Metrics from "../src/internal/metrics.ts"
import { Command, parcelsOf } from "./parcels.ts"
import { log } from "./publisherCases.ts"

const parcels = parcelsOf("parcels")

const GateEvent = Schema.TaggedUnion({ Opened: {}, Passed: {} })

class Closed extends Schema.TaggedError<Closed>()("Closed", {}) {
  override get message() {
    return "the gate is closed"
  }
}

const inboxOf = (onUnreadable: Inbox.Inbox["onUnreadable"]) =>
  Inbox.make({
    name: "scans",
    onUnreadable,
    toCommands: ({ subject = "p", type }) => [
      Inbox.command(parcels, subject, Command.cases.Scan.make({ n: 1, text: type }))
    ]
  })

const bodyWith = (attributes: Readonly<Record<string, string>>) =>
  JSON.stringify({ specversion: "1.0", id: "1", source: "/x", type: "t", ...attributes })

/** Checks that a message is never recorded: an error of `tag`, and left out by `skip`. */
const isLeftOut = Effect.fnUntraced(function* (body: string, tag: string) {
  const error = yield* Effect.flip(Inbox.handle(inboxOf("stop"), body))
  assert.isTrue(Predicate.isTagged(error, tag), String(error))
  yield* Inbox.handle(inboxOf("skip"), body)
  const store = yield* EventStore
  assert.lengthOf(yield* Effect.orDie(Stream.runCollect(store.readAll({}))), 0)
})

it.effect("can't read a message whose ids no store could record", () =>
  Effect.gen(function* () {
    for (const attribute of ["id", "source", "correlationid"]) {
      for (const text of ["a\u0000", "\ud800", "a\udc00b", ""]) {
        yield* isLeftOut(bodyWith({ [attribute]: text }), "MessageUnreadable")
      }
    }
  }).pipe(Effect.provide(log))
)

it.effect("can't read a tombstone of Kafka", () =>
  Effect.gen(function* () {
    for (const value of [undefined, null]) yield* isLeftOut(bodyOf(value), "MessageUnreadable")
  }).pipe(Effect.provide(log))
)

it.effect("leaves out a message whose command no log could record", () =>
  Effect.gen(function* () {
    yield* isLeftOut(bodyWith({ subject: "a\nb" }), "InvalidStreamId")
    yield* isLeftOut(bodyWith({ type: "a\u0000" }), "AppendRefused")
    yield* isLeftOut(bodyWith({ id: "1".repeat(2_000_000) }), "AppendRefused")
  }).pipe(Effect.provide(log))
)

/** A gate that lets scans through once it is open. */
const gate = Aggregate.make({
  category: "gate",
  decider: Decider.make({
    initialState: false,
    decide: (command: "open" | "pass", isOpen: boolean) =>
      command === "open"
        ? Result.succeed([GateEvent.cases.Opened.make({})])
        : isOpen
          ? Result.succeed([GateEvent.cases.Passed.make({})])
          : Result.fail(new Closed({})),
    evolve: (isOpen: boolean, event: typeof GateEvent.Type) =>
      GateEvent.match(event, { Opened: () => true, Passed: () => isOpen })
  }),
  codec: EventCodec.make({ name: "gate", events: GateEvent }),
  state: Schema.Boolean
})

it.effect("keeps a rejection when the message is delivered again, and counts it once", () =>
  Effect.gen(function* () {
    const handler = yield* CommandHandler
    const inbox = Inbox.make({
      name: "passes",
      toCommands: () => ["g1", "g2"].map((id) => Inbox.command(gate, id, "pass" as const))
    })
    yield* handler.execute(gate, "g2", "open")
    yield* Inbox.handle(inbox, bodyWith({}))
    yield* handler.execute(gate, "g1", "open")
    yield* Inbox.handle(inbox, bodyWith({}))
    // Another message is decided on the state of now.
    yield* Inbox.handle(inbox, bodyWith({ id: "2" }))
    const store = yield* EventStore
    const events = yield* Stream.runCollect(store.readAll({}))
    assert.deepStrictEqual(
      events.map(({ metadata, streamId, type }) => [
        type === "CommandRejected" ? "" : streamId,
        type,
        metadata.causationId
      ]),
      [
        ["gate-g2", "Opened", undefined],
        ["", "CommandRejected", "1"],
        ["gate-g2", "Passed", "1"],
        ["gate-g1", "Opened", undefined],
        ["gate-g1", "Passed", "2"],
        ["gate-g2", "Passed", "2"]
      ]
    )
    assert.deepStrictEqual(events[1]?.data, { index: 0, rejection: "Closed: the gate is closed" })
    const counted = yield* Metric.value(
      Metric.withAttributes(Metrics.rejected, { inbox: "passes" })
    )
    assert.strictEqual(counted.count, 1)
  }).pipe(Effect.provide(log))
)

it.effect("begins again after a short pause once it ran for more than half a minute", () =>
  Effect.gen(function* () {
    const begun: Array<number> = []
    const source: MessageSource = {
      name: "frail",
      run: () =>
        Effect.gen(function* () {
          begun.push((yield* Clock.currentTimeMillis) / 1_000)
          // The sixth run lasts for a minute.
          if (begun.length === 6) yield* Effect.sleep("1 minute")
          return yield* new BrokerUnavailable({
            broker: "frail",
            operation: "receive",
            cause: new Error("away")
          })
        })
    }
    yield* Layer.build(Inbox.layer(inboxOf("stop"), source))
    yield* TestClock.adjust("3 minutes")
    assert.deepStrictEqual(begun.slice(0, 9), [0, 1, 3, 7, 15, 31, 92, 94, 98])
  }).pipe(Effect.provide(log))
)
