/**
 * Copies the events of another log into an empty one in PostgreSQL, with their ids, revisions,
 * positions and times: the log is the same log afterwards, at another place.
 *
 * No host can do this: `append` draws positions and times. It needs a user that may act as the
 * owner of the log, as migrations do. Hosts append after the import; one that appends meanwhile
 * ends it, and loses nothing.
 *
 * Laws:
 *
 * 1. Events are written in position order, each batch in one transaction with the sequence, so that
 *    an import that dies leaves a whole prefix, from whose end it goes on.
 * 2. A reader never finds a new event at or below a position that it has passed.
 *
 * @since 0.1.0
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import * as PgTypes from "./sql/PgTypes.ts"
import type * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { asOwner } from "./internal/postgres/partitions/partitions.ts"
import { recordAct } from "./internal/postgres/schema/callRecordAct.ts"
import { PLACES } from "./internal/postgres/schema/sqlParts.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"

/**
 * An event as a row of the log holds it.
 *
 * @category types
 * @since 0.1.0
 */
export interface StoredEvent {
  readonly position: Position
  readonly streamId: string
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly occurredAt: DateTime.Utc
  readonly recordedAt: DateTime.Utc
  /** JSON text. */
  readonly data: string
  /** JSON text of an object. */
  readonly metadata: string
}

/**
 * The last event of a log.
 *
 * @category types
 * @since 0.1.0
 */
export interface Last {
  readonly position: Position
  readonly id: EventId
}

/**
 * The record of an event that readers pass over, see `PostgresPassOver`.
 *
 * @category types
 * @since 0.1.0
 */
export interface PassedOverRecord {
  readonly position: Position
  readonly eventId: string
  readonly at: DateTime.Utc
  readonly login: string
  readonly actor: string
  readonly reason: string
}

/**
 * The log can't take the events: nothing of the batch was written.
 *
 * **Details**
 * `OtherLog`: it has events, and is another log. `Moved`: its last event is not the one after which
 * the batch begins, since another writer appended. `NotInOrder`: a position is not above the one
 * before it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImportRefused extends Data.TaggedError("ImportRefused")<{
  readonly reason:
    | { readonly _tag: "OtherLog"; readonly found: string; readonly given: string }
    | { readonly _tag: "Moved"; readonly expected: Position; readonly found: Position }
    | { readonly _tag: "NotInOrder"; readonly position: Position }
}> {
  override get message() {
    switch (this.reason._tag) {
      case "OtherLog":
        return `Cannot import log ${this.reason.given}: the log here has events, and its id is ${this.reason.found}`
      case "Moved":
        return `Cannot import events after position ${this.reason.expected}: the log here ends at ${this.reason.found}`
      case "NotInOrder":
        return `Cannot import the event at position ${this.reason.position}: it is not above the one before it`
    }
  }
}

/**
 * The number of the append that a position belongs to. The events of one append go into one batch.
 *
 * @category destructors
 * @since 0.1.0
 */
export const appendNumber = (position: Position): bigint => (position - 1n) / PLACES + 1n

/**
 * Gives an empty log the id of the log to import, and returns the last event of one that has events
 * of it already.
 *
 * @category operations
 * @since 0.1.0
 */
export const begin = Effect.fn("PostgresImport.begin")(function* (
  given: LogId
): Effect.fn.Return<Option.Option<Last>, ImportRefused | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  return yield* alone(
    sql,
    schema,
    Effect.gen(function* () {
      const last = yield* lastEvent(sql, schema)
      const [log] = yield* sql<{ readonly id: string }>`
        SELECT id::text AS id FROM ${sql(`${schema}.log`)}`
      if (Option.isNone(last)) {
        yield* sql`UPDATE ${sql(`${schema}.log`)} SET id = ${given}::uuid`
        return last
      }
      if (log?.id !== given) {
        const reason = { _tag: "OtherLog", found: log?.id ?? "none", given } as const
        return yield* new ImportRefused({ reason })
      }
      return last
    })
  )
})

/**
 * Writes the next events, all or none, after the event at `after`, or `Position.start` for an empty
 * log.
 *
 * **Details**
 * The events of one append go into one batch: see {@link appendNumber}.
 * Errors: `ImportRefused`; `SqlError`, also for an event that the log would not accept from
 * `append`.
 *
 * @category operations
 * @since 0.1.0
 */
export const write = Effect.fn("PostgresImport.write")(function* (
  after: Position,
  events: Arr.NonEmptyReadonlyArray<StoredEvent>
): Effect.fn.Return<void, ImportRefused | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  let end = after
  for (const { position } of events) {
    if (position <= end) {
      return yield* new ImportRefused({ reason: { _tag: "NotInOrder", position } })
    }
    end = position
  }
  const text = (of: (event: StoredEvent) => string) =>
    Result.getOrThrow(PgTypes.array(events.map(of), PgTypes.OID.text))
  const iso = (of: (event: StoredEvent) => DateTime.Utc) =>
    text((event) => new Date(DateTime.toEpochMillis(of(event))).toISOString())
  yield* alone(
    sql,
    schema,
    Effect.gen(function* () {
      const last = yield* lastEvent(sql, schema)
      const found = Option.match(last, {
        onNone: () => 0n as Position,
        onSome: ({ position }) => position
      })
      if (found !== after) {
        return yield* new ImportRefused({ reason: { _tag: "Moved", expected: after, found } })
      }
      // The announcement holds readers back at the old end until this transaction has committed:
      // the sequence moves at once, and the rows only then.
      yield* sql.unsafe(`SELECT FROM ONLY "${schema}".events WHERE false FOR KEY SHARE`)
      yield* sql.unsafe(`SELECT "${schema}".announce_append()`)
      yield* sql.unsafe(
        `INSERT INTO "${schema}".events (position, occurred_at, recorded_at, event_id, revision,
          schema_version, stream_id, type, data, metadata)
        SELECT u.position::bigint, u.occurred_at::timestamptz, u.recorded_at::timestamptz,
          u.event_id::uuid, u.revision::integer, u.schema_version::smallint, u.stream_id, u.type,
          u.data::json, u.metadata::json
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
          $7::text[], $8::text[], $9::text[], $10::text[])
          AS u(position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id,
            type, data, metadata)`,
        [
          text(({ position }) => String(position)),
          iso(({ occurredAt }) => occurredAt),
          iso(({ recordedAt }) => recordedAt),
          text(({ id }) => id),
          text(({ revision }) => String(revision)),
          text(({ schemaVersion }) => String(schemaVersion)),
          text(({ streamId }) => streamId),
          text(({ type }) => type),
          text(({ data }) => data),
          text(({ metadata }) => metadata)
        ]
      )
      yield* sql.unsafe(`SELECT pg_catalog.setval('"${schema}".append_number', $1)`, [
        PgTypes.int8(appendNumber(end))
      ])
    })
  )
})

/**
 * Ends an import: records the events that readers pass over, and the act itself, with the number of
 * events that were added. A repetition changes nothing.
 *
 * @category operations
 * @since 0.1.0
 */
export const end = Effect.fn("PostgresImport.end")(function* (imported: {
  readonly added: number
  readonly passedOver: ReadonlyArray<PassedOverRecord>
}): Effect.fn.Return<void, SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  yield* asOwner(
    sql,
    schema,
    Effect.gen(function* () {
      let passed = 0
      for (const { actor, at, eventId, login, position, reason } of imported.passedOver) {
        const rows = yield* sql`
          INSERT INTO ${sql(`${schema}.passed_over`)}
            (position, event_id, passed_at, login, actor, reason)
          VALUES (${PgTypes.int8(position)}, ${eventId}::uuid,
            ${PgTypes.text(DateTime.formatIso(at))}::timestamptz, ${PgTypes.text(login)},
            ${PgTypes.text(actor)}, ${PgTypes.text(reason)})
          ON CONFLICT DO NOTHING RETURNING position`
        passed += rows.length
      }
      if (imported.added === 0 && passed === 0) return
      yield* recordAct(sql, schema, "import", { added: imported.added, passedOver: passed })
    })
  )
})

/** Runs `work` as the owner, while appends wait. */
const alone = <A, E>(
  sql: SqlClient,
  schema: SchemaName,
  work: Effect.Effect<A, E | SqlError>
): Effect.Effect<A, E | SqlError> =>
  asOwner(
    sql,
    schema,
    Effect.gen(function* () {
      yield* sql`LOCK TABLE ${sql(`${schema}.events`)} IN SHARE ROW EXCLUSIVE MODE`
      return yield* work
    })
  )

const lastEvent = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<Option.Option<Last>, SqlError> =>
  Effect.map(
    sql<Last>`SELECT position, event_id::text AS id FROM ${sql(`${schema}.events`)}
      ORDER BY position DESC LIMIT 1`,
    ([row]) => Option.fromUndefinedOr(row)
  )
