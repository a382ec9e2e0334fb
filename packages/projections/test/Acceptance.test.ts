import * as Schema from "effect/Schema"
import { assert, describe, it } from "@effect/vitest"
import * as Acceptance from "../src/internal/fold/acceptance.ts"

let checks = 0
const counted = Schema.makeFilter((element: { readonly n: number }) => {
  checks++
  return element.n >= 0
})
const Element = Schema.Struct({ n: Schema.Finite }).check(counted)

const Row = Schema.Struct({ id: Schema.String, list: Schema.Array(Element) })
const accepts = Acceptance.make(Row)
const rowOf = (list: ReadonlyArray<{ readonly n: number }>) => ({ id: "a", list })
const numbers = Array.from({ length: 1_000 }, (_, n) => ({ n }))

const checksOf = (run: () => boolean) => {
  checks = 0
  assert.isTrue(run())
  return checks
}

describe("acceptance", () => {
  it("checks of a list what was not in it before", () => {
    const before = rowOf(numbers)
    assert.strictEqual(
      checksOf(() => accepts(before)),
      1_000
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf([...numbers, { n: 1 }]), before)),
      1
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf([{ n: 1 }, ...numbers]), before)),
      1
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf(numbers.with(500, { n: 1 })), before)),
      1
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf(numbers.toSpliced(500, 1)), before)),
      0
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf([]), before)),
      0
    )
  })

  it("checks of a short list what was not in it before", () => {
    const few = numbers.slice(0, 10)
    const before = rowOf(few)
    for (const list of [
      [...few, { n: 1 }],
      [{ n: 1 }, ...few],
      few.with(5, { n: 1 }),
      [...few.slice(1), { n: 1 }]
    ]) {
      assert.strictEqual(
        checksOf(() => accepts(rowOf(list), before)),
        1
      )
      assert.isFalse(
        accepts(rowOf(list.map((one) => (few.includes(one) ? one : { n: -1 }))), before)
      )
    }
    assert.strictEqual(
      checksOf(() => accepts(rowOf(few.toSpliced(3, 4)), before)),
      0
    )
    assert.strictEqual(
      checksOf(() => accepts(rowOf(few))),
      10
    )
  })

  it("checks a zero whose sign has changed", () => {
    const positive = Schema.makeFilter((n: number) => !Object.is(n, -0))
    const Signed = Schema.Finite.check(positive)
    const acceptsSigned = Acceptance.make(Schema.Struct({ n: Signed, list: Schema.Array(Signed) }))
    assert.isTrue(acceptsSigned({ n: 0, list: [0] }, { n: 0, list: [0] }))
    assert.isFalse(acceptsSigned({ n: -0, list: [0] }, { n: 0, list: [0] }))
    assert.isFalse(acceptsSigned({ n: 0, list: [-0] }, { n: 0, list: [0] }))
  })

  it("refuses what the schema refuses, wherever it is new", () => {
    const before = rowOf(numbers)
    for (const list of [
      [...numbers, { n: -1 }],
      [{ n: -1 }, ...numbers],
      numbers.with(500, { n: -1 }),
      numbers.toReversed().with(3, { n: -1 }),
      [{ n: -1 }]
    ]) {
      assert.isFalse(accepts(rowOf(list), before))
      // A refused element is not remembered as accepted.
      assert.isFalse(accepts(rowOf(list), before))
    }
    // Of a type that TypeScript would refuse, as a fold in JavaScript may return it.
    const wrong: unknown = { ...before, id: 1 }
    assert.isFalse(accepts(wrong as typeof before, before))
  })

  it("looks at a field that is absent, or new, as the schema of the row does", () => {
    const Optional = Schema.Struct({ id: Schema.String, note: Schema.optionalKey(Schema.String) })
    const acceptsOptional = Acceptance.make(Optional)
    const before = { id: "a", note: "b" }
    assert.isTrue(acceptsOptional({ id: "a" }, before))
    assert.isTrue(acceptsOptional({ id: "b", note: "c" }, before))
    const wrong: ReadonlyArray<unknown> = [
      { note: "b" },
      { id: "a", note: undefined },
      { id: undefined, note: "b" },
      { id: "a", note: 1 },
      [],
      null
    ]
    for (const row of wrong) {
      assert.isFalse(acceptsOptional(row as typeof before, before))
      assert.isFalse(acceptsOptional(row as typeof before))
    }
  })

  it("checks a list as a whole where something is said of the whole", () => {
    const few = Schema.makeFilter((list: ReadonlyArray<unknown>) => list.length < 1_001)
    const Few = Schema.Struct({ id: Schema.String, list: Schema.Array(Element).check(few) })
    const row = Schema.makeFilter(
      ({ list }: { readonly list: ReadonlyArray<unknown> }) => list.length < 1_001
    )
    for (const schema of [Few, Row.check(row)]) {
      const acceptsFew = Acceptance.make(schema)
      assert.isTrue(acceptsFew(rowOf(numbers)))
      assert.isFalse(acceptsFew(rowOf([...numbers, { n: 1 }]), rowOf(numbers)))
    }
  })
})
