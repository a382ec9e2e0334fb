import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const id = EventId.make("00000000-0000-4000-8000-00000000002a")

describe("EventMark", () => {
  it("has the id of the event and the time of its recording, and gives them back", () => {
    const mark = EventMark.of({ id, recordedAt: DateTime.makeUnsafe(1_764_489_600_123) })
    assert.strictEqual(mark, "00000000-0000-4000-8000-00000000002a@1764489600123")
    assert.strictEqual(EventMark.eventId(mark), id)
    assert.strictEqual(EventMark.recordedAt(mark), 1_764_489_600_123)
  })

  it("decodes what it encodes, also before 1970, and nothing else", () => {
    const is = Schema.is(EventMark.EventMark)
    for (const millis of [0, -1, 253_402_300_799_999, -62_135_596_800_000]) {
      assert.isTrue(is(EventMark.at(id, millis)), String(millis))
    }
    const error = Result.getOrThrow(
      Result.flip(Schema.decodeUnknownResult(EventMark.EventMark)("a@1"))
    )
    assert.strictEqual(error.message, "Expected an event id, @, and milliseconds since 1970")
    for (const text of [id, `${id}@`, `${id}@1.5`, `${id.toUpperCase()}@1`, ` ${id}@1`, "a@1"]) {
      assert.isFalse(is(text), text)
    }
  })
})
