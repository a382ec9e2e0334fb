/**
 * Renews the leases of a host in one statement, while nothing else of its group has changed.
 *
 * A turn takes five statements and locks the group. Most turns only renew, so a host looks first.
 */
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Ticked } from "../../driver/GroupDriver.ts"
import type { Host } from "../group/assign.ts"
import {
  type AskedInJson,
  type Database,
  HELD_IN_JSON,
  NOW,
  toAsked,
  UNFLUSHED
} from "./database.ts"

/** A turn after which there was nothing to do, and the number of members that it found. */
export interface Steady {
  readonly ticked: Ticked
  readonly members: number
}

interface Renewed {
  readonly renewed: number
  readonly members: number
  readonly changes: boolean
  readonly asked: ReadonlyArray<AskedInJson> | null
}

/**
 * Returns the part of a host if it is that of an earlier turn; undefined if another turn is due: a
 * lease was lost, a host came or went, or a range is free.
 */
export const renew = Effect.fnUntraced(function* (
  { sql, table }: Database,
  name: string,
  { lease, owner }: Omit<Host, "now">,
  { members, ticked }: Steady
): Effect.fn.Return<Ticked | undefined, SqlError> {
  const [row] = yield* sql.unsafe<Renewed>(
    `WITH own AS (
      -- In the order in which a turn locks them.
      SELECT epoch FROM ${table("ranges")}
      WHERE name = $1 AND owner = $2 AND lease_ends > ${NOW} ORDER BY first_slot FOR UPDATE
    ), renewed AS (
      UPDATE ${table("ranges")} r SET lease_ends = ${NOW} + $3 * interval '1 millisecond'
      FROM own WHERE r.name = $1 AND r.epoch = own.epoch RETURNING r.epoch
    ), member AS (
      UPDATE ${table("members")} SET lease_ends = ${NOW} + $3 * interval '1 millisecond'
      WHERE name = $1 AND owner = $2
    )
    SELECT ${UNFLUSHED}, (SELECT count(*)::integer FROM renewed) AS renewed,
      (SELECT count(*)::integer FROM ${table("members")} WHERE name = $1) AS members,
      EXISTS (SELECT FROM ${table("members")} WHERE name = $1 AND lease_ends <= ${NOW})
        OR EXISTS (SELECT FROM ${table("ranges")}
          WHERE name = $1 AND (owner IS NULL OR lease_ends <= ${NOW})) AS changes,
      (SELECT json_agg(h) FROM (SELECT ${HELD_IN_JSON} FROM ${table("held_keys")} h
        WHERE h.name = $1 AND h.asked IS NOT NULL) h) AS asked`,
    [PgTypes.text(name), PgTypes.text(owner), PgTypes.float8(lease)]
  )
  if (row === undefined || row.changes) return undefined
  if (row.renewed !== ticked.own.length || row.members !== members) return undefined
  return { ...ticked, asked: toAsked(row.asked, ticked.own) }
})
