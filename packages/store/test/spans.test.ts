/**
 * A tracer sees every operation of the store and the handler, each inside its caller's.
 */
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { withoutIdleSpans } from "../src/internal/driver/inSpan.ts"
import { aggregate } from "./Account.ts"

const Services = CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

/** A tracer that remembers its spans. */
const remembering = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const parentOf = ({ parent }: Tracer.NativeSpan) =>
  Option.match(parent, {
    onNone: () => "",
    onSome: (span) => (span._tag === "Span" ? span.name : span.spanId)
  })

it.effect("A provided tracer sees each operation, its facts and how it ended", () => {
  const { spans, tracer } = remembering()
  return Effect.gen(function* () {
    const store = yield* EventStore
    const handler = yield* CommandHandler
    yield* handler.execute(aggregate, "1", { _tag: "Deposit", amount: 1 })
    const streamId = StreamId.make("account-1")
    const [event] = yield* Stream.runCollect(store.read(streamId))
    if (event === undefined) return assert.fail("it was recorded")
    yield* Effect.ignore(
      store.append({ streamId, expected: ExpectedRevision.noStream, events: [event] })
    )
    yield* Effect.ignore(
      store.append({
        streamId: StreamId.make("account-2"),
        expected: ExpectedRevision.any,
        events: [event]
      })
    )
    yield* store.find([event.id])
    yield* handler.load(aggregate, "1")
    yield* handler.loadAt(aggregate, "1", { revision: Revision.make(1) })
    yield* store.stream(streamId)
    yield* Effect.ignore(Stream.runDrain(store.readAll({ limit: -1 })))
    const seen = spans.map((span) => [
      span.name,
      parentOf(span),
      span.attributes.get("daybook.stream"),
      span.status._tag === "Ended" && span.status.exit._tag
    ])
    assert.deepStrictEqual(seen, [
      ["CommandHandler.execute", "", "account-1", "Success"],
      ["EventStore.read", "CommandHandler.execute", "account-1", "Success"],
      ["EventStore.append", "CommandHandler.execute", "account-1", "Success"],
      ["EventStore.read", "", "account-1", "Success"],
      ["EventStore.append", "", "account-1", "Success"],
      ["EventStore.append", "", "account-2", "Failure"],
      ["EventStore.find", "", undefined, "Success"],
      ["CommandHandler.load", "", "account-1", "Success"],
      ["EventStore.read", "CommandHandler.load", "account-1", "Success"],
      ["CommandHandler.loadAt", "", "account-1", "Success"],
      ["EventStore.read", "CommandHandler.loadAt", "account-1", "Success"],
      ["EventStore.stream", "", "account-1", "Success"],
      ["EventStore.readAll", "", undefined, "Failure"]
    ])
    // No trace but the handler's own.
    assert.isUndefined(event.metadata.traceparent)
  }).pipe(Effect.provide(Services), Effect.provideService(Tracer.Tracer, tracer))
})

it.effect("A caller's trace is recorded with its events, whatever the tracer", () =>
  Effect.gen(function* () {
    const { spans, tracer } = remembering()
    const store = yield* EventStore
    const handler = yield* CommandHandler
    const deposit = (id: string) => handler.execute(aggregate, id, { _tag: "Deposit", amount: 1 })
    const caller = Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) })
    yield* Effect.withParentSpan(deposit("1"), caller)
    yield* deposit("2").pipe(
      Effect.withParentSpan(caller),
      Effect.provideService(Tracer.Tracer, tracer)
    )
    const events = yield* Stream.runCollect(store.readAll())
    assert.deepStrictEqual(
      events.map(({ metadata }) => metadata.traceparent),
      [
        // Without a tracer the handler has no span of its own to name.
        `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
        `00-${"a".repeat(32)}-${spans[0]?.spanId}-01`
      ]
    )
  }).pipe(Effect.provide(Services))
)

it.effect("Statements of a store have spans where a tracer is provided, and only there", () =>
  Effect.gen(function* () {
    const { spans, tracer } = remembering()
    const statement = withoutIdleSpans(
      Effect.withSpan(Effect.service(References.TracerEnabled), "statement")
    )
    assert.isFalse(yield* statement)
    assert.isTrue(yield* Effect.provideService(statement, Tracer.Tracer, tracer))
    assert.deepStrictEqual(
      spans.map(({ name }) => name),
      ["statement"]
    )
  })
)
