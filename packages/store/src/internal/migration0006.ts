/**
 * What keeps its meaning when the events of a large log move into partitions: ids are looked up in a view,
 * and advisory locks are named by the sequence, which stays.
 *
 * Released migrations are never edited: a change is a further migration. From here on functions find an event
 * by its id through `event_ids`, and take their locks by the oid of `append_number`, never of `events`.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // A call that has announced itself under the old name has read events, so this waits for its end.
  `LOCK TABLE ${schema}.events IN ACCESS EXCLUSIVE MODE`,

  // Where the event of an id is. A log in partitions keeps a table of that; here the events say it.
  `CREATE VIEW ${schema}.event_ids AS SELECT e.event_id, e.position FROM ${schema}.events e`,

  // To the owner of the log, and who reads events may read it: hosts go on while they wait for the grants.
  `DO $$
  DECLARE
    log pg_catalog.pg_class;
    grantee record;
  BEGIN
    SELECT * INTO log FROM pg_catalog.pg_class c WHERE c.oid = '${schema}.events'::pg_catalog.regclass;
    EXECUTE pg_catalog.format('ALTER VIEW ${schema}.event_ids OWNER TO %I', pg_catalog.pg_get_userbyid(log.relowner));
    FOR grantee IN SELECT DISTINCT r.rolname AS name
      FROM pg_catalog.aclexplode(log.relacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
      WHERE a.privilege_type = 'SELECT' AND a.grantee <> log.relowner
    LOOP
      EXECUTE pg_catalog.format('GRANT SELECT ON ${schema}.event_ids TO %I', grantee.name);
    END LOOP;
  END $$`,

  // In the functions as they stand, since nothing else in them changes.
  `DO $do$
  DECLARE
    f record;
  BEGIN
    FOR f IN SELECT pg_catalog.replace(
        pg_catalog.regexp_replace(pg_catalog.pg_get_functiondef(p.oid),
          'JOIN ${schema}\\.events e ON e\\.event_id = (\\w+\\.id)',
          'JOIN ${schema}.event_ids n ON n.event_id = \\1 JOIN ${schema}.events e ON e.position = n.position',
          'g'),
        $$'${schema}.events'::regclass$$, $$'${schema}.append_number'::regclass$$) AS definition
      FROM pg_catalog.pg_proc p WHERE p.pronamespace = '${schema}'::pg_catalog.regnamespace AND p.prokind = 'f'
    LOOP
      EXECUTE f.definition;
    END LOOP;
  END $do$`
]
