/**
 * Appends events and updates the rows that they touch, in one transaction of PostgreSQL.
 *
 * The events of a row are folded in position order: an append locks the row before it draws a
 * position, and holds the lock until it has committed. So of two appends to a row the second draws
 * its position later, and reads the row as the first one left it. The mode and the version of the
 * read model can't change meanwhile either.
 */
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { InlinePoison, InlineVersionMismatch } from "../../ReadModelError.ts"
import type { InlineAppend } from "../../ReadModelStore.ts"
import { ForeignCode } from "./errors.ts"
import { quoted } from "./columns.ts"
import { CHANGE_TIMEOUT, millisOf, naming } from "./locks.ts"
import * as PostgresStep from "./step.ts"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"

/** Runs an inline append. `home`: the schema of the log. */
export const inline = <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  home: SchemaName,
  options: InlineAppend<A, E>
): Effect.Effect<A, E | InlinePoison | InlineVersionMismatch | ForeignCode | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) => {
    const kept = transaction(sql, keeping(sql, schema, home, options, inside))
    // After a wait of its own choice, the caller tries again: the last error names the holders.
    return options.lockWait === undefined
      ? naming(sql, schema, options.touches[0]?.table.name ?? "", kept)
      : kept
  })

type Touch = InlineAppend<unknown, unknown>["touches"][number]

const keeping = Effect.fnUntraced(function* <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  home: SchemaName,
  { append, fold, lockWait = CHANGE_TIMEOUT, log, recorded, touches }: InlineAppend<A, E>,
  inside: boolean
): Effect.fn.Return<A, E | InlinePoison | InlineVersionMismatch | ForeignCode | SqlError> {
  const kept =
    touches.length === 0 ? [] : yield* lock(sql, schema, home, { touches, log, lockWait }, inside)
  const answer = yield* append
  if (kept.length === 0) return answer
  const events = yield* recorded(answer)
  if (events.length === 0) return answer
  for (const { keys, table } of kept) {
    // No switch is in flight, so the serving table has the name of the read model, whatever its
    // generation.
    const relation = { generation: 0, serves: true }
    const rows = yield* PostgresStep.loadInline(sql, schema, table, relation, keys)
    const changes = yield* Effect.fromResult(
      Result.mapError(
        fold(table.name, events, rows),
        (poison) => new InlinePoison({ name: table.name, poison })
      )
    )
    yield* PostgresStep.writeInline(sql, schema, table, relation, changes)
  }
  return answer
})

interface Looked {
  readonly versions: ReadonlyArray<Projection.Version | null> | null
  /** The objects that would run foreign code when the tables are written. */
  readonly altered: ReadonlyArray<string> | null
}

/**
 * Locks the inline read models of an append and their touched rows until the transaction ends, and
 * returns those touches.
 */
const lock = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  home: SchemaName,
  {
    lockWait,
    log,
    touches
  }: {
    readonly touches: ReadonlyArray<Touch>
    readonly log: LogId | undefined
    readonly lockWait: Duration.Duration
  },
  inside: boolean
): Effect.fn.Return<ReadonlyArray<Touch>, InlineVersionMismatch | ForeignCode | SqlError> {
  const keys = touches.flatMap(({ keys, table }) =>
    keys.map((key) => ({ name: table.name, key: table.keyText(key) }))
  )
  const texts = (values: ReadonlyArray<string>) =>
    Result.getOrThrow(PgTypes.array(values, PgTypes.OID.text))
  // The server ends a host that freezes with rows locked; in a caller's transaction, the caller
  // sets the timeouts.
  const bound = inside
    ? ""
    : `, set_config('idle_in_transaction_session_timeout', '${millisOf(CHANGE_TIMEOUT)}', true)`
  const rows = yield* sql.unsafe<Looked>(
    `SELECT k.versions, k.altered${bound}
    FROM ${quoted(home)}.lock_read_models($1, $2, $3, $4, $5::text::uuid, $6) k`,
    [
      PgTypes.text(schema),
      texts(touches.map(({ table }) => table.name)),
      texts(keys.map(({ name }) => name)),
      texts(keys.map(({ key }) => key)),
      PgTypes.text(log ?? null),
      PgTypes.int4(millisOf(lockWait))
    ]
  )
  const { altered, versions } = Arr.getUnsafe(rows, 0)
  if (altered !== null) return yield* new ForeignCode({ found: altered })
  const kept: Array<Touch> = []
  for (const [index, touch] of touches.entries()) {
    const serving = versions?.[index] ?? undefined
    if (serving === undefined) continue
    const { name, version } = touch.table
    if (serving !== version)
      return yield* new InlineVersionMismatch({ name, version, kept: serving })
    kept.push(touch)
  }
  return kept
})
