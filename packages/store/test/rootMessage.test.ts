import { rootMessage } from "@daybook/store/RootMessage"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"

describe("The message of the innermost cause", () => {
  const inner = new Error('violates check constraint "no_tea"')

  for (const [what, error, message] of [
    [
      "of layers",
      new Error("outer", { cause: new Error("next", { cause: inner }) }),
      inner.message
    ],
    ["of a cause", new Error("outer", { cause: Cause.fail(inner) }), inner.message],
    ["of an error alone", inner, inner.message],
    ["of what is no error", "lost", "lost"],
    ["of an object with a message", { message: "lost" }, "lost"],
    [
      "of an object without a text of its own",
      Object.assign(Object.create(null), { a: 1 }),
      '{"a":1}'
    ],
    ["without one inside", new Error("outer", { cause: new Error("") }), "outer"],
    ["without any", new TypeError(""), "TypeError"],
    [
      "of several at once",
      new Error("outer", { cause: new AggregateError([new Error("a"), new Error("b")]) }),
      "a; b"
    ],
    [
      "of a megabyte",
      new Error("x".repeat(1_000_000)),
      `${"x".repeat(2_000)}… (1000000 characters)`
    ]
  ] as const) {
    it(`is told ${what}`, () => {
      assert.strictEqual(rootMessage(error), message)
    })
  }

  it("of errors that are each other's cause", () => {
    const one = new Error("one")
    const other = new Error("other", { cause: one })
    one.cause = other
    assert.oneOf(rootMessage(one), ["one", "other"])
  })
})
