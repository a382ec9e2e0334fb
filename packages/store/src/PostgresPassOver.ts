/**
 * Makes readers pass over one event of a log in PostgreSQL: the remedy for an event that can't be
 * read and stops its readers.
 *
 * The event stays in the log, with its id, its revision and its position. Every reader gets it as
 * an event of the type `daybook.passed-over` without data, which every codec decodes to no event; a
 * reader of certain types does not get it. This can't be undone.
 *
 * @since 0.1.0
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { Position } from "@daybook/kernel/Position"
import * as PgTypes from "./sql/PgTypes.ts"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { change } from "./internal/postgres/partitions/partitions.ts"
import { type PassOver, refuseEvent, refuseMany, refuseWhy } from "./internal/driver/passOver.ts"
import type { PassOverRefused } from "./internal/driver/passOverRefused.ts"
import { PostgresSchema } from "./PostgresSchema.ts"

/**
 * The event is not passed over, and the reason.
 *
 * @category errors
 * @since 0.1.0
 */
export { PassOverRefused } from "./internal/driver/passOverRefused.ts"

/**
 * An event that readers pass over.
 *
 * @category types
 * @since 0.1.0
 */
export interface PassedOver {
  readonly position: Position
  readonly eventId: EventId
  readonly at: DateTime.Utc
  /** The database user that called {@link passOver}. */
  readonly login: string
  readonly actor: string
  readonly reason: string
}

interface PassedOverRow {
  readonly position: Position
  readonly event_id: EventId
  readonly passed_at: Date
  readonly login: string
  readonly actor: string
  readonly reason: string
}

const COLUMNS = "position, event_id::text AS event_id, passed_at, login, actor, reason"

const toPassedOver = ({ event_id, passed_at, ...row }: PassedOverRow): PassedOver => ({
  ...row,
  eventId: event_id,
  at: DateTime.makeUnsafe(passed_at)
})

/**
 * Makes readers pass over the event at `position` of the log in {@link PostgresSchema}, from their
 * next page on.
 *
 * **Details**
 * Run it as a user that may act as the log's owner. `actor` and `reason` are recorded in `acts`,
 * with the login. A repetition changes nothing and returns the first record.
 * Snapshots of the event's stream at its revision or later are deleted. Cached states of running
 * hosts and rows of read models keep the effects of the event: use this only for events that can't
 * be read, and correct any other by a further event.
 * Errors: `PassOverRefused`, there is no such event, or it can't be recorded; `SqlError` with
 * `LockTimeoutError`, caused by `LockHeld`, another held the turn of changes or a lock for longer
 * than `PostgresLocks.Patience` has for changes.
 *
 * @category operations
 * @since 0.1.0
 */
export const passOver = Effect.fn("PostgresPassOver.passOver")(function* (given: {
  readonly position: Position
  readonly eventId: EventId
  /** At most 200 UTF-16 code units. */
  readonly actor: string
  /** At most 1,000 UTF-16 code units. */
  readonly reason: string
}): Effect.fn.Return<PassedOver, PassOverRefused | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const { actor, eventId, position, reason }: PassOver = yield* Effect.fromResult(refuseWhy(given))
  const table = sql(`${schema}.passed_over`)
  const at = PgTypes.int8(position)
  return yield* change(
    sql,
    schema,
    Effect.gen(function* () {
      // One call runs at a time, since each has its turn, so the count below holds. A lock on the
      // table would wait for any reader that has prepared a statement which would write to it.
      const [event] = yield* sql<{
        readonly id: EventId
        readonly stream_id: string
        readonly revision: number
      }>`SELECT event_id::text AS id, stream_id, revision FROM ${sql(`${schema}.events`)} WHERE position = ${at}`
      yield* Effect.fromResult(refuseEvent(given, event?.id))
      const before = yield* sql<PassedOverRow>`
        SELECT ${sql.literal(COLUMNS)} FROM ${table} WHERE position = ${at}`
      if (before[0] !== undefined || event === undefined) return before.map(toPassedOver)
      const [counted] = yield* sql<{ readonly count: number }>`
        SELECT count(*)::integer AS count FROM ${table}`
      yield* Effect.fromResult(refuseMany(position, counted?.count ?? 0))
      const rows = yield* sql<PassedOverRow>`
        INSERT INTO ${table} (position, event_id, passed_at, login, actor, reason)
        VALUES (${at}, ${eventId}::uuid, date_trunc('milliseconds', clock_timestamp()), session_user,
          ${PgTypes.text(actor)}, ${PgTypes.text(reason)})
        RETURNING ${sql.literal(COLUMNS)}`
      // A fold that starts from a later snapshot would still contain the event.
      yield* sql`DELETE FROM ${sql(`${schema}.snapshots`)}
        WHERE stream_id = ${event.stream_id} AND revision >= ${PgTypes.int4(event.revision)}`
      const details = JSON.stringify({
        eventId,
        streamId: event.stream_id.slice(0, 1_000),
        revision: event.revision
      })
      yield* sql`SELECT ${sql(`${schema}.record_act`)}('pass over', ${`event ${position}`},
        ${PgTypes.text(actor)}, ${PgTypes.text(reason)}, ${PgTypes.text(details)}::json)`
      return rows.map(toPassedOver)
    })
  ).pipe(
    // The event exists, so it was passed over before or is now.
    Effect.flatMap(([passed]) =>
      passed === undefined
        ? Effect.die(new Error("no event is passed over"))
        : Effect.succeed(passed)
    )
  )
})

/**
 * Lists the events that readers of the log in {@link PostgresSchema} pass over, in position order.
 *
 * @category operations
 * @since 0.1.0
 */
export const list: Effect.Effect<ReadonlyArray<PassedOver>, SqlError, SqlClient> = Effect.gen(
  function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* PostgresSchema
    const rows = yield* sql<PassedOverRow>`
      SELECT ${sql.literal(COLUMNS)} FROM ${sql(`${schema}.passed_over`)} ORDER BY position`
    return rows.map(toPassedOver)
  }
)

/**
 * The content of an event that readers pass over, as its row holds it.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredContent {
  readonly type: string
  readonly schemaVersion: number
  /** JSON text. */
  readonly data: string
  /** JSON text. */
  readonly metadata: string
}

/**
 * Lists the events that readers pass over with their content, for copies of a log.
 *
 * @category operations
 * @since 0.1.0
 */
export const listStored: Effect.Effect<
  ReadonlyArray<PassedOver & { readonly stored: StoredContent }>,
  SqlError,
  SqlClient
> = Effect.gen(function* () {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const rows = yield* sql<
    PassedOverRow & {
      readonly type: string
      readonly schema_version: number
      readonly data: string
      readonly metadata: string
    }
  >`SELECT p.position, p.event_id::text AS event_id, p.passed_at, p.login, p.actor, p.reason,
      e.type, e.schema_version, e.data::text AS data, e.metadata::text AS metadata
    FROM ${sql(`${schema}.passed_over`)} p JOIN ${sql(`${schema}.events`)} e ON e.position = p.position
    ORDER BY p.position`
  return rows.map(({ data, metadata, schema_version: schemaVersion, type, ...row }) => ({
    ...toPassedOver(row),
    stored: { type, schemaVersion, data, metadata }
  }))
}).pipe(Effect.withSpan("PostgresPassOver.listStored"))
