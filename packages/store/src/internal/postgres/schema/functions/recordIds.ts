/**
 * `record_ids`: the trigger function of a log in partitions, called for each statement that inserts
 * events.
 */

/** Returns the statement that installs it. */
export const recordIds = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.record_ids() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Calls that share ids meet them in one order, so that none waits for another in a ring.
  INSERT INTO ${log}.recorded_ids (event_id, position)
    SELECT r.event_id, r.position FROM recorded r ORDER BY r.event_id;
  RETURN NULL;
END $$`
