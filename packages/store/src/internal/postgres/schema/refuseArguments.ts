/**
 * The first step of a function that appends: it refuses arrays that do not fit together, before it
 * draws or derives anything from them.
 *
 * A revision is derived from the newest one of the stream and from the counts, so no count may be
 * negative or NULL, and none may make the server build more rows than there are events.
 */
import { PLACES } from "./sqlParts.ts"

/** The most bytes of JSON text in a call: the limit of the contract. */
const MAX_APPEND_BYTES = 16_777_216

const OF_APPENDS = ["p_expected", "p_counts"]
const OF_EVENTS = ["p_types", "p_schema_versions", "p_data", "p_metadata", "p_occurred_at"]

const FIT = `appends > 0 AND array_ndims(p_stream_ids) = 1 AND array_lower(p_stream_ids, 1) = 1
      ${OF_APPENDS.map((name) => `AND array_dims(${name}) = array_dims(p_stream_ids)`).join("\n      ")}
      AND array_position(p_stream_ids, NULL) IS NULL AND -3 <= ALL (p_expected) AND 0 <= ALL (p_counts)
      AND (events = 0 OR array_ndims(p_event_ids) = 1 AND array_lower(p_event_ids, 1) = 1)
      ${OF_EVENTS.map((name) => `AND array_dims(${name}) IS NOT DISTINCT FROM array_dims(p_event_ids)`).join("\n      ")}
      AND p_all_or_none IS NOT NULL`

// The size of an array is no less than that of its texts, and found without reading them.
const SMALL = `pg_column_size(p_data) + pg_column_size(p_metadata) <= ${MAX_APPEND_BYTES}`

/**
 * The statements, for a function with the parameters of `append` and with their lengths in
 * `appends` and `events`.
 *
 * Nearly every call passes the first test, in one expression: PL/pgSQL prepares each one again in
 * every transaction. The dimensions of an array are a text of its bounds, so equal ones have the
 * same length and begin at the same index. The functions take all of them to begin at 1. -3 is the
 * lowest expected revision: one that no stream meets.
 */
export const refuseArguments = `IF (events < ${PLACES} AND ${FIT}
      AND appends = events AND 1 = ALL (p_counts) AND ${SMALL}) IS NOT TRUE THEN
    IF events >= ${PLACES} OR appends >= ${PLACES} THEN
      RAISE EXCEPTION 'a call holds less than ${PLACES} events and ${PLACES} appends'
        USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (${FIT}) IS NOT TRUE THEN
      RAISE EXCEPTION 'the arrays of appends and events do not fit together'
        USING ERRCODE = 'array_subscript_error';
    END IF;
    IF (SELECT sum(c.count) FROM unnest(p_counts) AS c(count)) <> events THEN
      RAISE EXCEPTION 'the appends do not have the % events that are given', events
        USING ERRCODE = 'array_subscript_error';
    END IF;
    IF NOT (${SMALL}) THEN
      IF (SELECT sum(octet_length(t.data) + octet_length(t.metadata))
          FROM unnest(p_data, p_metadata) AS t(data, metadata)) > ${MAX_APPEND_BYTES} THEN
        RAISE EXCEPTION 'a call holds at most ${MAX_APPEND_BYTES} bytes of JSON'
          USING ERRCODE = 'program_limit_exceeded';
      END IF;
    END IF;
  END IF;`
