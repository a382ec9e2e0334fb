/**
 * The assertions of the programs behind laws, each of which must fail on a wrong value.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Option from "effect/Option"
import * as Ours from "../src/internal/assert.ts"

class Rejected {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/** Returns a copy without a prototype. */
const bare = (fields: object): object => Object.assign(Object.create(null) as object, fields)

const messageOf = (run: () => void): string | undefined => {
  try {
    run()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}

describe("An assertion", () => {
  const one = { a: 1 }
  const cases: Readonly<Record<string, readonly [holds: () => void, fails: () => void]>> = {
    isTrue: [() => Ours.isTrue(true), () => Ours.isTrue(false)],
    isFalse: [() => Ours.isFalse(false), () => Ours.isFalse(true)],
    isUndefined: [() => Ours.isUndefined(undefined), () => Ours.isUndefined(null)],
    instanceOf: [
      () => Ours.instanceOf(new Rejected(""), Rejected),
      () => Ours.instanceOf({}, Rejected)
    ],
    strictEqual: [() => Ours.strictEqual(one, one), () => Ours.strictEqual(one, { ...one })],
    "strictEqual of zeros": [() => Ours.strictEqual(-0, -0), () => Ours.strictEqual(0, -0)],
    notStrictEqual: [() => Ours.notStrictEqual(1, 2), () => Ours.notStrictEqual(1, 1)],
    deepStrictEqual: [
      () => Ours.deepStrictEqual([{ a: [1, "b"] }], [{ a: [1, "b"] }]),
      () => Ours.deepStrictEqual([{ a: [1, "b"] }], [{ a: [1, "c"] }])
    ],
    "deepStrictEqual of missing fields": [
      () => Ours.deepStrictEqual<object>({ a: undefined }, { a: undefined }),
      () => Ours.deepStrictEqual<object>({ a: undefined }, {})
    ],
    "deepStrictEqual of classes": [
      () => Ours.deepStrictEqual<object>(new Rejected("a"), new Rejected("a")),
      () => Ours.deepStrictEqual<object>(new Rejected("a"), { why: "a" })
    ],
    "deepStrictEqual of objects without a prototype": [
      () => Ours.deepStrictEqual(bare({ a: [one] }), { a: [one] }),
      () => Ours.deepStrictEqual(bare({ a: [one] }), { a: [2] })
    ],
    "deepStrictEqual of objects without a prototype in others": [
      () => Ours.deepStrictEqual(Option.some([bare(one)]), Option.some([{ ...one }])),
      () => Ours.deepStrictEqual(Option.some([bare(one)]), Option.some([{ a: 2 }]))
    ],
    "deepStrictEqual of dates beside them": [
      () => Ours.deepStrictEqual([bare(one), new Date(1)], [{ ...one }, new Date(1)]),
      () => Ours.deepStrictEqual([bare(one), new Date(1)], [{ ...one }, new Date(2)])
    ],
    "deepStrictEqual of classes beside them": [
      () => Ours.deepStrictEqual<unknown>([bare(one), new Rejected("a")], [one, new Rejected("a")]),
      () => Ours.deepStrictEqual<unknown>([bare(one), new Rejected("a")], [one, { why: "a" }])
    ],
    "deepStrictEqual of zeros": [
      () => Ours.deepStrictEqual({ n: -0 }, { n: -0 }),
      () => Ours.deepStrictEqual({ n: 0 }, { n: -0 })
    ],
    sameDeepMembers: [
      () => Ours.sameDeepMembers([[1], [2], [1]], [[2], [1], [1]]),
      () => Ours.sameDeepMembers([[1], [2], [1]], [[2], [1], [2]])
    ],
    "sameDeepMembers of fewer": [
      () => Ours.sameDeepMembers([], []),
      () => Ours.sameDeepMembers([[1]], [[1], [1]])
    ],
    deepInclude: [
      () => Ours.deepInclude({ a: [1], b: 2 }, { a: [1] }),
      () => Ours.deepInclude({ a: [1], b: 2 }, { a: [1], c: 3 })
    ],
    lengthOf: [() => Ours.lengthOf([1], 1), () => Ours.lengthOf([1], 2)],
    isNotEmpty: [() => Ours.isNotEmpty([1]), () => Ours.isNotEmpty([])],
    include: [() => Ours.include([1, 2], 2), () => Ours.include([1, 2], 3)],
    isAbove: [() => Ours.isAbove(2, 1), () => Ours.isAbove(1, 1)],
    isAtLeast: [() => Ours.isAtLeast(1, 1), () => Ours.isAtLeast(1, 2)],
    isBelow: [() => Ours.isBelow(1, 2), () => Ours.isBelow(1, 1)],
    isAtMost: [() => Ours.isAtMost(1, 1), () => Ours.isAtMost(2, 1)]
  }
  for (const [name, [holds, fails]] of Object.entries(cases)) {
    it(`fails on a wrong value alone: ${name}`, () => {
      assert.isUndefined(messageOf(holds))
      assert.isString(messageOf(fails))
    })
  }

  it("says what it is about, and shows the lines that differ", () => {
    assert.strictEqual(
      messageOf(() => Ours.deepStrictEqual({ a: 1, b: [2] }, { a: 1, b: [3] }, "both are alike")),
      'both are alike: expected the lines after "-", got those after "+"\n' +
        "- { a: 1, b: [3] }\n+ { a: 1, b: [2] }"
    )
    assert.strictEqual(
      messageOf(() => Ours.strictEqual<unknown>("a", 1, "one")),
      'one: expected 1, got "a"'
    )
  })

  it("shows few lines of lists of any length", () => {
    const many = Arr.makeBy(20_000, (n) => ({ n }))
    const message = messageOf(() =>
      Ours.deepStrictEqual(many, many.toSpliced(10_000, 1, { n: -1 }))
    )
    assert.include(message, "\n-   { n: -1 },\n+   { n: 10000 },")
    assert.isBelow((message ?? "").split("\n").length, 20)
    const shifted = messageOf(() => Ours.deepStrictEqual(many, many.slice(1)))
    assert.isBelow((shifted ?? "").split("\n").length, 500)
    const other = messageOf(() =>
      Ours.deepStrictEqual(
        many,
        many.map(({ n }) => ({ n: -n - 1 }))
      )
    )
    assert.isBelow((other ?? "").split("\n").length, 500)
  })
})
