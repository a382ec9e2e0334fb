/**
 * An event store in SQLite, by the driver that Node has: the example of the guide "A store of your
 * own".
 *
 * SQLite has one writer at a time, in whatever process, so the order of commits is the order of
 * positions: everything that is visible is settled.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { EventId } from "@daybook/kernel/EventId"
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type * as StreamId from "@daybook/kernel/StreamId"
import * as AppendRules from "@daybook/store/driver/AppendRules"
import type * as EventStoreDriver from "@daybook/store/driver/EventStoreDriver"
import * as EventStoreService from "@daybook/store/driver/EventStoreService"
import * as WakeUps from "@daybook/store/driver/WakeUps"
import { EventStore } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"

/** A statement failed. */
export class SqliteError extends Data.TaggedError("SqliteError")<{ readonly cause: unknown }> {}

const TABLES = `
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    stream_id TEXT NOT NULL,
    category TEXT NOT NULL,
    revision INTEGER NOT NULL,
    first_revision INTEGER NOT NULL,
    last_revision INTEGER NOT NULL,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (stream_id, revision)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS events_of_category ON events (category, position);`

interface Row {
  readonly position: number
  readonly id: string
  readonly stream_id: string
  readonly category: string
  readonly revision: number
  readonly first_revision: number
  readonly last_revision: number
  readonly type: string
  readonly schema_version: number
  readonly data: string
  readonly metadata: string
  readonly occurred_at: number
  readonly recorded_at: number
}

/** Returns the event of a row; the casts trust the checks of every append. */
const storedEvent = (row: Row): AppendRules.StoredEvent => ({
  id: row.id as EventId,
  type: row.type,
  schemaVersion: row.schema_version,
  data: row.data,
  metadata: row.metadata,
  occurredAt: row.occurred_at,
  streamId: row.stream_id as StreamId.StreamId,
  category: row.category as StreamId.Category,
  revision: row.revision as Revision.Revision,
  position: BigInt(row.position) as Position.Position,
  recordedAt: row.recorded_at,
  appended: { first: row.first_revision, last: row.last_revision }
})

/** The statements of a database, each prepared once. */
const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>()

const select = (db: DatabaseSync, where: string): StatementSync => {
  const prepared = statements.get(db) ?? new Map<string, StatementSync>()
  statements.set(db, prepared)
  const statement = prepared.get(where) ?? db.prepare(`SELECT * FROM events WHERE ${where}`)
  prepared.set(where, statement)
  return statement
}

/** Returns the events of a query, one at a time: a page stops when it is full. */
const events = function* (db: DatabaseSync, where: string, ...values: Array<SQLInputValue>) {
  // The columns are those of the table.
  for (const row of select(db, where).iterate(...values)) yield storedEvent(row as unknown as Row)
}

const first = (db: DatabaseSync, where: string, ...values: Array<SQLInputValue>) => {
  const row = select(db, `${where} LIMIT 1`).get(...values)
  return row && storedEvent(row as unknown as Row)
}

const LAST_OF_STREAM = "stream_id = ? AND revision <= ? ORDER BY revision DESC"

const head = (db: DatabaseSync): Position.Position =>
  first(db, "true ORDER BY position DESC")?.position ?? Position.start

/** The facts that decide an append. */
export const facts = (db: DatabaseSync): AppendRules.Facts => ({
  head: () => head(db),
  find: (id) => first(db, "id = ?", id),
  end: (streamId) => first(db, LAST_OF_STREAM, streamId, Number.MAX_SAFE_INTEGER),
  at: (streamId, revision) => first(db, "stream_id = ? AND revision = ?", streamId, revision),
  after: (streamId, revision, limit) =>
    events(
      db,
      "stream_id = ? AND revision > ? ORDER BY revision LIMIT ?",
      streamId,
      revision,
      limit
    )
})

export const write = (db: DatabaseSync, stored: ReadonlyArray<AppendRules.StoredEvent>): void => {
  const insert = db.prepare(
    `INSERT INTO events VALUES (${Array.from({ length: 13 }, () => "?").join(", ")})`
  )
  for (const { appended, ...event } of stored) {
    const { category, id, position, revision, streamId } = event
    const place = [position, id, streamId, category, revision, appended.first, appended.last]
    const { data, metadata, occurredAt, recordedAt, schemaVersion, type } = event
    insert.run(...place, type, schemaVersion, data, metadata, occurredAt, recordedAt)
  }
}

/** Runs `body` with the lock of the only writer, all or none. */
const transact = <A>(db: DatabaseSync, body: () => A): A => {
  db.exec("BEGIN IMMEDIATE")
  try {
    const answer = body()
    db.exec("COMMIT")
    return answer
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK")
    throw error
  }
}

const attempt = <A>(body: () => A): Effect.Effect<A, SqliteError> =>
  Effect.try({ try: body, catch: (cause) => new SqliteError({ cause }) })

/** Bounds the memory of a reader: a page ends with the row that reaches one of them. */
const PAGE_ROWS = 500
const PAGE_CHARACTERS = 4_000_000

/** Reads a page of the rows that match, in the order of `key`. */
const page = <Place extends number | bigint>(
  db: DatabaseSync,
  key: "position" | "revision",
  placeOf: (event: RecordedEvent) => Place,
  { direction, highest, limit, lowest }: EventStoreDriver.Range<Place>,
  matching: Record<string, string | undefined>
): EventStoreDriver.Page<Place> => {
  const given = Object.entries(matching).flatMap(([condition, value]) =>
    value === undefined ? [] : [{ condition, value }]
  )
  const order = direction === "forward" ? "ASC" : "DESC"
  const conditions = [`${key} BETWEEN ? AND ?`, ...given.map(({ condition }) => condition)]
  const where = `${conditions.join(" AND ")} ORDER BY ${key} ${order}`
  const found: Array<RecordedEvent> = []
  let characters = 0
  for (const stored of events(db, where, lowest, highest, ...given.map(({ value }) => value))) {
    const event = AppendRules.toRecorded(stored)
    found.push(event)
    characters += stored.data.length + stored.metadata.length
    if (found.length >= Math.min(limit, PAGE_ROWS) || characters >= PAGE_CHARACTERS) {
      return { events: found, readTo: placeOf(event) }
    }
  }
  return { events: found, readTo: direction === "forward" ? highest : lowest }
}

/** A list as one parameter. */
const isIn = (column: string) => `${column} IN (SELECT value FROM json_each(?))`
const listed = (values: ReadonlyArray<string> | undefined) => values && JSON.stringify(values)

const endOf = (event: AppendRules.StoredEvent): EventStoreDriver.StreamEnd => ({
  streamId: event.streamId,
  revision: event.revision,
  position: event.position,
  occurredAt: DateTime.makeUnsafe(event.occurredAt),
  recordedAt: DateTime.makeUnsafe(event.recordedAt),
  event: EventMark.at(event.id, event.recordedAt)
})

/** The driver of a database with the tables. */
export const driver = (
  db: DatabaseSync,
  log: LogId.LogId
): EventStoreDriver.EventStoreDriver<SqliteError> => {
  const wakeUps = WakeUps.make()
  return {
    name: "sqlite",
    append: (appends) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.flatMap(
          attempt(() => {
            const decided = transact(db, () => {
              const decided = AppendRules.decide(facts(db), appends, now)
              if (Result.isSuccess(decided)) write(db, decided.success.events)
              return Result.map(decided, ({ answers }) => answers)
            })
            wakeUps.wakeAllUnsafe()
            return decided
          }),
          Effect.fromResult
        )
      ),
    settled: () => attempt(() => head(db)),
    origin: (position) =>
      attempt(() =>
        transact(db, () => {
          const end = first(db, "true ORDER BY position DESC")
          const settled = end?.position ?? Position.start
          const given = first(db, "position <= ? ORDER BY position DESC", position)
          return {
            log,
            settled,
            newest: settled,
            settledEvent: AppendRules.markOf(end),
            givenEvent: AppendRules.markOf(given)
          }
        })
      ),
    log:
      ({ categories, types }) =>
      (range) =>
        attempt(() =>
          page(db, "position", ({ position }) => position, range, {
            [isIn("category")]: listed(categories),
            [isIn("type")]: listed(types)
          })
        ),
    stream:
      ({ streamId, types }) =>
      (range) =>
        attempt(() =>
          page(db, "revision", ({ revision }) => revision, range, {
            "stream_id = ?": streamId,
            [isIn("type")]: listed(types)
          })
        ),
    end: (streamId, upTo = Revision.make(Number.MAX_SAFE_INTEGER)) =>
      attempt(() => {
        const event = first(db, LAST_OF_STREAM, streamId, upTo)
        return event && endOf(event)
      }),
    find: (ids) =>
      attempt(() =>
        ids.flatMap((id) => {
          const event = first(db, "id = ?", id)
          return event ? { eventId: id, streamId: event.streamId, revision: event.revision } : []
        })
      ),
    streams: ({ after = "", limit, prefix }) =>
      attempt(() => {
        const last =
          "revision = (SELECT max(revision) FROM events o WHERE o.stream_id = events.stream_id)"
        const where = `stream_id > ? AND substr(stream_id, 1, length(?)) = ? AND ${last} ORDER BY stream_id LIMIT ?`
        return Array.from(events(db, where, after, prefix, prefix, limit), endOf)
      }),
    wakeUps: {
      join: wakeUps.join,
      // Other processes can't open the latch.
      wait: (latch) => Effect.asVoid(Effect.timeoutOption(latch.await, "1 second"))
    },
    readsAhead: false
  }
}

/** Opens a database, and creates its tables and the id of its log unless it has them. */
export const open = (path: string) =>
  Effect.acquireRelease(
    attempt(() => {
      const db = new DatabaseSync(path)
      db.exec(TABLES)
      db.prepare("INSERT INTO log SELECT ? WHERE NOT EXISTS (SELECT * FROM log)").run(
        SecureRandom.uuidV4Unsafe()
      )
      const { id } = db.prepare("SELECT id FROM log").get() ?? {}
      return { db, log: LogId.make(String(id)) }
    }),
    ({ db }) => Effect.sync(() => db.close())
  )

export const layer = (path: string): Layer.Layer<EventStore, SqliteError> =>
  Layer.effect(
    EventStore,
    Effect.map(open(path), ({ db, log }) => EventStoreService.make(driver(db, log)))
  )
