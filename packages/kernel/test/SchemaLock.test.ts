import * as EventCodec from "@daybook/kernel/EventCodec"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import * as Upcaster from "@daybook/kernel/Upcaster"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

type Fields = Schema.Struct.Fields

/** The lock of a codec whose only event, `Sold`, has these fields. */
const lockOf = (fields: Fields) =>
  SchemaLock.describe(
    EventCodec.make({ name: "till", events: Schema.TaggedUnion({ Sold: codecFields(fields) }) })
  )

/** Fields that need no services. */
const codecFields = (fields: Fields) =>
  fields as { readonly [name: string]: Schema.Codec<unknown, unknown> }

/** A declaration that the library does not know. */
class Own {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const base = {
  price: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
  buyer: Schema.Struct({ name: Schema.String, age: Schema.optionalKey(Schema.Int) }),
  kind: Schema.Literals(["cash", "card"]),
  tags: Schema.Array(Schema.String),
  at: Schema.DateTimeUtc
}

const differences = (before: Fields, after: Fields) =>
  SchemaLock.compare(lockOf(before), lockOf(after))

describe("SchemaLock", () => {
  it("describes what is stored and what it decodes to, field by field", () => {
    assert.deepStrictEqual(lockOf(base).events, {
      Sold: {
        "1": {
          price: 'number, isInt, isBetween {"maximum":9,"minimum":0}',
          "buyer.name": "string",
          "buyer.age?": "number, isInt",
          kind: '"card" | "cash"',
          tags: "array",
          "tags[]": "string",
          at: "string",
          "at decoded": "DateTimeUtc"
        }
      }
    })
  })

  it("has words for every kind of schema, and its checks", () => {
    const kinds = {
      empty: Schema.Struct({}),
      checked: Schema.Struct({ a: Schema.String }).check(
        Schema.makeFilter(() => true, { expected: "a fine one" })
      ),
      unexplained: Schema.String.check(Schema.makeFilter(() => true)),
      map: Schema.Record(Schema.String, Schema.Int),
      pair: Schema.Tuple([Schema.String, Schema.optionalKey(Schema.Int)]),
      some: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Int, Schema.Boolean]),
      either: Schema.Union([
        Schema.Struct({ a: Schema.String }),
        Schema.Struct({ b: Schema.Int })
      ]).check(Schema.makeFilter(() => true, { expected: "one of them" })),
      mixed: Schema.Union([Schema.String, Schema.Null]).check(
        Schema.makeFilter(() => true, { expected: "or not" })
      ),
      reversed: Schema.Union([Schema.Null, Schema.Literal("a")]),
      literals: Schema.Literals(["b", "a", 3]),
      "a b": Schema.BigInt,
      anything: Schema.Unknown,
      template: Schema.TemplateLiteral(["a-", Schema.String]),
      annotated: Schema.TemplateLiteral(["b-", Schema.String.annotate({ description: "a text" })]),
      pattern: Schema.String.check(Schema.isPattern(/^x$/u, { expected: "an x" })),
      grouped: Schema.String.check(
        Schema.makeFilterGroup([Schema.isMinLength(1), Schema.isMaxLength(5)])
      ),
      names: Schema.Record(Schema.String, Schema.Int).check(
        Schema.isPropertyNames(Schema.String.check(Schema.isMaxLength(5)))
      ),
      known: Schema.StructWithRest(Schema.Struct({ a: Schema.Int }), [
        Schema.Record(Schema.String, Schema.Int)
      ]),
      bigints: Schema.Literals([1n, -2n]),
      own: Schema.String.pipe(
        Schema.decodeTo(Schema.instanceOf(Own), {
          decode: SchemaGetter.transform((text: string) => new Own(text)),
          encode: SchemaGetter.transform(({ text }: Own) => text)
        })
      )
    }
    assert.deepStrictEqual(lockOf(kinds).events["Sold"]?.["1"], {
      empty: "object",
      checked: "object, a fine one",
      "checked.a": "string",
      unexplained: "string, a check",
      "map[key]": "string",
      "map[*]": "number, isInt",
      pair: "array",
      "pair[0]": "string",
      "pair[1]?": "number, isInt",
      some: "array",
      "some[0]": "string",
      "some[]": "number, isInt",
      "some[+1]": "boolean",
      either: "one of 2, one of them",
      "either<1>.a": "string",
      "either<2>.b": "number, isInt",
      mixed: "string | null, or not",
      reversed: 'null | "a"',
      literals: '"a" | "b" | 3',
      '"a b"': "string, isStringBigInt",
      '"a b" decoded': "bigint",
      anything: "Json",
      "anything decoded": "unknown",
      template:
        '{"_tag":"TemplateLiteral","checks":[],"parts":[{"_tag":"Literal","checks":[],"literal":"a-"},{"_tag":"String","checks":[]}]}',
      annotated:
        '{"_tag":"TemplateLiteral","checks":[],"parts":[{"_tag":"Literal","checks":[],"literal":"b-"},{"_tag":"String","checks":[]}]}',
      pattern: 'string, isPattern {"flags":"u","source":"^x$"}',
      grouped: 'string, isMinLength {"minLength":1}, isMaxLength {"maxLength":5}',
      names: 'object, isPropertyNames (string, isMaxLength {"maxLength":5})',
      "names[key]": "string",
      "names[*]": "number, isInt",
      "known.a": "number, isInt",
      "known[key]": "string",
      "known[*]": "number, isInt",
      bigints: '"-2" | "1"',
      "bigints decoded": "-2n | 1n",
      own: "string",
      "own decoded": "declared"
    })
  })

  it("describes each of several shapes that a field may have", () => {
    const Money = Schema.Struct({ minor: Schema.Int }).annotate({ identifier: "Money" })
    const unions = {
      text: Schema.Union([Schema.String, Schema.Struct({})]),
      list: Schema.Union([Schema.Array(Schema.String), Schema.Null]),
      nested: Schema.Union([Schema.Union([Schema.Int, Schema.Null]), Schema.String]),
      named: Schema.Union([Money, Schema.Null]),
      later: Schema.Union([Schema.suspend(() => Schema.String), Schema.Null])
    }
    assert.deepStrictEqual(lockOf(unions).events["Sold"]?.["1"], {
      text: "one of 2",
      "text<1>": "string",
      "text<2>": "object",
      list: "one of 2",
      "list<1>": "array",
      "list<1>[]": "string",
      "list<2>": "null",
      nested: "one of 2",
      "nested<1>": "number, isInt | null",
      "nested<2>": "string",
      named: "one of 2",
      "named<1>.minor": "number, isInt",
      "named<2>": "null",
      later: "one of 2",
      "later<1>": "string",
      "later<2>": "null"
    })
  })

  it("describes what several fields have in common at each of them", () => {
    const Money = Schema.Struct({ minor: Schema.Int }).annotate({ identifier: "Money" })
    assert.deepStrictEqual(lockOf({ paid: Money, tip: Money }).events["Sold"]?.["1"], {
      "paid.minor": "number, isInt",
      "tip.minor": "number, isInt"
    })
  })

  it("has no field of a version that stored nothing", () => {
    const events = Schema.TaggedUnion({ Opened: { by: Schema.String } })
    const past = {
      Opened: Upcaster.from(Schema.Struct({})).into(() => ({ _tag: "Opened", by: "" }) as const)
    }
    const codec = EventCodec.make({ name: "till", events, past })
    assert.deepStrictEqual(SchemaLock.describe(codec).events["Opened"], {
      "1": {},
      "2": { by: "string" }
    })
  })

  it("dies of two kinds of keys in one object, which it can't distinguish", () => {
    const fields = {
      map: Schema.StructWithRest(Schema.Struct({}), [
        Schema.Record(Schema.String, Schema.Json),
        Schema.Record(Schema.TemplateLiteral(["n-", Schema.String]), Schema.Int)
      ])
    }
    assert.throws(() => lockOf(fields), "Two fields are described at map[key]")
  })

  it("says of every difference what was there and what is, and what to do", () => {
    const broken = (
      differences: ReadonlyArray<typeof SchemaLock.Difference.Type>
    ): ReadonlyArray<string> =>
      new SchemaLock.SchemaLockBroken({ codec: "till", differences }).message.split("\n")
    const at = { type: "Sold", schemaVersion: "2" }
    assert.deepStrictEqual(
      broken([
        { _tag: "FieldChanged", ...at, path: "minor", locked: "number", current: "string" },
        { _tag: "FieldChanged", ...at, path: "", current: "object" },
        { _tag: "FieldChanged", ...at, path: "gone", locked: "string" },
        { _tag: "VersionGone", ...at },
        { _tag: "VersionAdded", ...at },
        { _tag: "OptionalAdded", ...at, path: "note?" }
      ]),
      [
        "The stored contract of till differs from its lock:",
        "  Sold version 2, minor: was number, is string",
        "  Sold version 2, the data: was not there, is object",
        "  Sold version 2, gone: was string, is not there",
        "  Sold version 2: is gone",
        "  Sold version 2: is not in the lock yet",
        "  Sold version 2, note?: is not in the lock yet",
        "Events in these shapes are stored: put the schema back, and add a new version with an upcaster."
      ]
    )
    assert.deepStrictEqual(broken([{ _tag: "VersionGone", ...at }]), [
      "The stored contract of till differs from its lock:",
      "  Sold version 2: is gone",
      "Events in these shapes are stored: put the schema back, and add a new version with an upcaster."
    ])
    assert.deepStrictEqual(broken([{ _tag: "VersionAdded", ...at }]), [
      "The stored contract of till differs from its lock:",
      "  Sold version 2: is not in the lock yet",
      "Write the lock again: nothing that is stored is affected."
    ])
  })

  it("has types by name, versions by number and fields by name", () => {
    const lock = {
      codec: "till",
      events: { b: { "10": { y: "1", x: "2" }, "9": {}, a1: {} }, a: {} }
    }
    assert.strictEqual(
      SchemaLock.toText(lock).replace(/\s/g, ""),
      '{"codec":"till","events":{"a":{},"b":{"9":{},"10":{"x":"2","y":"1"},"a1":{}}}}'
    )
    assert.deepStrictEqual(
      SchemaLock.compare({ codec: "till", events: {} }, lock).map(
        ({ schemaVersion }) => schemaVersion
      ),
      ["9", "10", "a1"]
    )
    assert.deepStrictEqual(
      SchemaLock.compare(
        { codec: "till", events: { b: { "1": { x: "1", y: "2" } } } },
        { codec: "till", events: { b: { "1": { z: "3", y: "2" } } } }
      ),
      [
        { _tag: "FieldChanged", type: "b", schemaVersion: "1", path: "x", locked: "1" },
        { _tag: "FieldChanged", type: "b", schemaVersion: "1", path: "z", current: "3" }
      ]
    )
  })

  it("orders versions by number and all else by text, whatever came first", () => {
    const versions = ["9", "10", "100", "9a", "10a", "a9", "a10"]
    const lock = (...names: ReadonlyArray<string>) => ({
      codec: "till",
      events: { b: Object.fromEntries(names.map((name) => [name, {}])) }
    })
    for (const [one, other] of [
      ["9", "10"],
      ["10", "100"],
      ["10a", "9a"],
      ["10a", "9"],
      ["#10", "9"],
      ["10", "9a"],
      ["a10", "a9"],
      ["10", "a9"],
      ["9", "a10"]
    ] as const) {
      for (const [was, is] of [
        [lock(one), lock(other)],
        [lock(other), lock(one)]
      ] as const) {
        assert.deepStrictEqual(
          SchemaLock.compare(was, is).map(({ schemaVersion }) => schemaVersion),
          [one, other]
        )
      }
    }
    assert.lengthOf(SchemaLock.compare(lock(), lock(...versions)), versions.length)
  })

  it("stays the same when only the source changed", () => {
    const Price = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })).annotate({
      title: "Price",
      description: "in minor units"
    })
    const renamed = {
      at: Schema.DateTimeUtc,
      tags: Schema.Array(Schema.String),
      kind: Schema.Literals(["card", "cash"]),
      buyer: Schema.Struct({ age: Schema.optionalKey(Schema.Int), name: Schema.String }),
      price: Price
    }
    assert.deepStrictEqual(differences(base, renamed), [])
    assert.strictEqual(SchemaLock.toText(lockOf(base)), SchemaLock.toText(lockOf(renamed)))
  })

  it("changes with a type, an optional mark, a literal, a check and a name, naming the field", () => {
    const changes: ReadonlyArray<readonly [path: string, fields: Fields]> = [
      ["price", { ...base, price: Schema.String }],
      ["price", { ...base, price: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) }],
      [
        "price",
        { ...base, price: base.price.check(Schema.makeFilter(() => true, { expected: "even" })) }
      ],
      ["price", { ...base, price: Schema.optionalKey(base.price) }],
      ["kind", { ...base, kind: Schema.Literals(["cash", "card", "gift"]) }],
      ["tags", { ...base, tags: Schema.Array(Schema.String).check(Schema.isMinLength(1)) }],
      ["tags[]", { ...base, tags: Schema.Array(Schema.Int) }],
      ["at", { ...base, at: Schema.DateTimeUtcFromMillis }],
      ["buyer.name", { ...base, buyer: Schema.Struct({ label: Schema.String }) }],
      ["buyer", { ...base, buyer: Schema.NullOr(Schema.String) }],
      ["extra", { ...base, extra: Schema.String }]
    ]
    for (const [path, fields] of changes) {
      const found = differences(base, fields).filter(({ _tag }) => _tag === "FieldChanged")
      assert.isTrue(
        found.some((difference) => "path" in difference && difference.path.startsWith(path)),
        path
      )
      const extended = SchemaLock.extend(lockOf(base), lockOf(fields))
      if (Result.isSuccess(extended)) return assert.fail(path)
      assert.include(extended.failure.message, "Sold version 1, ")
      assert.include(extended.failure.message, "add a new version with an upcaster")
    }
  })

  it("does not depend on the names that schemas have", () => {
    const Money = Schema.Struct({ minor: Schema.Int })
    const named = (identifier: string) => ({ paid: Money.annotate({ identifier }) })
    assert.deepStrictEqual(differences({ paid: Money }, named("Money")), [])
    assert.deepStrictEqual(differences(named("Money"), named("Betrag")), [])
    const tip = {
      ...named("Money"),
      tip: Schema.optionalKey(Money.annotate({ identifier: "Tip" }))
    }
    assert.deepStrictEqual(
      differences(named("Money"), tip).map(({ _tag }) => _tag),
      ["OptionalAdded"]
    )
  })

  it("describes a recursive schema to where it begins again", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({
      children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
    })
    const { Sold } = lockOf({ tree: Tree }).events
    assert.deepStrictEqual(Sold?.["1"], {
      "tree.children": "array",
      "tree.children[]": "as at tree"
    })
  })

  it("describes an event that is recursive itself to where it begins again", () => {
    interface Sold {
      readonly _tag: "Sold"
      readonly parts: ReadonlyArray<Sold>
    }
    const events = Schema.TaggedUnion({
      Sold: { parts: Schema.Array(Schema.suspend((): Schema.Codec<Sold> => events.cases.Sold)) }
    })
    assert.deepStrictEqual(
      SchemaLock.describe(EventCodec.make({ name: "till", events })).events["Sold"]?.["1"],
      { parts: "array", "parts[]": "as at the top" }
    )
  })

  it("distinguishes fields whose paths look the same, and every part of a tuple", () => {
    const dotted = lockOf({ "a.b": Schema.String })
    const nested = lockOf({ a: Schema.Struct({ b: Schema.String }) })
    assert.notStrictEqual(SchemaLock.toText(dotted), SchemaLock.toText(nested))
    const tuple = (last: typeof Schema.Boolean | typeof Schema.Finite) => ({
      t: Schema.TupleWithRest(Schema.Tuple([Schema.String]), [last, Schema.String])
    })
    assert.notDeepEqual(differences(tuple(Schema.Boolean), tuple(Schema.Finite)), [])
  })

  it("takes a field that may be absent, with a default or without, into a released version", () => {
    const wider = {
      ...base,
      note: Schema.optionalKey(Schema.String),
      till: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1)))
    }
    assert.deepStrictEqual(
      differences(base, wider).map(({ _tag, ...rest }) => [_tag, "path" in rest ? rest.path : ""]),
      [
        ["OptionalAdded", "note?"],
        ["OptionalAdded", "till?"]
      ]
    )
    assert.isTrue(Result.isSuccess(SchemaLock.extend(lockOf(base), lockOf(wider))))
  })

  it("does not take a field that may be absent now for a new one", () => {
    assert.deepStrictEqual(
      differences(
        { note: Schema.String, other: Schema.Int },
        { note: Schema.optionalKey(Schema.String), other: Schema.Int }
      ),
      [
        { _tag: "FieldChanged", type: "Sold", schemaVersion: "1", path: "note", locked: "string" },
        { _tag: "FieldChanged", type: "Sold", schemaVersion: "1", path: "note?", current: "string" }
      ]
    )
  })

  it("takes a field that may be absent, whatever the names of others begin with", () => {
    const noted = { noted: Schema.Struct({ by: Schema.String }) }
    assert.deepStrictEqual(
      differences(noted, { ...noted, note: Schema.optionalKey(Schema.String) }),
      [{ _tag: "OptionalAdded", type: "Sold", schemaVersion: "1", path: "note?" }]
    )
  })

  it("does not take a question mark in a name for one that may be absent", () => {
    const [difference] = differences({}, { "is it sure?": Schema.String })
    assert.deepInclude(difference, { _tag: "FieldChanged", path: '"is it sure?"' })
    const [optional] = differences({}, { '"sure?" \\': Schema.optionalKey(Schema.String) })
    assert.deepInclude(optional, { _tag: "OptionalAdded" })
    const both = { "sure?": Schema.String, sure: Schema.optionalKey(Schema.Int), '"s"': Schema.Int }
    assert.deepStrictEqual(lockOf(both).events["Sold"]?.["1"], {
      '"sure?"': "string",
      "sure?": "number, isInt",
      '"\\"s\\""': "number, isInt"
    })
  })

  it("takes what may be absent inside of what may be absent, and nothing that must be there", () => {
    const within = (fields: Schema.Struct.Fields) => ({
      address: Schema.optionalKey(
        Schema.Struct({ line: Schema.optionalKey(Schema.String), ...fields })
      )
    })
    const path = "address?.unit"
    assert.deepStrictEqual(
      differences(within({}), within({ unit: Schema.optionalKey(Schema.String) })),
      [{ _tag: "OptionalAdded", type: "Sold", schemaVersion: "1", path: `${path}?` }]
    )
    const [required] = differences(within({}), within({ unit: Schema.String }))
    assert.deepInclude(required, { _tag: "FieldChanged", path })
  })

  it("takes new versions and types, and refuses that one disappears, former names included", () => {
    const events = Schema.TaggedUnion({ Sold: { minor: Schema.Int } })
    const past = {
      Sold: Upcaster.from(Schema.Struct({ price: Schema.Finite })).into(({ price }) => ({
        _tag: "Sold",
        minor: Math.round(price * 100)
      }))
    }
    const first = SchemaLock.describe(
      EventCodec.make({
        name: "till",
        events: Schema.TaggedUnion({ Sold: { price: Schema.Finite } })
      })
    )
    const second = SchemaLock.describe(
      EventCodec.make({ name: "till", events, past, formerNames: { Sold: ["Vended"] } })
    )
    assert.deepStrictEqual(
      SchemaLock.compare(first, second).map((d) => `${d._tag} ${d.type} ${d.schemaVersion}`),
      ["VersionAdded Sold 2", "VersionAdded Vended 1", "VersionAdded Vended 2"]
    )
    assert.deepStrictEqual(SchemaLock.extend(first, second), Result.succeed(second))
    const retired = SchemaLock.extend(second, first)
    if (Result.isSuccess(retired)) return assert.fail("it was extended")
    assert.strictEqual(retired.failure._tag, "SchemaLockBroken")
    assert.deepStrictEqual(
      retired.failure.differences.map((d) => `${d._tag} ${d.type} ${d.schemaVersion}`),
      ["VersionGone Sold 2", "VersionGone Vended 1", "VersionGone Vended 2"]
    )
    const forgotten = SchemaLock.describe(EventCodec.make({ name: "till", events, past }))
    assert.deepStrictEqual(
      SchemaLock.compare(second, forgotten).map((d) => `${d._tag} ${d.type} ${d.schemaVersion}`),
      ["VersionGone Vended 1", "VersionGone Vended 2"]
    )
  })

  it("reads what it writes, and refuses what is no lock", () => {
    const lock = lockOf(base)
    assert.deepStrictEqual(SchemaLock.fromText(SchemaLock.toText(lock)), Result.succeed(lock))
    for (const text of ["", "{}", '{"codec":1,"events":{}}']) {
      assert.isTrue(Result.isFailure(SchemaLock.fromText(text)), text)
    }
  })
})
