/**
 * Least privilege: what appends does so with the rights of its owner, and nobody else may.
 *
 * Released migrations are never edited: a change is a further migration. A function that a later one
 * adds or replaces says the same of itself, since `CREATE OR REPLACE` forgets it.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (schema: SchemaName): ReadonlyArray<string> => [
  // An ordinary trigger rests while session_replication_role is 'replica'.
  `ALTER TABLE "${schema}".events ENABLE ALWAYS TRIGGER append_only`,

  // PostgreSQL lets everybody execute a new function. Two are for others than the owner: they run with
  // its rights, so that nobody else needs any on the table and the sequence; and they find each
  // name where PostgreSQL keeps its own, so that no caller can put another function or operator there.
  // pg_temp is named to be last: unnamed, it would be searched first for tables and types.
  `DO $$
  DECLARE
    f record;
  BEGIN
    FOR f IN SELECT p.oid::pg_catalog.regprocedure AS signature, p.proname AS name
      FROM pg_catalog.pg_proc p WHERE p.pronamespace = '"${schema}"'::pg_catalog.regnamespace
    LOOP
      EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.signature);
      IF f.name IN ('append', 'settled_position') THEN
        EXECUTE pg_catalog.format(
          'ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', f.signature);
      END IF;
    END LOOP;
  END $$`
]
