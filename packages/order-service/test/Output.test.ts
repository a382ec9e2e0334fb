import { assert, describe, it } from "@effect/vitest"
import * as Output from "../src/Output.ts"

describe("printable", () => {
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
      "\u200f"
    ]) {
      const shown = Output.printable(`a${character}[2Jb`)
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
      assert.strictEqual(Output.printable(text), text)
    }
  })
})
