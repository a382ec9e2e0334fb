/**
 * Pages and differences of tables in memory, made in slices between which the host does other work.
 */
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { RowQuery } from "@daybook/projections/driver/RowQuery"
import { selectRows } from "@daybook/projections/driver/RowSelection"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type { TableDifference } from "../ReadModelAnswer.ts"

/** The rows of a slice: some milliseconds of work. */
const SLICE = 1_000

/** The most rows of a difference. */
const MAX_DIFFERENCES = 500

/** Returns the rows of a page, and the number of all rows that match. */
export const selectPage = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyMap<string, StoredRow>,
  query: RowQuery
) {
  const all = { ...query, after: Option.none<StoredRow>(), limit: Option.none<number>() }
  const merged = { ...query, where: [] }
  let page: ReadonlyArray<StoredRow> = []
  let count = 0
  for (const slice of slicesOf(rows.values())) {
    const matching = selectRows(table, slice, all)
    count += matching.length
    page = selectRows(table, [...page, ...matching], merged)
    yield* Effect.yieldNow
  }
  return { page, count }
})

type Difference = TableDifference["rows"][number]

/** Counts the rows that differ, and returns the first of them by key. */
export const difference = Effect.fnUntraced(function* (
  before: ReadonlyMap<string, StoredRow>,
  after: ReadonlyMap<string, StoredRow>
) {
  const counts = { added: 0, removed: 0, changed: 0 }
  let rows: ReadonlyArray<Difference> = []
  const add = (differences: ReadonlyArray<Difference>) => {
    for (const { kind } of differences) counts[kind] += 1
    rows = [...rows, ...differences].toSorted(byKey).slice(0, MAX_DIFFERENCES)
  }
  for (const slice of slicesOf(after)) {
    add(slice.flatMap(([key, is]) => changeOf(key, before.get(key), is)))
    yield* Effect.yieldNow
  }
  for (const slice of slicesOf(before)) {
    add(
      slice.flatMap(([key, was]): ReadonlyArray<Difference> =>
        after.has(key) ? [] : [{ key, kind: "removed", before: was }]
      )
    )
    yield* Effect.yieldNow
  }
  return { ...counts, rows }
})

const changeOf = (
  key: string,
  was: StoredRow | undefined,
  is: StoredRow
): ReadonlyArray<Difference> =>
  was === undefined
    ? [{ key, kind: "added", after: is }]
    : Equal.equals(was, is)
      ? []
      : [{ key, kind: "changed", before: was, after: is }]

const byKey = (a: Difference, b: Difference) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

function* slicesOf<A>(all: Iterable<A>): Generator<ReadonlyArray<A>> {
  let slice: Array<A> = []
  for (const one of all) {
    slice.push(one)
    if (slice.length < SLICE) continue
    yield slice
    slice = []
  }
  if (slice.length > 0) yield slice
}
