/**
 * `position_at`: the last position before the first event that was recorded after an instant.
 */
import { summarizable } from "../tables.ts"

/**
 * Returns the statement that installs it, for positions up to `p_settled`.
 *
 * It is a function because only its settings prevent a planner without statistics from reading the
 * table from end to end.
 */
export const positionAt = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.position_at(p_settled bigint, p_instant timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
AS $$
DECLARE
  low bigint := 0;
  high bigint := p_settled + 1;
  middle bigint;
  place bigint;
  instant timestamptz;
BEGIN
  -- Halving finds a later event near the first one.
  WHILE high - low > 1 LOOP
    middle := low + (high - low) / 2;
    SELECT e.position, e.recorded_at INTO place, instant FROM ${log}.events e
      WHERE e.position > low AND e.position <= middle ORDER BY e.position DESC LIMIT 1;
    IF instant > p_instant THEN high := place; ELSE low := middle; END IF;
  END LOOP;
  -- Blocks that the index has not summed up are read. A server sums them up in the background; PGlite has no background.
  IF version() LIKE '%PGlite%' THEN
    PERFORM brin_summarize_new_values(s.oid) FROM (${summarizable(log)}) s;
  END IF;
  -- An event before it may be later too, since clocks are put back and appends run side by side.
  SELECT min(e.position + 0) INTO place FROM ${log}.events e
    WHERE e.recorded_at > p_instant AND e.position + 0 < high;
  RETURN coalesce(place, high) - 1;
END $$`
