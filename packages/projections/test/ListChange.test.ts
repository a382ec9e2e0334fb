import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { added } from "../src/internal/fold/listChange.ts"

const [a, b, c, d, e] = ["a", "b", "c", "d", "e"]

describe("the new elements of a list", () => {
  const changes: ReadonlyArray<readonly [of: string, list: ReadonlyArray<unknown>, found: string]> =
    [
      ["the same list", [a, b, c, d], ""],
      ["a list with one more at its end", [a, b, c, d, e], "e"],
      ["a list with one more at its beginning", [e, a, b, c, d], "e"],
      ["a list with one more between", [a, b, e, c, d], "e"],
      ["a list without its first", [b, c, d], ""],
      ["a list without those between", [a, d], ""],
      ["a list with one replaced", [a, e, c, d], "e"],
      ["a list whose first is replaced at the end", [b, c, d, e], "e"],
      ["a list with one removed and one put last", [a, c, d, e], "e"],
      ["a list with one twice", [a, b, b, c, d], "b"],
      ["an empty list", [], ""]
    ]
  for (const [of, list, found] of changes) {
    it(`are few of ${of}`, () => {
      assert.strictEqual(added(list, [a, b, c, d]).join(""), found)
    })
  }

  it("are all of them where there was no list", () => {
    assert.deepStrictEqual(added([a, b], undefined), [a, b])
    assert.deepStrictEqual(added([a, b], []), [a, b])
  })

  it("tell -0 from 0", () => {
    assert.deepStrictEqual(added([-0, 1], [0, 1]), [-0])
  })

  const Elements = Schema.Array(Schema.Literals(["a", "b", "c"]))

  it.prop(
    "are what the list has more than the list before had, at least",
    { list: Elements, before: Elements },
    ({ before, list }) => {
      const left = [...before, ...added(list, before)]
      for (const element of list) {
        const at = left.indexOf(element)
        assert.isAtLeast(at, 0)
        left.splice(at, 1)
      }
    },
    { arbitrary: { runs: 1_000 } }
  )
})
