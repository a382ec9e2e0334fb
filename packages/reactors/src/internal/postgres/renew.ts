/**
 * Renews the leases of a host in one statement, while nothing else of its group has changed.
 *
 * A turn takes five statements and locks the group. Most turns only renew, so a host looks first.
 * The renewal waits for the disk, unlike a checkpoint: a crash of the server that undid it would
 * end the lease while its host goes on, and another host would begin beside it.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Ticked } from "../../driver/GroupDriver.ts"
import type { Host, RangeRow } from "../group/assign.ts"
import { type AskedInJson, type Database, HELD_IN_JSON, NOW, toAsked } from "./database.ts"

/** A turn after which there was nothing to do, and the number of members that it found. */
export interface Steady {
  readonly ticked: Ticked
  readonly members: number
}

interface Renewed {
  readonly own: ReadonlyArray<PlaceInJson> | null
  readonly members: number
  readonly changes: boolean
  readonly asked: ReadonlyArray<AskedInJson> | null
}

/** The checkpoint of a range in JSON, which has no integers past 2^53. */
interface PlaceInJson {
  readonly epoch: number
  readonly position: string
  readonly event: EventMark | null
}

/**
 * Returns the part of a host, with the checkpoints of now, if it is that of an earlier turn;
 * undefined if another turn is due: a lease was lost, a host came or went, or a range is free.
 */
export const renew = Effect.fnUntraced(function* (
  { bounds, sql, table }: Database,
  name: string,
  { lease, owner }: Omit<Host, "now">,
  { members, ticked }: Steady
): Effect.fn.Return<Ticked | undefined, SqlError> {
  const [row] = yield* sql.unsafe<Renewed>(
    `${bounds}, own AS (
      -- In the order in which a turn locks them.
      SELECT r.epoch, r."position", r.event FROM ${table("ranges")} r CROSS JOIN bounds
      WHERE r.name = $1 AND r.owner = $2 AND r.lease_ends > ${NOW} ORDER BY r.first_slot FOR UPDATE OF r
    ), renewed AS (
      UPDATE ${table("ranges")} r SET lease_ends = ${NOW} + $3 * interval '1 millisecond'
      FROM own WHERE r.name = $1 AND r.epoch = own.epoch
      RETURNING r.epoch, own."position"::text, own.event
    ), member AS (
      UPDATE ${table("members")} SET lease_ends = ${NOW} + $3 * interval '1 millisecond'
      WHERE name = $1 AND owner = $2
    )
    SELECT (SELECT json_agg(r) FROM renewed r) AS own,
      (SELECT count(*)::integer FROM ${table("members")} WHERE name = $1) AS members,
      EXISTS (SELECT FROM ${table("members")} WHERE name = $1 AND lease_ends <= ${NOW})
        OR EXISTS (SELECT FROM ${table("ranges")}
          WHERE name = $1 AND (owner IS NULL OR lease_ends <= ${NOW})) AS changes,
      (SELECT json_agg(h) FROM (SELECT ${HELD_IN_JSON} FROM ${table("held_keys")} h
        WHERE h.name = $1 AND h.asked IS NOT NULL) h) AS asked`,
    [PgTypes.text(name), PgTypes.text(owner), PgTypes.float8(lease)]
  )
  if (row === undefined || row.changes) return undefined
  const places = new Map((row.own ?? []).map((place) => [place.epoch, place]))
  const own = ticked.own.flatMap((range): ReadonlyArray<RangeRow> => {
    const place = places.get(range.epoch)
    if (place === undefined) return []
    const { event, position } = place
    const { log } = range.checkpoint
    return [{ ...range, checkpoint: { log, position: Position.make(BigInt(position)), event } }]
  })
  // A turn without an answer may have changed the ranges.
  if (own.length !== ticked.own.length || own.length !== places.size) return undefined
  if (row.members !== members) return undefined
  return { ...ticked, own, asked: toAsked(row.asked, own) }
})
