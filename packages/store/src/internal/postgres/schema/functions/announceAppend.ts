/**
 * `announce_append`: announces, until the transaction ends, that it may still write appends after
 * the present newest one.
 */
import { boundTransaction, namespace, signed32 } from "../sqlParts.ts"

/**
 * Returns the statement that installs it.
 *
 * Keys of locks have 32 bits, so the number is cut to its low half; `settled_position` restores it.
 * It never waits: if another session holds the lock of that key, `announce_lower` takes another
 * one.
 */
export const announceAppend = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.announce_append() RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest CONSTANT bigint := ${log}.newest_append();
BEGIN
    ${boundTransaction}
  IF NOT pg_try_advisory_xact_lock_shared(${signed32(namespace(log))}, ${signed32("newest")}) THEN
    PERFORM ${log}.announce_lower(newest);
  END IF;
END $$`
