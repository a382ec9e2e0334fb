import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as PassedOver from "@daybook/kernel/PassedOver"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { assert, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const codec = EventCodec.make({
  name: "lamp",
  events: Schema.TaggedUnion({ LampLit: {} })
})

/** As a row may have it that no store appended; the casts are what the test is about. */
const stored = (type: string): RecordedEvent => ({
  id: EventId.make("018f8e1e-7d4b-7cc0-8a53-4a0d3f1c2b6a"),
  type,
  schemaVersion: 0,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  streamId: "no stream\n" as RecordedEvent["streamId"],
  revision: -1 as RecordedEvent["revision"],
  position: -5n as RecordedEvent["position"],
  recordedAt: DateTime.makeUnsafe(0)
})

it("decodes an event that is passed over to no event", () => {
  // The name that the functions in the database have.
  assert.strictEqual(PassedOver.TYPE, "daybook.passed-over")
  assert.deepStrictEqual(
    EventCodec.decodeRecorded(codec, stored(PassedOver.TYPE)),
    Result.succeed([])
  )
})

it("S14: fails, and does not throw, for an event with names that no store appends", () => {
  const decoded = EventCodec.decodeRecorded(codec, stored("Lit\u001b[31m\n"))
  if (Result.isSuccess(decoded)) return assert.fail("decoded")
  const { position, problem, streamId, type } = decoded.failure
  assert.deepStrictEqual(
    [streamId, position, type, problem],
    ["no stream\n", -5n, "Lit\u001b[31m\n", "the type is not one of LampLit"]
  )
})

it("has no codec with the type of events that are passed over", () => {
  const events = Schema.TaggedUnion({ [PassedOver.TYPE]: {} })
  assert.throws(() => EventCodec.make({ name: "lamp", events }), "reserved type")
})
