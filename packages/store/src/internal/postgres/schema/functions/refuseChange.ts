/**
 * `refuse_change` and `refuse_change_of_acts`: the trigger functions of append-only tables.
 */

/** Returns the statement that installs the function of the log. */
export const refuseChange = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'events are append-only: % refused', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
END $$`

/** Returns the statement that installs the function of administrative acts. */
export const refuseChangeOfActs = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.refuse_change_of_acts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'acts are only added: % refused', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
END $$`
