/**
 * Inboxes on the sources of a broker: in memory, on Kafka and on NATS.
 */
import { Broker, type OutgoingMessage } from "@daybook/publishing/Broker"
import * as Inbox from "@daybook/publishing/Inbox"
import * as IntegrationMessage from "@daybook/publishing/IntegrationMessage"
import type { MessageSource } from "@daybook/publishing/MessageSource"
import { EventStore } from "@daybook/store/EventStore"
import type { Topic } from "@daybook/testing/contracts/BrokerLaws"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Command, parcelsOf } from "./parcels.ts"
import { log } from "./publisherCases.ts"

/** The data of the messages: the scan of a parcel. */
const Scan = Schema.Struct({ parcel: Schema.String, n: Schema.Int })

let categories = 0

const setting = <R>(fresh: Effect.Effect<Topic, unknown, R>) =>
  Effect.map(fresh, ({ source, topic }) => {
    const parcels = parcelsOf(`received${categories++}`)
    const inbox = Inbox.make({
      name: "scans",
      toCommands: ({ data }) => {
        const { n, parcel } = Schema.decodeUnknownSync(Scan)(data)
        return [Inbox.command(parcels, parcel, Command.cases.Scan.make({ n, text: "" }))]
      }
    })
    const messageOf = (id: string, data: Schema.Json): OutgoingMessage => ({
      topic,
      key: "a",
      id,
      body: IntegrationMessage.encode({
        specversion: "1.0",
        id: `${topic}/${id}`,
        source: "/scanner",
        type: "scanned",
        correlationid: "shift-1",
        traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`,
        data
      })
    })
    const scans = Effect.flatMap(EventStore, (store) =>
      Stream.runCollect(store.readAll({ categories: [parcels.category] }))
    )
    return { source, inbox, messageOf, scans }
  })

const send = (...messages: ReadonlyArray<OutgoingMessage>) =>
  Effect.flatMap(Broker, (broker) =>
    Arr.isReadonlyArrayNonEmpty(messages)
      ? Effect.retry(broker.send(messages), {
          while: ({ _tag }) => _tag === "BrokerUnavailable",
          schedule: Schedule.spaced("100 millis")
        })
      : Effect.void
  )

/** Handles messages until a condition holds after one of them. */
const runUntil = Effect.fnUntraced(function* <R>(
  inbox: Inbox.Inbox,
  source: MessageSource,
  isSo: Effect.Effect<boolean, unknown, R>
) {
  const running = source.run(({ body }) =>
    Effect.gen(function* () {
      yield* Inbox.handle(inbox, body)
      if (yield* Effect.orDie(isSo)) return yield* Effect.fail("enough" as const)
    })
  )
  return yield* running.pipe(
    Effect.retry({
      while: (error) => Predicate.isTagged(error, "BrokerUnavailable"),
      schedule: Schedule.spaced("100 millis")
    }),
    Effect.flip
  )
})

export const inboxCases = <R, E>(
  name: string,
  fresh: Effect.Effect<Topic, unknown, R>,
  broker: Layer.Layer<Broker | R, E>
) => {
  layer(Layer.merge(log, broker), { timeout: 120_000, excludeTestServices: true })(name, (it) => {
    it.effect("counts a message once, however often it is delivered", () =>
      Effect.gen(function* () {
        const { inbox, messageOf, scans, source } = yield* setting(fresh)
        const [one, two] = [
          messageOf("1", { parcel: "p", n: 1 }),
          messageOf("2", { parcel: "p", n: 2 })
        ]
        yield* send(one, two)
        // It ends after the append and before the acknowledgement, so the message comes again.
        const ended = yield* runUntil(inbox, source("a"), Effect.succeed(true))
        assert.strictEqual(ended, "enough")
        assert.lengthOf(yield* scans, 1)
        const isDone = Effect.map(scans, (events) => events.length >= 2)
        yield* runUntil(inbox, source("a"), isDone)
        // Another group of consumers gets all messages from the beginning.
        yield* send({ ...messageOf("3", { parcel: "p", n: 3 }) })
        yield* runUntil(
          inbox,
          source("b"),
          Effect.map(scans, (events) => events.length >= 3)
        )
        const events = yield* scans
        assert.deepStrictEqual(
          events.map(({ data }) => data),
          [1, 2, 3].map((n) => ({ n, text: "" }))
        )
      })
    )

    it.effect("records the message with the events, and continues its trace", () =>
      Effect.gen(function* () {
        const { inbox, messageOf, scans, source } = yield* setting(fresh)
        const message = messageOf("1", { parcel: "p", n: 1 })
        yield* send(message)
        yield* runUntil(inbox, source("a"), Effect.succeed(true))
        const [event] = yield* scans
        assert.deepInclude(event?.metadata, {
          correlationId: "shift-1",
          causationId: `${message.topic}/1`,
          custom: { inbox: "scans", messageSource: "/scanner" }
        })
        assert.match(event?.metadata.traceparent ?? "", new RegExp(`^00-${"ab".repeat(16)}-`))
      })
    )

    it.effect("acknowledges a message whose command is rejected", () =>
      Effect.gen(function* () {
        const { inbox, messageOf, scans, source } = yield* setting(fresh)
        yield* send(messageOf("1", { parcel: "p", n: -1 }), messageOf("2", { parcel: "p", n: 2 }))
        yield* runUntil(
          inbox,
          source("a"),
          Effect.map(scans, (events) => events.length === 1)
        )
        assert.deepStrictEqual(
          (yield* scans).map(({ data }) => data),
          [{ n: 2, text: "" }]
        )
      })
    )

    it.effect("stops at a message that it can't map, unless it leaves such messages out", () =>
      Effect.gen(function* () {
        const { inbox, messageOf, scans, source } = yield* setting(fresh)
        yield* send(messageOf("1", "no scan"), messageOf("2", { parcel: "p", n: 2 }))
        const never = Effect.succeed(false)
        const stopped = yield* runUntil(inbox, source("a"), never)
        assert.isTrue(Predicate.isTagged(stopped, "MessageUnmapped"))
        assert.lengthOf(yield* scans, 0)
        const lenient: Inbox.Inbox = { ...inbox, onUnreadable: "skip" }
        yield* runUntil(
          lenient,
          source("a"),
          Effect.map(scans, (events) => events.length === 1)
        )
      })
    )
  })
}
