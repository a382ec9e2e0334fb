/**
 * `newest_append`: returns the last number that any append has drawn.
 */

/**
 * Returns the statement that installs it. Numbers of appends that were not committed count; it
 * returns 0 before the first.
 */
export const newestAppend = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.newest_append() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM ${log}.append_number
$$`
