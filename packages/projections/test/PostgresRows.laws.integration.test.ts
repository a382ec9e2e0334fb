/**
 * Rows with every type of column come back as they were stored, and queries find them as in the
 * memory store.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"
import { claimOf } from "./shelf.ts"
import { take } from "./taking.ts"

/** Texts that sort differently by other orders than by bytes, and some that need quoting. */
const Text = Schema.Literals(["", "a", "B", "b", "ä", "'\"\\", "\u{10FFFF}", "\uE000", "a b", "%_"])

const Instant = Schema.Literals([
  "0001-01-01T00:00:00.000Z",
  "1969-12-31T23:59:59.999Z",
  "2026-11-24T22:28:39.001Z",
  "9999-12-31T23:59:59.999Z",
  "-000001-02-28T00:00:00.001Z",
  "+123456-07-08T09:10:11.123Z"
])
const Uuid = Schema.Literals([
  "00000000-0000-4000-8000-000000000000",
  "ffffffff-ffff-4fff-bfff-ffffffffffff"
])
const Whole = Schema.Literals([0, 1, -1, 9_007_199_254_740_991, -9_007_199_254_740_991])
const Number = Schema.Literals([0, 0.1, -1e300, 5e-324, 1.7976931348623157e308])
const Digits = Schema.Literals(["0", "-1", "123456789012345678901234567890", "-9"])
const Json = Schema.Literals([
  "null",
  "[]",
  '{"a":[1,0.1,1e-7,1e21,null,true,"\\"",{}],"ä":""}',
  '"text"',
  "0",
  "false"
])

/** The parts of stored rows, since stores see rows in their stored form. */
const Generated = Schema.Array(
  Schema.Struct({
    id: Text,
    whole: Whole,
    number: Number,
    digits: Digits,
    yes: Schema.Boolean,
    at: Instant,
    uuid: Uuid,
    json: Json,
    maybe: Schema.NullOr(Text),
    maybeWhole: Schema.NullOr(Whole)
  })
).check(Schema.isMaxLength(8))

const Asked = Schema.Struct({
  field: Schema.Literals(["id", "whole", "number", "digits", "yes", "at", "uuid", "maybe"]),
  is: Schema.Literals(["equal", "notEqual", "below", "atMost", "above", "atLeast", "oneOf"]),
  direction: Schema.Literals(["asc", "desc"]),
  by: Schema.Literals(["id", "whole", "number", "digits", "yes", "at", "uuid"]),
  limit: Schema.Literals([0, 1, 3, 100])
})

const projection = (name: string) =>
  Projection.define({
    name,
    version: 1,
    from: [
      {
        category: Category.make("row"),
        codec: EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Written: {} }) })
      }
    ],
    row: Schema.Struct({
      id: Schema.String,
      whole: Schema.Int,
      number: Schema.Finite,
      digits: Schema.BigInt,
      yes: Schema.Boolean,
      at: Schema.DateTimeUtc,
      uuid: Schema.String.check(Schema.isUUID()),
      json: Schema.NullOr(Schema.Struct({ it: Schema.Json })),
      maybe: Schema.NullOr(Schema.String),
      maybeWhole: Schema.NullOr(Schema.Int)
    }),
    primaryKey: ["id", "whole"]
  }).fold({
    keys: () => [],
    initial: () => undefined,
    apply: () => undefined
  })

const law = ({
  asked,
  rows
}: {
  readonly rows: typeof Generated.Type
  readonly asked: typeof Asked.Type
}) =>
  Effect.gen(function* () {
    const name = `rows_${SecureRandom.uuidV4Unsafe().slice(0, 8)}`
    const table: ReadModelTable.Any = Result.getOrThrow(ReadModelTable.make(projection(name)))
    assert.deepStrictEqual(
      table.columns.map(({ type }) => type).join(),
      "text,bigint,double precision,numeric,boolean,timestamptz,uuid,jsonb,text,bigint"
    )
    const stored = new Map(
      rows.map(({ json, ...row }): [string, StoredRow] => {
        const parsed = JSON.parse(json) as Schema.Json
        const one = { ...row, json: parsed === null ? null : { it: parsed } }
        return [table.keyText(one), one]
      })
    )
    const upserts = [...stored.values()]
    const write = Effect.fnUntraced(function* (store: ReadModelStore["Service"]) {
      const { serving } = yield* store.open(table)
      const claim = yield* Effect.provideService(claimOf(serving), ReadModelStore, store)
      yield* take(store, table, claim, {
        partition: 0,
        from: Position.start,
        to: Position.make(1n),
        event: null,
        keys: upserts.map(({ id = null, whole = null }) => ({ id, whole })),
        fold: () => Result.succeed({ upserts, deletions: [] }),
        events: 1,
        eventsPerSecond: 0
      })
    })
    const postgres = yield* ReadModelStore
    const memory = yield* ReadModelStoreMemory.make
    yield* write(postgres)
    yield* write(memory)
    for (const row of upserts) {
      assert.deepStrictEqual(yield* postgres.get(table, row), Option.some(row))
    }
    const { by, direction, field, is, limit } = asked
    const values = upserts.slice(0, is === "oneOf" ? 2 : 1).map((row) => row[field] ?? null)
    const query = {
      where: upserts.length === 0 ? [] : [{ field, is, values }],
      orderBy: [{ field: by, direction }],
      after: Option.fromUndefinedOr(upserts[1]),
      limit: Option.some(limit)
    }
    for (const each of [query, { ...query, where: [] }, { ...query, after: Option.none() }]) {
      assert.deepStrictEqual(
        yield* Stream.runCollect(postgres.query(table, each)),
        yield* Stream.runCollect(memory.query(table, each))
      )
    }
  })

const statement = "come back as they were, and are found as in memory"
const input = { rows: Generated, asked: Asked }

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "1 minute" })(
  "Rows on a PostgreSQL server",
  (it) => {
    it.effect.prop(statement, input, law, { arbitrary: { runs: 150 }, timeout: 120_000 })
  }
)

layer(PostgresLayers.embedded, { excludeTestServices: true, timeout: "1 minute" })(
  "Rows in an embedded PostgreSQL",
  (it) => {
    it.effect.prop(statement, input, law, { arbitrary: { runs: 60 }, timeout: 120_000 })
  }
)
