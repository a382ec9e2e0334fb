/**
 * The identity of the log, and a look at the log that says of which log and which history a position is.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"
import { PLACES } from "./migration0001.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // Drawn once. It travels with the rows of the log: a copy of the log is the same log up to where they part.
  `CREATE TABLE ${schema}.log (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid()
  )`,
  `INSERT INTO ${schema}.log DEFAULT VALUES`,

  // As it was, but for the first check: rows that came without their sequence (a copy of the table, logical
  // replication) would leave it below them, all of them unsettled, and let appends in between them.
  // The rows are looked at before the sequence: an append draws its number before it can be seen.
  `CREATE OR REPLACE FUNCTION ${schema}.settled_position() RETURNS bigint LANGUAGE plpgsql VOLATILE
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
    SELECT e.position INTO ends FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1;
    newest := ${schema}.newest_append();
    IF ends > newest * ${PLACES} THEN
      RAISE EXCEPTION
        'the log has events up to position %, and its sequence is at %: run PostgresMigrations, which puts it right',
        ends, newest * ${PLACES} USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT min(((((l.objid::bigint - newest) << 32) >> 32)::integer)) INTO oldest_open
      FROM pg_locks l
      WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND l.classid = '${schema}.append_number'::regclass::oid;
    RETURN (newest + least(coalesce(oldest_open, 0), 0)) * ${PLACES};
  END $$`,

  // Up to where the log is settled, up to where positions are drawn, and of which log and history they are:
  // the last events at or below the settled position, and at or below p_position. Each look is a statement
  // of its own, after the settled position was read: what is settled is seen by all of them.
  `CREATE FUNCTION ${schema}.look_at_log(
    p_position bigint, OUT settled bigint, OUT newest bigint, OUT log uuid, OUT settled_event uuid, OUT given_event uuid
  ) LANGUAGE plpgsql VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  -- The plan is made once a session, and must serve while the table grows.
  SET enable_seqscan = off SET jit = off
  AS $$
  BEGIN
    settled := ${schema}.settled_position();
    newest := ${schema}.newest_append() * ${PLACES};
    SELECT l.id INTO log FROM ${schema}.log l;
    IF log IS NULL THEN
      RAISE EXCEPTION 'the log has no id: run PostgresMigrations, which gives it one'
        USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT e.event_id INTO settled_event FROM ${schema}.events e
      WHERE e.position <= settled ORDER BY e.position DESC LIMIT 1;
    IF p_position IS NOT NULL THEN
      SELECT e.event_id INTO given_event FROM ${schema}.events e
        WHERE e.position <= p_position ORDER BY e.position DESC LIMIT 1;
    END IF;
  END $$`,
  `REVOKE ALL ON FUNCTION ${schema}.look_at_log FROM PUBLIC`,

  // To the owner of the log. Each role that may read the log may read this: hosts go on while they wait for the grants.
  `DO $$
  DECLARE
    log pg_catalog.pg_class;
    f pg_catalog.pg_proc;
    grantee record;
  BEGIN
    SELECT * INTO log FROM pg_catalog.pg_class c WHERE c.oid = '${schema}.events'::pg_catalog.regclass;
    SELECT * INTO f FROM pg_catalog.pg_proc p
      WHERE p.oid = '${schema}.settled_position()'::pg_catalog.regprocedure;
    EXECUTE pg_catalog.format('ALTER TABLE ${schema}.log OWNER TO %I', pg_catalog.pg_get_userbyid(log.relowner));
    EXECUTE pg_catalog.format('ALTER FUNCTION ${schema}.look_at_log OWNER TO %I', pg_catalog.pg_get_userbyid(log.relowner));
    FOR grantee IN SELECT DISTINCT r.rolname AS name
      FROM pg_catalog.aclexplode(log.relacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
      WHERE a.privilege_type = 'SELECT' AND a.grantee <> log.relowner
    LOOP
      EXECUTE pg_catalog.format('GRANT SELECT ON ${schema}.log TO %I', grantee.name);
    END LOOP;
    FOR grantee IN SELECT DISTINCT r.rolname AS name
      FROM pg_catalog.aclexplode(f.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
      WHERE a.privilege_type = 'EXECUTE' AND a.grantee <> f.proowner
    LOOP
      EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION ${schema}.look_at_log TO %I', grantee.name);
    END LOOP;
  END $$`
]
