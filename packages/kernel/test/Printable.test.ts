import { DecodeErrorReason, EventDecodeError } from "@daybook/kernel/EventCodec"
import { EventType, SchemaVersion } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import { oneLine, printable, printableLine, textOf } from "@daybook/kernel/Printable"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Stated here by the numbers: C0, DEL and C1, separators of lines, controls of direction, surrogates alone. */
const isForbidden = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    code === 0x61c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    (code >= 0xd800 && code <= 0xdfff)
  )
}

const forbiddenIn = (text: string) => Array.from(text).filter(isForbidden)

/** Plain text and all that is dangerous, mixed. */
const Foreign = Schema.Array(
  Schema.Union([
    Schema.String,
    Schema.Literals([
      "\u001b[31m",
      "\n",
      "\r",
      "\r\n",
      "\t",
      " ",
      "\u0007",
      "\u009b",
      "\u2028",
      "\u2029",
      "\u202e",
      "\u2066",
      "\u200f",
      "\u061c",
      "\ud800",
      "\udc00"
    ])
  ])
)

describe("S17: text of others", () => {
  it("takes the sting out of text that could steer a terminal", () => {
    for (const character of [
      "\u001b", // begins an escape sequence, as does the next
      "\u009b",
      "\u0007",
      "\b",
      "\r",
      "\n",
      "\u2028",
      "\u2029",
      "\u202e", // writes what follows from right to left
      "\u2066",
      "\u200f",
      "\ud800"
    ]) {
      const shown = printable(`a${character}[2Jb`)
      assert.strictEqual(shown, "a\ufffd[2Jb", JSON.stringify(character))
    }
  })

  it("leaves all other text as it is", () => {
    for (const text of [
      "White metal lantern, 3 x £3.39",
      "καλημέρα",
      "שלום",
      "\u{1f469}\u200d\u{1f373}"
    ]) {
      assert.strictEqual(printableLine(text), text)
    }
  })

  it.prop(
    "never holds what steers, breaks a line or turns letters around",
    [Foreign],
    ([parts]) => {
      const text = parts.join("")
      assert.deepStrictEqual(forbiddenIn(printable(text)), [])
      assert.deepStrictEqual(forbiddenIn(printableLine(text)), [])
      assert.lengthOf(Array.from(printable(text)), Array.from(text).length)
    }
  )

  it.prop("S16: becomes one line as an expression would make it", [Foreign], ([parts]) => {
    const text = parts.join("")
    assert.strictEqual(oneLine(text), text.replace(/\s*[\r\n\t]\s*/g, " "))
  })

  it("loses the blanks around each break, and no others", () => {
    assert.strictEqual(oneLine(" a  \n  b\t c "), " a b c ")
    assert.strictEqual(oneLine("\n a \n"), " a ")
  })

  it("is made of any value", () => {
    assert.strictEqual(textOf("text"), "text")
    assert.strictEqual(textOf(undefined), "undefined")
    assert.strictEqual(textOf(Object.create(null)), "a value of the type object without a text")
  })

  it("S16: becomes one line in linear time", () => {
    const blanks = " ".repeat(5_000_000)
    assert.strictEqual(oneLine(`a${blanks}b`), `a${blanks}b`)
    assert.strictEqual(oneLine(`a\n${"\t \n".repeat(1_000_000)}b`), "a b")
  })

  it.prop("is in the messages of errors only as far as it can be printed", [Foreign], ([parts]) => {
    const text = parts.join("")
    const decoding = new EventDecodeError({
      codec: "till",
      streamId: StreamId.StreamId.make("till-1"),
      revision: Revision.Revision.make(1),
      position: Position.Position.make(1n),
      eventId: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
      type: EventType.make("Sold"),
      schemaVersion: SchemaVersion.make(1),
      reason: DecodeErrorReason.make({ _tag: "InvalidData", issue: text })
    })
    assert.deepStrictEqual(forbiddenIn(decoding.message), [])
    const naming = StreamId.fromString(`${text}\u001b`)
    assert.deepStrictEqual(forbiddenIn(Result.getOrThrow(Result.flip(naming)).message), [])
  })
})
