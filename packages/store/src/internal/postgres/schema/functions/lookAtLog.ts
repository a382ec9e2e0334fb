/**
 * `look_at_log`: returns the settled position, and the log and history that a position belongs to.
 */
import { PLACES } from "../sqlParts.ts"

/** The text of an `EventMark`. */
const mark = `e.event_id::text || '@' || (extract(epoch FROM e.recorded_at) * 1000)::bigint::text`

/**
 * Returns the statement that installs it.
 *
 * It returns the settled position, the newest position that is drawn, the id of the log, and the
 * marks of the last events at or below the settled position and at or below `p_position`. Each look
 * is a statement of its own after the settled position was read, so that it sees all settled
 * events.
 */
export const lookAtLog = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.look_at_log(
  p_position bigint, OUT settled bigint, OUT newest bigint, OUT log uuid, OUT settled_event text, OUT given_event text
) LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- The plan is made once a session, and must serve while the table grows.
SET enable_seqscan = off SET jit = off
AS $$
BEGIN
  settled := ${log}.settled_position();
  newest := ${log}.newest_append() * ${PLACES};
  SELECT l.id INTO log FROM ${log}.log l;
  IF log IS NULL THEN
    RAISE EXCEPTION 'the log has no id: run PostgresMigrations, which gives it one'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT ${mark} INTO settled_event FROM ${log}.events e
    WHERE e.position <= settled ORDER BY e.position DESC LIMIT 1;
  SELECT ${mark} INTO given_event FROM ${log}.events e
    WHERE e.position <= p_position ORDER BY e.position DESC LIMIT 1;
END $$`
