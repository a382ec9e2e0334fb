/**
 * A read model of the counts on shelves, written directly through a store without a runner.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import type { Claim } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Folding, take } from "./taking.ts"

const source = {
  category: Category.make("shelf"),
  codec: EventCodec.make({ name: "shelf", events: Schema.TaggedUnion({ Shelved: {} }) })
}

const fields = { shelf: Schema.String, item: Schema.String, count: Schema.Int }

/** Makes its table, under the given name, or under one that no other test has. */
export const shelves = (options: { readonly name?: string; readonly version?: number } = {}) => {
  const name = options.name ?? `shelves_${SecureRandom.uuidV4Unsafe().slice(0, 8)}`
  const projection = Projection.define({
    name,
    version: options.version ?? 1,
    from: [source],
    row: Schema.Struct(fields),
    primaryKey: ["shelf"],
    indexes: [["count"]]
  }).fold({
    keys: () => [],
    initial: () => undefined,
    apply: () => undefined
  })
  const table: ReadModelTable.Any = Result.getOrThrow(ReadModelTable.make(projection))
  return table
}

/** Makes a table with the same columns, but a count of another type. */
export const weighedShelves = (name: string, version: number) => {
  const projection = Projection.define({
    name,
    version,
    from: [source],
    row: Schema.Struct({ ...fields, count: Schema.Finite }),
    primaryKey: ["shelf"],
    indexes: [["count"]]
  }).fold({
    keys: () => [],
    initial: () => undefined,
    apply: () => undefined
  })
  const table: ReadModelTable.Any = Result.getOrThrow(ReadModelTable.make(projection))
  return table
}

export const LEASE = Duration.minutes(1)

export const at = (position: number) => Position.make(BigInt(position))

/** Makes a step that stores rows, whatever the existing ones are. */
export const put = (
  from: number,
  to: number,
  rows: ReadonlyArray<readonly [shelf: string, count: number]>,
  partition = 0
): Folding<never> => ({
  partition,
  from: at(from),
  to: at(to),
  event: null,
  keys: rows.map(([shelf]) => ({ shelf })),
  fold: () =>
    Result.succeed({
      upserts: rows.map(([shelf, count]) => ({ shelf, item: "a mug", count })),
      deletions: []
    }),
  events: rows.length,
  eventsPerSecond: 0
})

export const claimOf = Effect.fnUntraced(function* (
  of: Pick<Claim, "name" | "generation">,
  owner: string = "a host",
  lease: Duration.Duration = LEASE
) {
  const store = yield* ReadModelStore
  return Option.getOrThrow(yield* store.claim(of, owner, lease))
})

/** Opens the table, and makes it serve the rows at position 1; returns the claim. */
export const serve = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyArray<readonly [shelf: string, count: number]>
) {
  const store = yield* ReadModelStore
  const { serving } = yield* store.open(table)
  const claim = yield* claimOf(serving)
  yield* take(store, table, claim, put(0, 1, rows))
  return claim
})

/** Makes a shadow of the table's version with the rows, at position 1, and returns its claim. */
export const shadow = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyArray<readonly [shelf: string, count: number]>
) {
  const store = yield* ReadModelStore
  const options = { parallelism: 1, owner: "a builder", lease: LEASE }
  const { claim } = yield* store.beginShadow(table, options)
  const claimed = Option.getOrThrow(claim)
  yield* take(store, table, claimed, put(0, 1, rows))
  return claimed
})

export const nothingToDo = { compare: false, catchUp: () => Effect.void }
