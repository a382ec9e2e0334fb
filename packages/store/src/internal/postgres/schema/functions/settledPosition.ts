/**
 * `settled_position`: the position up to which no append can record any more events.
 */
import { APPENDER_LOCK, PLACES, signed32 } from "../sqlParts.ts"

/**
 * Returns the statement that installs it.
 *
 * Read events up to this position in a later statement. The newest number is read before the locks;
 * the ADR on ordering has the proof. Rows that came without their sequence (a copy of the table,
 * logical replication) would leave the sequence below them, and later appends would land between
 * them: so the rows are checked before the sequence is read, since an append draws its number
 * before its rows are visible.
 *
 * Any login may take the lock of an announcement, so an announcement counts only beside the lock
 * that an append takes first on the table of events, which needs USAGE on the schema. Both belong
 * to one virtual transaction, also while it is being prepared and afterwards.
 */
export const settledPosition = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.settled_position() RETURNS bigint LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $$
DECLARE
  ends bigint;
  newest bigint;
  oldest_open integer;
BEGIN
  -- Under a fixed snapshot the reader would not see what is settled, and standbys show no locks.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'reading the log needs READ COMMITTED, not %',
      current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'the log is read from the primary: a standby does not show its open appends'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  SELECT e.position INTO ends FROM ${log}.events e ORDER BY e.position DESC LIMIT 1;
  newest := ${log}.newest_append();
  IF ends > newest * ${PLACES} THEN
    RAISE EXCEPTION
      'the log has events up to position %, and its sequence is at %: run PostgresMigrations, which puts it right',
      ends, newest * ${PLACES} USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT min(${signed32("l.objid::bigint - newest")}) INTO oldest_open
    FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
      AND l.classid = '${log}.append_number'::regclass::oid;
  -- Mostly there is none, and nothing to ask about.
  IF oldest_open < 0 THEN
    SELECT min(o.distance) INTO oldest_open
      FROM (
        SELECT min(${signed32("l.objid::bigint - newest")}) FILTER (WHERE l.locktype = 'advisory') AS distance,
            bool_or(l.locktype = 'relation') AS appends
          FROM pg_locks l
          WHERE l.granted AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND (l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = '${log}.append_number'::regclass::oid
              OR l.locktype = 'relation' AND l.relation = to_regclass('${log}.events')::oid
                AND l.mode = '${APPENDER_LOCK}')
          GROUP BY l.virtualtransaction
      ) o
      WHERE o.appends AND o.distance < 0;
  END IF;
  RETURN (greatest(newest + least(coalesce(oldest_open, 0), 0), 0)) * ${PLACES};
END $$`
