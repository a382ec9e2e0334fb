/**
 * The events of a large log in partitions by ranges of positions: an option, for logs that outgrow one table.
 *
 * What partitions keep true:
 *
 * 1. A position has its place in one partition. Appends behind the last partition fail, and write nothing.
 * 2. Event ids are unique in the log: a table of them all is written with each event.
 * 3. Revisions are unique in their stream: an index sees to it in each partition, and over all partitions that one at a time writes a stream.
 * 4. What can't be done to the log can't be done to a partition of it by name.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PLACES } from "./internal/postgres/schema/shared.ts"
import * as Partitions from "./internal/postgres/partitions/partitions.ts"
import * as Statements from "./internal/postgres/partitions/statements.ts"
import { recordAct } from "./internal/postgres/schema/recordAct.ts"
import { transaction } from "./sql/Transaction.ts"
import { pinned } from "./sql/SearchPath.ts"
import { turnOver } from "./internal/postgres/partitions/turnOver.ts"
import { PartitioningRefused } from "./PartitioningRefused.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"

/**
 * How large partitions are, and how many are there before they are needed.
 *
 * **Details**
 * `appendsPerPartition`: counts calls of the database. A call appends 1 to 1,000 events: what a host appends at the same time goes in one.
 * `ahead`: the room behind the newest append, in partitions. What is appended behind the last partition fails.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  readonly appendsPerPartition: number
  readonly ahead: number
}

/**
 * 100 million appends each, and one partition ahead.
 *
 * **Details**
 * At 500 bytes an event that is 50 GB of single events. Who reads or writes a stream looks into each partition, so ten large ones are better than
 * a hundred: the ADR on partitions has the figures.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Settings = { appendsPerPartition: 100_000_000, ahead: 1 }

/**
 * A table, and the positions that it holds: behind `after`, up to `upTo`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Partition {
  readonly table: string
  readonly after: Position.Position
  readonly upTo: Position.Position
}

/**
 * The partitions of the log in {@link PostgresSchema}, in the order of positions; none if it is one table.
 *
 * @category operations
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<Partition>, SqlError, SqlClient> = Effect.gen(
  function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* PostgresSchema
    const rows = yield* transaction(sql, pinned(sql, Partitions.partitions(sql, schema)))
    return rows.map(({ from, table, to }) => ({
      table,
      after: Position.make((from ?? 1n) - 1n),
      upTo: Position.make((to ?? LAST_APPEND * PLACES + 1n) - 1n)
    }))
  }
)

/**
 * Puts the events of the log in {@link PostgresSchema} into partitions unless they are, and makes those that are missing ahead; gives
 * all there are.
 *
 * **Details**
 * Run it after the migrations, as whoever runs those, and then as often as partitions fill up: with each deploy, or daily. Safe when many hosts
 * start at once. With other settings than before, further partitions are as they say.
 * Hosts go on meanwhile: a log that has events gets its ids copied first, and its table is then made the first partition in one short
 * transaction, for which appends wait; further partitions are made empty and attached, which waits for nobody.
 * Errors: `PartitioningRefused`, others have built on the table, or a partition is gone; `SqlError` with `LockTimeoutError`, caused by `LockHeld`, a
 * transaction used the log for longer than `PostgresLocks.Patience` has for changes. Nothing was lost or half done: run it again.
 *
 * @category operations
 * @since 0.1.0
 */
export const partition = Effect.fn("PostgresPartitions.partition")(function* (
  settings: Settings
): Effect.fn.Return<ReadonlyArray<Partition>, PartitioningRefused | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const size = BigInt(wholeNumber("appendsPerPartition", settings.appendsPerPartition))
  const ahead = BigInt(wholeNumber("ahead", settings.ahead))
  yield* turnOver(sql, schema, (newest) => edge(newest + size, size))
  yield* Partitions.change(sql, schema, extend(sql, schema, size, ahead))
  return yield* list
})

/**
 * Runs {@link partition} when it is built: provide it with `PostgresMigrations.layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  settings: Settings = defaults
): Layer.Layer<never, PartitioningRefused | SqlError, SqlClient> =>
  Layer.effectDiscard(partition(settings))

const extend = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  size: bigint,
  ahead: bigint
) {
  const found = yield* Partitions.partitions(sql, schema)
  let end: bigint | null = null
  for (const { from, to } of found) {
    if (from !== end) {
      const [after, upTo] = [(end ?? 1n) - 1n, (from ?? 1n) - 1n]
      return yield* new PartitioningRefused({ reason: { _tag: "PartitionMissing", after, upTo } })
    }
    end = to
  }
  const newest = yield* Partitions.newestAppend(sql, schema)
  const made: Array<string> = []
  let last = end === null ? LAST_APPEND : (end - 1n) / PLACES
  while (last < LAST_APPEND && last < newest + ahead * size) {
    // One partition for all that was drawn behind the last one, however much that is.
    const next = edge(last > newest ? last : newest, size)
    yield* Partitions.runAll(sql, Statements.addPartition(schema, last, next))
    made.push(Statements.tableOf(last + 1n))
    last = next
  }
  if (made.length > 0)
    yield* recordAct(sql, schema, "partition", { made, upToAppend: String(last) })
})

/** The last append of the partition of the one that comes next, or the last that there can be. */
const edge = (append: bigint, size: bigint): bigint => {
  const last = (append / size + 1n) * size
  return last < LAST_APPEND ? last : LAST_APPEND
}

/** As the sequence of appends ends. */
const LAST_APPEND = 2n ** 63n / PLACES - 1n

const wholeNumber = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is ${value}, allowed is a whole number, 1 or more`)
}
