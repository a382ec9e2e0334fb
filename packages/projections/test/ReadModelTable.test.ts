import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { ColumnType } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const source = {
  category: Category.make("row"),
  codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
}

const derive = (
  fields: Schema.Struct.Fields,
  options: {
    readonly primaryKey?: ReadonlyArray<string>
    readonly indexes?: ReadonlyArray<ReadonlyArray<string>>
  } = {}
) => {
  // The fields need no services, and rows may be of any type.
  const row = Schema.Struct(fields) as Schema.Top as Projection.RowSchema<{
    readonly [field: string]: unknown
  }>
  const projection = Projection.define({
    name: "some_rows",
    version: 1,
    from: [source],
    row,
    primaryKey: options.primaryKey ?? ["id"],
    indexes: options.indexes ?? []
  }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
  return ReadModelTable.make(projection)
}

const table = (fields: Schema.Struct.Fields, options?: Parameters<typeof derive>[1]) =>
  Result.getOrThrow(derive({ id: Schema.String, ...fields }, options))

const columnsOf = (fields: Schema.Struct.Fields) =>
  Object.fromEntries(
    table(fields).columns.map(({ name, nullable, type }) => [
      name,
      `${type}${nullable ? "" : " not null"}`
    ])
  )

const Uuid = Schema.String.check(Schema.isUUID())

const many = Object.fromEntries(
  Array.from({ length: 33 }, (_, n) => [`n${n}`, Schema.Int] as const)
)

describe("A table", () => {
  it("has a column of the type that fits for each field", () => {
    assert.deepStrictEqual(
      columnsOf({
        text: Schema.String,
        nonEmpty: Schema.NonEmptyString,
        branded: Schema.String.pipe(Schema.brand("Name")),
        status: Schema.Literals(["draft", "shipped"]),
        template: Schema.TemplateLiteral(["order-", Schema.String]),
        whole: Schema.Int,
        positive: Schema.Int.check(Schema.isGreaterThan(0)),
        checkedWhole: Schema.Number.check(Schema.isInt()),
        level: Schema.Literals([1, 2, 3]),
        half: Schema.Literals([0.5, 1]),
        real: Schema.Finite,
        anyNumber: Schema.Number,
        digits: Schema.BigInt,
        yes: Schema.Boolean,
        always: Schema.Literal(true),
        at: Schema.DateTimeUtc,
        date: Schema.Date,
        uuid: Uuid,
        uuid4: Schema.String.check(Schema.isUUID(4)),
        guid: Schema.String.check(Schema.isGUID()),
        list: Schema.Array(Schema.String),
        nested: Schema.Struct({ a: Schema.Int }),
        mixed: Schema.Union([Schema.String, Schema.Int]),
        json: Schema.Json,
        duration: Schema.Duration,
        bytes: Schema.Uint8Array
      }),
      {
        id: "text not null",
        text: "text not null",
        non_empty: "text not null",
        branded: "text not null",
        status: "text not null",
        template: "text not null",
        whole: "bigint not null",
        positive: "bigint not null",
        checked_whole: "bigint not null",
        level: "bigint not null",
        half: "double precision not null",
        real: "double precision not null",
        // NaN and the infinities are not numbers of JSON.
        any_number: "jsonb not null",
        digits: "numeric not null",
        yes: "boolean not null",
        always: "boolean not null",
        at: "timestamptz not null",
        date: "timestamptz not null",
        uuid: "uuid not null",
        uuid4: "uuid not null",
        guid: "uuid not null",
        list: "jsonb not null",
        nested: "jsonb not null",
        mixed: "jsonb not null",
        json: "jsonb",
        duration: "jsonb not null",
        bytes: "jsonb not null"
      }
    )
  })

  it("has a column that may be null for a field that may be null, or absent", () => {
    assert.deepStrictEqual(
      columnsOf({
        text: Schema.NullOr(Schema.String),
        whole: Schema.NullOr(Schema.Int),
        status: Schema.NullOr(Schema.Literals(["draft", "shipped"])),
        at: Schema.optionalKey(Schema.DateTimeUtc),
        uuid: Schema.optionalKey(Uuid),
        nothing: Schema.Null
      }),
      {
        id: "text not null",
        text: "text",
        whole: "bigint",
        status: "text",
        at: "timestamptz",
        uuid: "uuid",
        nothing: "jsonb"
      }
    )
  })

  it("has a column that may be null for a field with a default, and for one that hides that it may be absent", () => {
    assert.deepStrictEqual(
      columnsOf({
        till: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
        note: Schema.OptionFromOptionalKey(Schema.String),
        unknown: Schema.UndefinedOr(Schema.String)
      }),
      { id: "text not null", till: "bigint", note: "jsonb", unknown: "text" }
    )
  })

  it("has a column of JSON where what is stored and what is read are of two kinds", () => {
    const read = <To extends Schema.Top>(to: To) =>
      Schema.decodeTo(to, {
        decode: SchemaGetter.passthrough({ strict: false }),
        encode: SchemaGetter.passthrough({ strict: false })
      })
    assert.deepStrictEqual(
      columnsOf({
        millis: Schema.DateTimeUtcFromMillis,
        rounded: Schema.Finite.pipe(read(Schema.Int)),
        measured: Schema.Int.pipe(read(Schema.Finite)),
        yes: Schema.Boolean.pipe(read(Schema.String)),
        no: Schema.String.pipe(read(Schema.Boolean)),
        list: Schema.Array(Schema.String).pipe(read(Schema.String)),
        numberedIds: Schema.String.pipe(read(Schema.Int))
      }),
      {
        id: "text not null",
        millis: "jsonb not null",
        rounded: "double precision not null",
        measured: "double precision not null",
        yes: "jsonb not null",
        no: "jsonb not null",
        list: "jsonb not null",
        numbered_ids: "jsonb not null"
      }
    )
  })

  it("has columns of types that it names, whatever is checked of their fields", () => {
    const { columns } = table({
      even: Schema.Int.check(Schema.makeFilter((n: number) => n % 2 === 0)),
      short: Uuid.check(Schema.makeFilterGroup([Schema.isMinLength(1), Schema.isMaxLength(40)])),
      grouped: Schema.String.check(Schema.makeFilterGroup([Schema.isMinLength(1), Schema.isUUID()]))
    })
    assert.deepStrictEqual(
      columns.map(({ type }) => type),
      ["text", "bigint", "uuid", "uuid"]
    )
    const types = "text, bigint, numeric, double precision, boolean, timestamptz, uuid, jsonb"
    assert.strictEqual(
      [...types.split(", "), "integer", ""].filter(Schema.is(ColumnType)).join(", "),
      types
    )
  })

  it("has names of up to 63 characters, and keys and indexes of up to 32 fields", () => {
    const fields = Object.fromEntries(Object.keys(many).map((name) => [name, Schema.Int]))
    const first = Object.keys(many).slice(0, 32)
    const longest = "x".repeat(63)
    const of = Result.getOrThrow(
      derive({ ...fields, [longest]: Schema.Int }, { primaryKey: first, indexes: [first] })
    )
    assert.lengthOf(of.primaryKey, 32)
    assert.lengthOf(of.indexes[0] ?? [], 32)
    assert.strictEqual(of.columns.at(-1)?.name, longest)
  })

  it("names columns in small letters with _", () => {
    const columns = table({
      customerId: Schema.Int,
      totalGBP: Schema.Int,
      URLOfPage: Schema.Int,
      line2Text: Schema.Int,
      already_so: Schema.Int
    }).columns.map(({ field, name }) => [field, name])
    assert.deepStrictEqual(columns, [
      ["id", "id"],
      ["customerId", "customer_id"],
      ["totalGBP", "total_gbp"],
      ["URLOfPage", "url_of_page"],
      ["line2Text", "line2_text"],
      ["already_so", "already_so"]
    ])
  })

  it("is described in lines that do not depend on the order of fields and indexes", () => {
    const fields = { id: Schema.String, total: Schema.Int, note: Schema.NullOr(Schema.String) }
    const one = Result.getOrThrow(derive(fields, { indexes: [["total"], ["note", "total"]] }))
    const other = Result.getOrThrow(
      derive(
        { note: fields.note, total: fields.total, id: fields.id },
        { indexes: [["note", "total"], ["total"]] }
      )
    )
    assert.deepStrictEqual(one.description, other.description)
    assert.includeMembers(Array.from(one.description), [
      "id text not null",
      "note text",
      "total bigint not null",
      "primary key (id)",
      "index (note, total)",
      "index (total)"
    ])
  })

  it("is described otherwise when anything that is stored or accepted changes", () => {
    const described = (
      fields: Schema.Struct.Fields,
      options: Parameters<typeof derive>[1] = {}
    ): string =>
      Result.getOrThrow(derive({ id: Schema.String, ...fields }, options)).description.join("\n")
    const one = described({ n: Schema.Int, json: Schema.Struct({ a: Schema.Int }) })
    const others = [
      described({ n: Schema.Finite, json: Schema.Struct({ a: Schema.Int }) }),
      described({ n: Schema.NullOr(Schema.Int), json: Schema.Struct({ a: Schema.Int }) }),
      described({ n: Schema.Int, json: Schema.Struct({ a: Schema.String }) }),
      described({ n: Schema.Int, json: Schema.Struct({ b: Schema.Int }) }),
      described({
        n: Schema.Int.check(Schema.isGreaterThan(0)),
        json: Schema.Struct({ a: Schema.Int })
      }),
      described({ m: Schema.Int, json: Schema.Struct({ a: Schema.Int }) }),
      described(
        { n: Schema.Int, json: Schema.Struct({ a: Schema.Int }) },
        { primaryKey: ["id", "n"] }
      ),
      described({ n: Schema.Int, json: Schema.Struct({ a: Schema.Int }) }, { indexes: [["n"]] })
    ]
    assert.strictEqual(new Set([one, ...others]).size, others.length + 1)
  })

  it("is derived once for a projection", () => {
    const projection = Projection.define({
      name: "once",
      version: 1,
      from: [source],
      row: Schema.Struct({ id: Schema.String }),
      primaryKey: ["id"]
    }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
    assert.strictEqual(ReadModelTable.make(projection), ReadModelTable.make(projection))
  })
})

describe("There is no table", () => {
  for (const [why, fields, options, field, issue] of [
    ["of a name that is none", { "a b": Schema.Int }, {}, "a b", /begin with a letter/],
    ["of a name that begins with a digit", { "1a": Schema.Int }, {}, "1a", /begin with a letter/],
    ["of a name with quotes", { 'a"; DROP': Schema.Int }, {}, 'a"; DROP', /begin with a letter/],
    ["of letters beyond ASCII", { größe: Schema.Int }, {}, "größe", /begin with a letter/],
    ["of a name too long", { ["x".repeat(64)]: Schema.Int }, {}, "x".repeat(64), /longer than 63/],
    ["with a column that PostgreSQL has", { xmin: Schema.Int }, {}, "xmin", /its own xmin/],
    ...["tableoid", "cmin", "xmax", "cmax", "ctid"].map(
      (name) =>
        [
          `with a column that PostgreSQL has, ${name}`,
          { [name]: Schema.Int },
          {},
          name,
          new RegExp(`^has no column: PostgreSQL has its own ${name}$`)
        ] as const
    ),
    ["with two columns of one name", { aB: Schema.Int, a_b: Schema.Int }, {}, "a_b", /as aB has/],
    [
      "where null and absence would be one",
      { n: Schema.optionalKey(Schema.NullOr(Schema.Int)) },
      {},
      "n",
      /may be null and may be absent/
    ],
    ["without a key", {}, { primaryKey: [] }, "the primary key", /is empty/],
    [
      "with a key of another row",
      {},
      { primaryKey: ["it"] },
      "it",
      /^of the primary key is not a field of the row$/
    ],
    [
      "with a key that repeats itself",
      {},
      { primaryKey: ["id", "id"] },
      "id, id",
      /^of the primary key names a field twice$/
    ],
    [
      "with a key that may be null",
      { n: Schema.NullOr(Schema.Int) },
      { primaryKey: ["n"] },
      "n",
      /null/
    ],
    [
      "with a key that may be absent",
      { n: Schema.optionalKey(Schema.Int) },
      { primaryKey: ["n"] },
      "n",
      /null/
    ],
    ["with a key of JSON", { n: Schema.Array(Schema.Int) }, { primaryKey: ["n"] }, "n", /jsonb/],
    [
      "with a key of a number that is not whole",
      { n: Schema.Finite },
      { primaryKey: ["n"] },
      "n",
      /double precision/
    ],
    [
      "with a key of too many fields",
      many,
      { primaryKey: Object.keys(many) },
      Object.keys(many).join(", "),
      /more than 32/
    ],
    [
      "with an index of another row",
      {},
      { indexes: [["it"]] },
      "it",
      /^of an index is not a field of the row$/
    ],
    ["with an index of JSON", { n: Schema.Json }, { indexes: [["id", "n"]] }, "n", /jsonb/],
    ["with an empty index", {}, { indexes: [[]] }, "an index", /is empty/],
    [
      "with an index that repeats itself",
      {},
      { indexes: [["id", "id"]] },
      "id, id",
      /^of an index names a field twice$/
    ]
  ] as const) {
    it(`${why}, and the field is told`, () => {
      const refused = derive({ id: Schema.String, ...fields }, options)
      if (Result.isSuccess(refused)) return assert.fail("it is refused")
      assert.instanceOf(refused.failure, ReadModelTable.InvalidProjection)
      assert.strictEqual(refused.failure._tag, "InvalidProjection")
      assert.strictEqual(refused.failure.name, "some_rows")
      assert.strictEqual(refused.failure.field, field)
      assert.match(refused.failure.issue, issue)
      assert.strictEqual(
        refused.failure.message,
        `Cannot store some_rows in a table: ${field} ${refused.failure.issue}`
      )
    })
  }
})

describe("A row is refused", () => {
  const lenient = (schema: Schema.Top) => (): ReadModelTable.Any => table({ it: schema })
  const text = (): ReadModelTable.Any =>
    table({ it: Schema.String, other: Schema.String }, { indexes: [["it", "other"]] })
  for (const [why, of, row, issue] of [
    ["for text with U+0000", lenient(Schema.String), { it: "a\u0000" }, /^it: text with U\+0000/],
    [
      "for a lone surrogate",
      lenient(Schema.String),
      { it: "\uD800" },
      /^it: text with a lone surrogate/
    ],
    [
      "for either in JSON, whatever is before it",
      lenient(Schema.Json),
      { it: [1, true, null, "a", { b: [] }, -0, "\u0000"] },
      /^it: text with U\+0000/
    ],
    [
      "for either in an object, whatever is before it",
      lenient(Schema.Json),
      { it: { a: 1, b: -0, c: "d", e: "\uD800" } },
      /^it: text with a lone surrogate/
    ],
    ["for either in JSON", lenient(Schema.Json), { it: { a: [{ b: "\u0000" }] } }, /U\+0000/],
    [
      "for either in a key of JSON",
      lenient(Schema.Json),
      { it: { "\uDFFF": 1 } },
      /lone surrogate/
    ],
    [
      "for a whole number that is not exact",
      lenient(Schema.Number.check(Schema.isInt())),
      { it: 2 ** 53 },
      /an integer/
    ],
    [
      "for a check of its schema",
      lenient(Schema.Int.check(Schema.isGreaterThan(0))),
      { it: 0 },
      /greater than 0/
    ],
    ["for another type", lenient(Schema.Int), { it: "1" }, /Expected/],
    [
      "for more digits than fit",
      lenient(Schema.BigInt),
      { it: 10n ** 131_072n },
      /more than 131072 digits/
    ],
    [
      "for an instant before the first one of PostgreSQL",
      lenient(Schema.DateTimeUtc),
      { it: DateTime.makeUnsafe(-210_866_803_200_001) },
      /4713 BC to 275760/
    ],
    [
      "for a row of a byte too many",
      lenient(Schema.String),
      { id: "", it: "x".repeat(8_000_000 - 7) },
      /^the row has 8000001 bytes, at most 8000000 are stored$/
    ],
    [
      "for a UUID in capitals",
      lenient(Uuid),
      { it: "0F9D1C7E-3B5A-4C2D-8E1F-000000000000" },
      /small letters/
    ],
    [
      "for indexed text that is too large",
      text,
      { it: "x".repeat(1_500), other: "é".repeat(700) },
      /^it, other: too large/
    ]
  ] as const) {
    it(`${why}, and the issue is told`, () => {
      const refused = of().encode({ id: "a", ...row })
      assert.match(Result.isFailure(refused) ? refused.failure : "it is refused", issue)
    })
  }

  it("for a key that is too large, as a key and in a row", () => {
    const id = "x".repeat(2_700)
    const of: ReadModelTable.Any = table({})
    assert.isTrue(Result.isFailure(of.encode({ id })))
    assert.isTrue(Result.isFailure(of.encodeKey({ id })))
    assert.isTrue(Result.isSuccess(of.encode({ id: id.slice(0, 2_600) })))
  })

  it("for an entry of an index of more than 2704 bytes, and for no smaller one", () => {
    const of: ReadModelTable.Any = table(
      {
        text: Schema.NullOr(Schema.String),
        digits: Schema.BigInt,
        whole: Schema.Int,
        uuid: Uuid
      },
      { indexes: [["text", "whole"], ["digits"], ["uuid", "text"]] }
    )
    const row = {
      id: "a",
      text: "",
      digits: 1n,
      whole: 1,
      uuid: "0f9d1c7e-3b5a-4c2d-8e1f-000000000000"
    }
    const digitsOf = (length: number) => 10n ** BigInt(length - 1)
    const issue = (fields: Partial<typeof row> | { readonly text: null }) =>
      Result.match(of.encode({ ...row, ...fields }), {
        onFailure: (all) => all,
        onSuccess: () => undefined
      })
    // Of the 2704 bytes, 16 are for the entry and 16 for each of its values.
    assert.isUndefined(issue({ text: "x".repeat(2_704 - 3 * 16) }))
    assert.strictEqual(
      issue({ text: "x".repeat(2_704 - 3 * 16 + 1) }),
      "text, whole: too large for an index, which has 2704 bytes for it"
    )
    assert.isUndefined(issue({ digits: digitsOf(2 * (2_704 - 2 * 16)) }))
    assert.strictEqual(
      issue({ digits: digitsOf(2 * (2_704 - 2 * 16) + 1) }),
      "digits: too large for an index, which has 2704 bytes for it"
    )
    assert.isUndefined(issue({ text: null }))
  })

  it("not for large text that no index holds, or at the edges of what fits", () => {
    const of: ReadModelTable.Any = table({
      it: Schema.String,
      n: Schema.Int,
      at: Schema.DateTimeUtc,
      digits: Schema.BigInt
    })
    const row = {
      id: "",
      it: "x".repeat(1_000_000),
      n: -(2 ** 53) + 1,
      at: DateTime.makeUnsafe(253_402_300_799_999),
      digits: -(10n ** 131_070n)
    }
    const stored = Result.getOrThrow(of.encode(row))
    assert.deepStrictEqual(
      Result.getOrThrow(of.encode(Result.getOrThrow(of.decode(stored)))),
      stored
    )
  })
})

it("keeps one zero", () => {
  const of: ReadModelTable.Any = table({ real: Schema.Finite, json: Schema.Json })
  const stored = Result.getOrThrow(of.encode({ id: "a", real: -0, json: [-0, { a: [-0, "b"] }] }))
  assert.isTrue(Object.is(stored["real"], 0))
  // This comparison tells 0 from -0, which the text of JSON does not.
  assert.deepStrictEqual(stored["json"], [0, { a: [0, "b"] }])
  const object = Result.getOrThrow(of.encode({ id: "a", real: 1, json: { a: 1, b: -0, c: "d" } }))
  assert.deepStrictEqual(object["json"], { a: 1, b: 0, c: "d" })
})

it("gives back null where it was null, and nothing where nothing was", () => {
  const of: ReadModelTable.Any = table({
    text: Schema.NullOr(Schema.String),
    note: Schema.optionalKey(Schema.String)
  })
  for (const [row, note] of [
    [{ id: "a", text: null }, null],
    [{ id: "a", text: null, note: "b" }, "b"]
  ] as const) {
    const stored = Result.getOrThrow(of.encode(row))
    assert.deepStrictEqual(stored, { id: "a", text: null, note })
    assert.deepStrictEqual<object>(Result.getOrThrow(of.decode(stored)), row)
  }
})

it("has keys of the fields that are their own, with the types of these", () => {
  const of: ReadModelTable.Any = table(
    { n: Schema.BigInt, note: Schema.String },
    { primaryKey: ["n", "id"] }
  )
  const stored = { n: "3", id: "a" }
  assert.deepStrictEqual(of.encodeKey({ id: "a", n: 3n }), Result.succeed(stored))
  assert.deepStrictEqual(of.decodeKey(stored), Result.succeed({ n: 3n, id: "a" }))
  assert.deepStrictEqual(
    of.encodeKey({ id: "a", n: 3 }),
    Result.fail('Expected bigint\n  at ["n"]')
  )
  assert.isTrue(Result.isFailure(of.decodeKey({ n: 3, id: "a" })))
})

it("has a text of each key that no other key has", () => {
  const of: ReadModelTable.Any = table({ other: Schema.String }, { primaryKey: ["id", "other"] })
  const texts = [
    ["a", "b,c"],
    ["a,b", "c"],
    ['a","b', "c"],
    ["a", 'b","c'],
    ["", ""]
  ].map(([id = "", other = ""]) => of.keyText({ id, other }))
  assert.strictEqual(new Set(texts).size, texts.length)
  assert.strictEqual(of.keyText({ other: "b", id: "a" }), of.keyText({ id: "a", other: "b" }))
})
