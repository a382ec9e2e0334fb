import * as EventMark from "@daybook/kernel/EventMark"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { countRecorded, fold, part, prepare, touchedKeys } from "../src/internal/fold/rowFold.ts"

/** The location of a thing: an aisle, and a place in it. */
const Where = Schema.Struct({ aisle: Schema.String, place: Schema.Finite })
type Where = typeof Where.Type

const at = { where: Schema.Array(Where) }
const ShelfEvent = Schema.TaggedUnion({
  Counted: { ...at, items: Schema.Finite, note: Schema.String },
  Cleared: at,
  Looked: at,
  Torn: at,
  Moved: at,
  Lost: { why: Schema.String }
})
type ShelfEvent = typeof ShelfEvent.Type

const codec = EventCodec.make({ name: "shelf", events: ShelfEvent })
const category = StreamId.Category.make("shelf")

const counted = (where: ReadonlyArray<Where>, items: number, note = ""): ShelfEvent => ({
  _tag: "Counted",
  where,
  items,
  note
})
const cleared = (...where: ReadonlyArray<Where>): ShelfEvent => ({ _tag: "Cleared", where })

const a1: Where = { aisle: "a", place: 1 }
const a2: Where = { aisle: "a", place: 2 }
const b1: Where = { aisle: "b", place: 1 }

/** The type of a recorded event that is two events of today. */
const RECOUNTED = "Recounted"

/** The type of a recorded event that is two events of today, the second of them without a key. */
const HALF_READ = "HalfRead"

const source: Projection.EventSource<ShelfEvent> = {
  category,
  codec: {
    name: "shelf",
    decode: (stored) => {
      if (stored.type === "Burnt") throw new TypeError("ashes\nof a shelf")
      if (stored.type === HALF_READ) {
        return Result.succeed([cleared(a1), cleared({ aisle: "a", place: 1.5 })])
      }
      return stored.type === RECOUNTED
        ? Result.succeed([cleared(a1), counted([a1, a2], 7)])
        : codec.decode(stored)
    }
  }
}

const Row = Schema.Struct({
  ...Where.fields,
  place: Schema.Int,
  items: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  log: Schema.String
})
type Row = typeof Row.Type

const projection = Projection.define({
  name: "shelves",
  version: 1,
  from: [source],
  row: Row,
  primaryKey: ["aisle", "place"]
}).fold({
  keys: (event) => {
    if (event._tag === "Lost") throw new Error(event.why)
    return event.where
  },
  initial: ({ aisle, place }): Row => ({ aisle, place, items: 0, log: "" }),
  apply: (row, event, { recorded }) => {
    switch (event._tag) {
      case "Counted":
        return {
          ...row,
          items: row.items + event.items,
          log: `${row.log}${event.note}${recorded.position}`
        }
      case "Cleared":
        return undefined
      case "Moved":
        return { ...row, place: row.place + 1 }
      case "Torn":
        throw new Error("two\nlines")
      case "Looked":
      case "Lost":
        return row
    }
  }
})

const modelOf = () => ({
  projection,
  table: Result.getOrThrow(ReadModelTable.make(projection))
})

/** Makes an event as it is stored at a position, with half of the position as its revision. */
const stored = (
  position: number,
  type: string,
  data: Schema.Json,
  streamId = "shelf-1"
): RecordedEvent => ({
  id: EventId.make(`00000000-0000-4000-8000-${String(position).padStart(12, "0")}`),
  type,
  schemaVersion: 1,
  data,
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  recordedAt: DateTime.makeUnsafe(0),
  streamId: StreamId.StreamId.make(streamId),
  revision: Revision.make(position / 2),
  position: Position.make(BigInt(position))
})

const recorded = (position: number, event: ShelfEvent): RecordedEvent => {
  const { data, type } = Result.getOrThrow(codec.encode(event))
  return stored(position, type, data)
}

const prepared = (...events: ReadonlyArray<RecordedEvent>) => prepare(modelOf(), events, new Set())

/** Returns the touched rows: the position, the event of today and the texts of its keys. */
const touches = (batch: ReturnType<typeof prepared>) =>
  batch.prepared.map(({ event, recorded, touched }) => [
    Number(recorded.position),
    event._tag,
    ...touched.map(({ text }) => text)
  ])

const poisonAt = (position: number, type: string, reason: string, issue: string) => ({
  position: Position.make(BigInt(position)),
  revision: position / 2,
  streamId: "shelf-1",
  type,
  reason,
  issue
})

const rowOf = ({ aisle, place }: Where, items: number, log: string): StoredRow => ({
  aisle,
  place,
  items,
  log
})

const rowsOf = (...rows: ReadonlyArray<StoredRow>) =>
  new Map(rows.map((row) => [modelOf().table.keyText(row), row]))

const folded = (
  events: ReadonlyArray<RecordedEvent>,
  rows: ReadonlyMap<string, StoredRow> = new Map(),
  of: Parameters<typeof fold<ShelfEvent, Where, Row>>[0] = modelOf()
) => fold(of, prepare(of, events, new Set()), rows)

const changed = (...[events, rows]: Parameters<typeof folded>) =>
  Result.getOrThrow(folded(events, rows))

const poisoned = (...args: Parameters<typeof folded>) => {
  const all = folded(...args)
  return Result.isFailure(all) ? all.failure : assert.fail("it is folded")
}

describe("Events are prepared", () => {
  it("with the rows that they touch, each once", () => {
    const events = [
      recorded(2, counted([a1, b1, a1, a2, b1], 1)),
      recorded(4, counted([a2], 1)),
      recorded(6, counted([b1], 1))
    ]
    assert.deepStrictEqual(touches(prepared(...events)), [
      [2, "Counted", '["a",1]', '["b",1]', '["a",2]'],
      [4, "Counted", '["a",2]'],
      [6, "Counted", '["b",1]']
    ])
    assert.deepStrictEqual(touchedKeys(prepared(...events)), [a1, b1, a2])
  })

  it("with all events of today that a recorded one stands for", () => {
    assert.deepStrictEqual(touches(prepared(stored(2, RECOUNTED, null))), [
      [2, "Cleared", '["a",1]'],
      [2, "Counted", '["a",1]', '["a",2]']
    ])
  })

  it("without those that touch no row, are skipped, or are of another category", () => {
    const elsewhere = stored(8, "Counted", recorded(8, counted([a1], 1)).data, "rack-1")
    const batch = prepare(
      modelOf(),
      [
        recorded(2, counted([], 1)),
        recorded(4, counted([a1], 1)),
        recorded(6, counted([a1], 1)),
        elsewhere
      ],
      new Set([EventMark.of(recorded(4, counted([a1], 1)))])
    )
    assert.deepStrictEqual(touches(batch), [[6, "Counted", '["a",1]']])
    assert.isUndefined(batch.poison)
  })

  it("without encoding a key again that the event before had", () => {
    const keys: Array<Where> = []
    const { table } = modelOf()
    const counting = {
      ...table,
      encodeKey: (key: Where) => {
        keys.push(key)
        return table.encodeKey(key)
      }
    }
    const events = [a1, { ...a1 }, a2, { ...a2 }, b1].map((key, n) =>
      recorded(2 * n + 2, counted([key], 1))
    )
    prepare({ projection, table: counting }, events, new Set())
    assert.deepStrictEqual(keys, [a1, a2, b1])
  })

  for (const [why, bad, poison] of [
    [
      "can't be decoded",
      stored(4, "Counted", { where: [], items: "1", note: "" }),
      poisonAt(4, "Counted", "Undecodable", 'Expected number\n  at ["items"]')
    ],
    [
      "makes the codec throw",
      stored(4, "Burnt", null),
      poisonAt(4, "Burnt", "Threw", "TypeError: ashes")
    ],
    [
      "makes keys throw",
      recorded(4, { _tag: "Lost", why: "nobody\nknows" }),
      poisonAt(4, "Lost", "Threw", "Error: nobody")
    ],
    [
      "has a key that is none in a part of it",
      stored(4, HALF_READ, null),
      poisonAt(4, HALF_READ, "NoRow", 'Expected an integer\n  at ["place"]')
    ],
    [
      "throws what can't be recorded",
      recorded(4, { _tag: "Lost", why: "a\u0000b\uD800c" }),
      poisonAt(4, "Lost", "Threw", "Error: a\ufffdb\ufffdc")
    ],
    [
      "has a key that is none",
      recorded(4, counted([a1, { aisle: "a", place: 1.5 }], 1)),
      poisonAt(4, "Counted", "NoRow", 'Expected an integer\n  at ["place"]')
    ]
  ] as const) {
    it(`up to the first that ${why}, with all that is known of it`, () => {
      const batch = prepared(recorded(2, counted([a1], 1)), bad, recorded(6, counted([a1], 1)))
      assert.deepStrictEqual(touches(batch), [[2, "Counted", '["a",1]']])
      assert.deepStrictEqual<object | undefined>(batch.poison, poison)
    })
  }
})

describe("The part of a batch", () => {
  const batchOf = () =>
    prepared(
      recorded(2, counted([a1], 1)),
      stored(4, RECOUNTED, null),
      recorded(6, counted([a1, b1], 1)),
      recorded(8, counted([b1], 1)),
      stored(10, "Burnt", null)
    )
  const partOf = (options: {
    readonly after?: number
    readonly before?: number
    readonly owns?: (text: string) => boolean
  }) =>
    part(batchOf(), {
      after: Position.make(BigInt(options.after ?? 0)),
      before: options.before === undefined ? undefined : Position.make(BigInt(options.before)),
      owns: options.owns ?? (() => true)
    })

  it("is all of it, after the start and without an end", () => {
    assert.deepStrictEqual(partOf({}), batchOf())
  })

  it("is after a position and before another, both excluded", () => {
    const positions = (all: ReturnType<typeof prepared>) =>
      all.prepared.map(({ recorded }) => recorded.position)
    assert.deepStrictEqual(positions(partOf({ after: 4 })), [6n, 8n])
    assert.deepStrictEqual(positions(partOf({ before: 6 })), [2n, 4n, 4n])
    assert.deepStrictEqual(positions(partOf({ after: 2, before: 8 })), [4n, 4n, 6n])
  })

  it("touches the rows of its partition and no others", () => {
    assert.deepStrictEqual(touches(partOf({ owns: (text) => text === '["a",2]' })), [
      [4, "Counted", '["a",2]']
    ])
    assert.deepStrictEqual(touches(partOf({ owns: (text) => text === '["b",1]' })), [
      [6, "Counted", '["b",1]'],
      [8, "Counted", '["b",1]']
    ])
    assert.deepStrictEqual(touchedKeys(partOf({ owns: () => false })), [])
  })

  it("has the events whose rows are all its own as they are", () => {
    const batch = batchOf()
    const options = { after: Position.make(0n), before: undefined }
    const own = part(batch, { ...options, owns: (text) => text !== '["a",2]' })
    assert.deepStrictEqual(
      batch.prepared.map((one, index) => own.prepared[index] === one),
      [true, true, false, true, true]
    )
  })

  it("ends with what ends the batch", () => {
    const { poison } = partOf({ owns: () => false })
    assert.deepStrictEqual<object | undefined>(
      poison,
      poisonAt(10, "Burnt", "Threw", "TypeError: ashes")
    )
  })
})

describe("A batch", () => {
  it("counts what is recorded, however many events of today that stands for", () => {
    const events = [
      stored(2, RECOUNTED, null),
      stored(4, RECOUNTED, null),
      recorded(6, counted([a1], 1)),
      recorded(8, counted([], 1))
    ]
    assert.strictEqual(countRecorded(prepared(...events)), 3)
    assert.strictEqual(countRecorded(prepared()), 0)
  })
})

describe("A fold", () => {
  it("makes rows, and goes on with those that are stored", () => {
    assert.deepStrictEqual(
      changed(
        [
          recorded(2, counted([a1, b1], 1)),
          recorded(4, counted([b1], 2)),
          recorded(6, counted([a1], 3))
        ],
        rowsOf(rowOf(b1, 10, "then "), rowOf(a2, 5, ""))
      ),
      { upserts: [rowOf(a1, 4, "26"), rowOf(b1, 13, "then 24")], deletions: [] }
    )
  })

  it("applies an event to the row of each key that it touches", () => {
    const keys: Array<unknown> = []
    const seeing = {
      ...modelOf(),
      projection: {
        ...projection,
        apply: (...args: Parameters<typeof projection.apply>) => {
          keys.push(args[2])
          return projection.apply(...args)
        }
      }
    }
    const event = recorded(2, counted([a1, b1], 1))
    folded([event], new Map(), seeing)
    assert.deepStrictEqual(keys, [
      { key: a1, recorded: event },
      { key: b1, recorded: event }
    ])
  })

  it("deletes a stored row that is gone, and nothing where none was stored", () => {
    const made = recorded(2, counted([a2], 1))
    const gone = recorded(4, cleared(a1, a2))
    assert.deepStrictEqual(changed([made, gone], rowsOf(rowOf(a1, 1, ""))), {
      upserts: [],
      deletions: [a1]
    })
  })

  it("begins a new row after a deletion", () => {
    const events = [recorded(2, cleared(a1)), recorded(4, counted([a1], 1))]
    assert.deepStrictEqual(changed(events, rowsOf(rowOf(a1, 9, "old"))), {
      upserts: [rowOf(a1, 1, "4")],
      deletions: []
    })
  })

  it("does not check a row again that an event leaves as it is", () => {
    const { table } = modelOf()
    const unchecked = {
      projection,
      table: { ...table, accepts: () => assert.fail("it is checked") }
    }
    const events = [recorded(2, { _tag: "Looked", where: [a1] })]
    const all = folded(events, rowsOf(rowOf(a1, 1, "")), unchecked)
    assert.deepStrictEqual(Result.getOrThrow(all), {
      upserts: [rowOf(a1, 1, "")],
      deletions: []
    })
  })

  it("stops at an event that makes apply throw, with all that is known of it", () => {
    const events = [recorded(2, counted([a1], 1)), recorded(4, { _tag: "Torn", where: [a1] })]
    assert.deepStrictEqual<object>(poisoned(events), poisonAt(4, "Torn", "Threw", "Error: two"))
  })

  it("stops at an event that leaves an invalid row, though the next one would correct it", () => {
    const events = [recorded(2, counted([a1], -1)), recorded(4, counted([a1], 1))]
    assert.deepStrictEqual<object>(
      poisoned(events),
      poisonAt(2, "Counted", "NoRow", 'Expected a value greater than or equal to 0\n  at ["items"]')
    )
  })

  it("stops at a row that its table does not accept, though it would be stored", () => {
    const { table } = modelOf()
    const strict = { projection, table: { ...table, accepts: () => false } }
    assert.deepStrictEqual<object>(
      poisoned([recorded(2, counted([a1], 1))], new Map(), strict),
      poisonAt(2, "Counted", "NoRow", "not of the row's schema")
    )
  })

  it("stops at an event that leaves a row no store can keep, though the next one makes it another", () => {
    const events = [
      recorded(2, counted([a1], 1, "\u0000")),
      recorded(4, cleared(a1)),
      recorded(6, counted([b1], 1))
    ]
    assert.deepStrictEqual<object>(
      poisoned(events),
      poisonAt(2, "Counted", "NoRow", "log: text with U+0000, which PostgreSQL does not hold")
    )
  })

  it("stops at an event that changes the key of a row, though the row is gone after the next", () => {
    const events = [
      recorded(2, counted([a1], 1)),
      recorded(4, { _tag: "Moved", where: [a1] }),
      recorded(6, cleared(a1))
    ]
    assert.deepStrictEqual<object>(
      poisoned(events),
      poisonAt(4, "Moved", "NoRow", 'the row of ["a",1] got the key ["a",2]')
    )
  })

  it("goes on with a row whose key is the same in another object", () => {
    const daily = Projection.define({
      name: "days",
      version: 1,
      from: [source],
      row: Schema.Struct({ day: Schema.DateTimeUtc, times: Schema.Int }),
      primaryKey: ["day"]
    }).fold({
      keys: () => [{ day: DateTime.makeUnsafe(0) }],
      initial: () => undefined,
      apply: (row) => ({ day: DateTime.makeUnsafe(0), times: (row?.times ?? 0) + 1 })
    })
    const model = { projection: daily, table: Result.getOrThrow(ReadModelTable.make(daily)) }
    const events = [recorded(2, counted([a1], 1)), recorded(4, counted([a1], 1))]
    const changes = fold(model, prepare(model, events, new Set()), new Map())
    assert.deepStrictEqual(
      Result.map(changes, ({ upserts }) => upserts),
      Result.succeed([{ day: "1970-01-01T00:00:00.000Z", times: 2 }])
    )
  })

  it("stops at a stored row that does not fit the schema", () => {
    const events = [recorded(2, counted([b1], 1)), recorded(4, counted([a1], 1))]
    assert.deepStrictEqual<object>(
      poisoned(events, rowsOf(rowOf(a1, -3, ""))),
      poisonAt(
        4,
        "Counted",
        "NoRow",
        'stored row: Expected a value greater than or equal to 0\n  at ["items"]'
      )
    )
  })
})
