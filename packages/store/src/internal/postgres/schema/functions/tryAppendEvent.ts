/**
 * `try_append_event`: one event alone, which is a usual append, in one statement and without
 * arrays.
 */
import {
  columns,
  endOfRows,
  MAX_REVISION,
  namespace,
  PLACES,
  refuseFixedSnapshot,
  signed32,
  waitForDisk
} from "../sqlParts.ts"
import { LOCK_MILLIS } from "./tryAppend.ts"

/**
 * Returns the statement that installs it.
 *
 * `p_expected`: as of `append`. It returns the revision, the position and the time of the event, or
 * NULLs if it leaves the event to `append`: another session has the stream or the lock of the
 * announcement, the stream is not as expected, or the log is unsound, which `append` explains. If
 * the id is recorded already, it fails with unique_violation.
 *
 * Its call must be a transaction of its own, which ends with its answer: it sets no timeouts for a
 * transaction that stays open, as the other functions do, since setting them takes a tenth of its
 * time.
 *
 * The stream is locked before the statement takes its snapshot, so the statement sees all that
 * earlier writers of the stream wrote. Rows in its snapshot had their numbers before it reads the
 * sequence. Its conditions are checked before its row is computed, so the append is announced
 * before it draws a number.
 */
export const tryAppendEvent = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.try_append_event(
  p_stream_id text, p_expected bigint, p_event_id uuid, p_type text, p_schema_version smallint,
  p_data json, p_metadata json, p_occurred_at timestamptz,
  OUT revision integer, OUT "position" bigint, OUT recorded_at timestamptz
) LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- As in try_append.
SET lock_timeout = '${LOCK_MILLIS}ms'
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
#variable_conflict use_column
BEGIN
  ${refuseFixedSnapshot}
  IF NOT pg_try_advisory_xact_lock(hashtextextended(p_stream_id, ${namespace(log)})) THEN
    RETURN;
  END IF;
  ${waitForDisk}
  INSERT INTO ${log}.events AS e (${columns})
    SELECT (nextval('${log}.append_number') - 1) * ${PLACES} + 1, p_occurred_at,
        -- The clock of a server may be set back.
        greatest(date_trunc('milliseconds', clock_timestamp()), l.recorded_at), p_event_id,
        coalesce(l.revision, 0) + 1, p_schema_version, p_stream_id, p_type, p_data, p_metadata
      FROM (
        -- OFFSET 0: the sequence is read once.
        SELECT n.last_value - (NOT n.is_called)::integer AS newest FROM ${log}.append_number n OFFSET 0
      ) n
      LEFT JOIN (
        SELECT e.revision, e.recorded_at FROM ${log}.events e
          WHERE e.stream_id = p_stream_id ORDER BY e.revision DESC LIMIT 1
      ) l ON true
      LEFT JOIN (${endOfRows(log)}) r ON true
      WHERE (p_expected = -2 OR p_expected = coalesce(l.revision, 0) OR (p_expected = -1 AND l.revision > 0))
        AND coalesce(l.revision, 0) < ${MAX_REVISION}
        AND coalesce(r.position, 0) <= n.newest * ${PLACES}
        AND pg_try_advisory_xact_lock_shared(${signed32(namespace(log))}, ${signed32("n.newest")})
    RETURNING e.revision, e.position, e.recorded_at INTO revision, "position", recorded_at;
END $$`
