/**
 * Stores the events of a large log in partitions by ranges of positions: an option, for logs that
 * outgrow one table.
 *
 * Rules that hold with partitions:
 *
 * 1. A position belongs to one partition. Appends past the last partition fail, and write nothing.
 * 2. Event ids are unique in the log: a table of all ids is written with each event.
 * 3. Revisions are unique in their stream: by an index within each partition, and across partitions
 *    because one writer at a time writes a stream.
 * 4. An operation that the log refuses is refused on each of its partitions too.
 *
 * @since 0.1.0
 */
import * as Listed from "@daybook/kernel/Listed"
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PLACES } from "./internal/postgres/schema/sqlParts.ts"
import * as Partitions from "./internal/postgres/partitions/partitions.ts"
import * as Statements from "./internal/postgres/partitions/statements.ts"
import { recordAct } from "./internal/postgres/schema/callRecordAct.ts"
import { transaction } from "./sql/Transaction.ts"
import { pinned } from "./sql/SearchPath.ts"
import { convertToPartitioned } from "./internal/postgres/partitions/convertToPartitioned.ts"
import { PartitioningRefused } from "./internal/postgres/partitions/refused.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"

/**
 * The log was not partitioned, and the reason.
 *
 * @category errors
 * @since 0.1.0
 */
export { PartitioningRefused } from "./internal/postgres/partitions/refused.ts"

/**
 * The size of partitions, and the number that is created ahead.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * The number of append calls to the database per partition. A call appends 1 to 1,000 events: a
   * host batches its concurrent appends.
   */
  readonly appendsPerPartition: number
  /** The room after the newest append, in partitions. An append past the last partition fails. */
  readonly ahead: number
}

/**
 * The default settings: 100 million appends per partition, and one partition ahead.
 *
 * **Details**
 * At 500 bytes an event that is 50 GB of single-event appends. Reading or writing a stream looks
 * into each partition, so ten large ones are better than a hundred: the ADR on partitions has the
 * figures.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaults: Settings = { appendsPerPartition: 100_000_000, ahead: 1 }

/**
 * A table, and the range of positions that it holds.
 *
 * @category types
 * @since 0.1.0
 */
export interface Partition {
  readonly table: string
  /** The lower end of the range, exclusive. */
  readonly after: Position.Position
  /** The upper end of the range, inclusive. */
  readonly upTo: Position.Position
}

/**
 * Lists the partitions of the log in {@link PostgresSchema} in the order of positions; none if it
 * is one table.
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
 * Partitions the events of the log in {@link PostgresSchema} unless they are partitioned, creates
 * the missing partitions ahead, and returns all partitions.
 *
 * **Details**
 * Run it after the migrations, as the same user, and then as often as partitions fill up: with each
 * deploy, or daily. Safe when many hosts start at once. Changed settings apply to further
 * partitions.
 * Hosts keep running: the ids of existing events are copied first; then the table becomes the first
 * partition in one short transaction, for which appends wait. Further partitions are created empty
 * and attached, without waiting for appends.
 * Errors: `PartitioningRefused`, others depend on the table, or a partition is gone; `SqlError`
 * with `LockTimeoutError`, caused by `LockHeld`, a transaction used the log for longer than
 * `PostgresLocks.Patience` has for changes. Nothing was lost or half done: run it again.
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
  yield* convertToPartitioned(sql, schema, (newest) => edge(newest + size, size))
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
    // One partition takes all positions drawn past the last one, however many.
    const next = edge(last > newest ? last : newest, size)
    yield* Partitions.runAll(sql, Statements.addPartition(schema, last, next))
    made.push(Statements.tableOf(last + 1n))
    last = next
  }
  if (made.length > 0)
    yield* recordAct(sql, schema, "partition", {
      made: { ...Listed.make(made) },
      upToAppend: String(last)
    })
})

/**
 * The last append of the partition that holds the append after `append`, or the last possible one.
 */
const edge = (append: bigint, size: bigint): bigint => {
  const last = (append / size + 1n) * size
  return last < LAST_APPEND ? last : LAST_APPEND
}

/** The end of the sequence of appends. */
const LAST_APPEND = 2n ** 63n / PLACES - 1n

const wholeNumber = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} is ${value}, allowed is a whole number, 1 or more`)
}
