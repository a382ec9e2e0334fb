/**
 * The database of a torture: what the hosts need in it, and what the audit reads from it.
 */
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Users from "../users.ts"
import type { Logged } from "./observed.ts"

/**
 * Makes everything that a deploy makes and the tables of the reactors, as the superuser of `url`,
 * and returns the URL for hosts.
 */
export const deploy = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const sql = yield* SqlClient
  const shop = yield* Users.deploy(url)
  yield* ReactorMigrations.migrate
  // The first rights are those of the guide on least privilege.
  for (const statement of [
    "CREATE ROLE daybook_reactor",
    "GRANT USAGE ON SCHEMA reactors TO daybook_reactor",
    "GRANT SELECT ON reactors.migrations TO daybook_reactor",
    "GRANT SELECT, INSERT ON reactors.acts TO daybook_reactor",
    `GRANT SELECT, INSERT, UPDATE, DELETE
      ON reactors.groups, reactors.members, reactors.ranges, reactors.held_keys, reactors.process_timers
      TO daybook_reactor`,
    "GRANT daybook_reactor TO shop",
    "CREATE SCHEMA torture",
    // No key would hide a second reaction.
    "CREATE TABLE torture.reactions (id bigint GENERATED ALWAYS AS IDENTITY, event_id text NOT NULL)",
    "CREATE TABLE torture.effects (id bigint GENERATED ALWAYS AS IDENTITY, event_id text NOT NULL)",
    "GRANT USAGE ON SCHEMA torture TO shop",
    "GRANT INSERT ON torture.reactions, torture.effects TO shop"
  ]) {
    yield* sql.unsafe(statement).unprepared
  }
  return shop
})

interface Row extends Omit<Logged, "position" | "commandId"> {
  readonly position: string
  readonly commandId: string | null
}

/** Reads the log from its table. */
export const log = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows = yield* sql<Row>`
    SELECT event_id::text AS id, stream_id AS "streamId", revision, position::text, type, data,
      metadata ->> 'commandId' AS "commandId",
      extract(epoch FROM occurred_at)::float8 * 1000 AS "occurredMillis",
      extract(epoch FROM recorded_at)::float8 * 1000 AS "recordedMillis"
    FROM daybook.events e ORDER BY e.position`
  return rows.map(({ commandId, position, ...row }): Logged => ({
    ...row,
    // A product of fractions may lie beside the whole millisecond.
    occurredMillis: Math.round(row.occurredMillis),
    recordedMillis: Math.round(row.recordedMillis),
    position: BigInt(position),
    commandId: commandId ?? undefined
  }))
})

interface Reaction {
  readonly eventId: string
}

const ids = Effect.map((rows: ReadonlyArray<Reaction>) => rows.map(({ eventId }) => eventId))

/** Reads the reactions of the plain reactor, in their order. */
export const reactions = Effect.flatMap(
  SqlClient,
  (sql) => sql<Reaction>`SELECT event_id AS "eventId" FROM torture.reactions ORDER BY id`
).pipe(ids)

/** Reads the reactions of the transactional reactor, in their order. */
export const effects = Effect.flatMap(
  SqlClient,
  (sql) => sql<Reaction>`SELECT event_id AS "eventId" FROM torture.effects ORDER BY id`
).pipe(ids)

/** The timers that are kept, due or not. */
export const timers = Effect.flatMap(
  SqlClient,
  (sql) => sql<{ readonly count: number }>`
    SELECT count(*)::integer AS count FROM reactors.process_timers`
).pipe(Effect.map(([row]) => row?.count ?? 0))
