/**
 * Pieces that several functions of the log share.
 *
 * `log` is the quoted name of a schema, which holds nothing that could end its quotes, so it can stand in the bodies of functions,
 * where PostgreSQL allows no parameters.
 */

/** How many positions an append has: more than `MAX_EVENTS`, and a power of two. */
export const PLACES = 1_024n

/** The limit of the contract. */
export const MAX_REVISION = 2_147_483_647

/** How long a transaction with an append in it may be idle, in seconds: longer than any that is worked on. */
export const IDLE_SECONDS = 60

const names = [
  "position",
  "occurred_at",
  "recorded_at",
  "event_id",
  "revision",
  "schema_version",
  "stream_id",
  "type",
  "data",
  "metadata"
]

/** The columns of an event. */
export const columns = names.join(", ")

/** The columns of an event `e`. */
export const qualified = names.map((name) => `e.${name}`).join(", ")

/** The number that the advisory locks of a log share: its sequence stays when the events move into partitions. */
export const namespace = (log: string): string => `'${log}.append_number'::regclass::oid::bigint`

/** SQL for the low 32 bits of a bigint as a signed integer: shifting left drops the high half. */
export const signed32 = (bigint: string): string => `((((${bigint}) << 32) >> 32)::integer)`

/** Looks where the rows end, which must come before the look at the sequence: an append draws its number before its rows show. */
export const endOfRows = (log: string): string =>
  `SELECT e.position INTO ends FROM ${log}.events e ORDER BY e.position DESC LIMIT 1;`

/**
 * Refuses to draw a number from a sequence that the rows are past: the append would get a position in the middle of the history,
 * where every subscriber has been. A restore or a copy may have left the log so; the message is that of `settled_position`.
 */
export const refuseUnsound = `IF ends > newest * ${PLACES} THEN
      RAISE EXCEPTION
        'the log has events up to position %, and its sequence is at %: run PostgresMigrations, which puts it right',
        ends, newest * ${PLACES} USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;`
