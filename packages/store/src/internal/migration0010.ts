/**
 * What read models need of the log, out of the hands of who keeps them: the locks of an append that keeps rows, with a look at
 * the tables that it is about to write; and a record of administrative acts, which is only added to.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "../PostgresSchema.ts"

/** The statements, in order. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

/** The trigger by which acts are only added, on the quoted schema. */
export const appendOnly = (schema: string): ReadonlyArray<string> => [
  `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${schema}.acts
    FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_change_of_acts()`,
  `ALTER TABLE ${schema}.acts ENABLE ALWAYS TRIGGER append_only`
]

const inSchema = (schema: string): ReadonlyArray<string> => [
  // What default privileges gave to everybody. The schema is the log's alone.
  ...["TABLES", "SEQUENCES", "FUNCTIONS"].map(
    (kind) => `REVOKE ALL ON ALL ${kind} IN SCHEMA ${schema} FROM PUBLIC`
  ),

  `CREATE TABLE ${schema}.acts (
    act_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT acts_pkey PRIMARY KEY,
    acted_at timestamptz NOT NULL,
    act text COLLATE "C" NOT NULL CHECK (octet_length(act) BETWEEN 1 AND 64),
    subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 256),
    login text COLLATE "C" NOT NULL,
    actor text CHECK (octet_length(actor) <= 4096),
    reason text CHECK (octet_length(reason) <= 4096),
    details json NOT NULL CHECK (octet_length(details::text) <= 65536)
  )`,
  `CREATE INDEX acts_subject_idx ON ${schema}.acts (subject, act_id)`,
  `CREATE FUNCTION ${schema}.refuse_change_of_acts() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    RAISE EXCEPTION 'acts are only added: % refused', lower(TG_OP) USING ERRCODE = 'insufficient_privilege';
  END $$`,
  ...appendOnly(schema),

  // The login is recorded, which the caller can't choose; the actor is a claim.
  `CREATE FUNCTION ${schema}.record_act(
      p_act text, p_subject text, p_actor text, p_reason text, p_details json
    ) RETURNS void LANGUAGE plpgsql VOLATILE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  BEGIN
    INSERT INTO ${schema}.acts (acted_at, act, subject, login, actor, reason, details)
      VALUES (date_trunc('milliseconds', clock_timestamp()), p_act, p_subject, session_user, p_actor,
        p_reason, p_details);
  END $$`,

  // Which of the read models this transaction keeps, until it ends; with the rows of p_keys, each of the read
  // model beside it in p_keys_of. A shared lock on each read model keeps it as it is; then, of those that are
  // kept, the rows are locked, in one order. It is one function since the roles must be read, in a new
  // statement, after the locks are had, and a host would make two round trips of that.
  // It runs with the caller's rights, and is the log's: what keeps read models can't replace it. Their tables
  // are locked against changes of their definition, and looked at: the caller may append, so none of them may
  // run code that others have put there, such as a trigger. Calls of PostgreSQL's own functions count: some
  // of them run SQL from a text.
  // Answers: the version of each of p_names that appends keep, NULL of others and of those that are of another log than
  // p_log; or what is in the way.
  `CREATE FUNCTION ${schema}.keep_read_models(
      p_schema text, p_names text[], p_keys_of text[], p_keys text[], p_log uuid,
      OUT versions integer[], OUT altered text[]
    ) LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp SET jit = off
  AS $$
  DECLARE
    generations CONSTANT text := format('%I.daybook__generations', p_schema);
    namespace CONSTANT bigint := generations::regclass::oid::bigint;
    kept oid[];
  BEGIN
    -- Under a fixed snapshot who waited for a row would not see what became of it.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RAISE EXCEPTION 'keeping read models needs READ COMMITTED, not %',
        current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(k.key) FROM (
      SELECT DISTINCT hashtextextended(n.name, namespace) AS key
        FROM unnest(p_names) AS n(name) ORDER BY 1
    ) k;
    EXECUTE 'LOCK TABLE ONLY ' || generations || ' IN ACCESS SHARE MODE';
    SELECT array_agg(f.found ORDER BY f.found) INTO altered
      FROM ${schema}.foreign_code(ARRAY[generations::regclass::oid], false) AS f(found);
    IF altered IS NOT NULL THEN RETURN; END IF;
    EXECUTE 'SELECT array_agg(g.version ORDER BY n.place) FROM unnest($1) WITH ORDINALITY AS n(name, place)
      LEFT JOIN ONLY ' || generations || $q$ g ON g.name = n.name AND g.role = 'serving' AND g.mode = 'inline'
        AND ($2 IS NULL OR g.log IS NULL OR g.log = $2)$q$
      INTO versions USING p_names, p_log;
    IF array_remove(versions, NULL) = '{}' THEN RETURN; END IF;
    -- No name has a space in it, so a row and a read model share no key.
    PERFORM pg_advisory_xact_lock(k.key) FROM (
      SELECT DISTINCT hashtextextended(r.name || ' ' || r.key, namespace) AS key
        FROM unnest(p_keys_of, p_keys) AS r(name, key)
        WHERE versions[array_position(p_names, r.name)] IS NOT NULL ORDER BY 1
    ) k;
    FOR i IN 1..cardinality(p_names) LOOP
      IF versions[i] IS NOT NULL THEN
        EXECUTE format('LOCK TABLE ONLY %I.%I IN ROW EXCLUSIVE MODE', p_schema, p_names[i]);
        kept := kept || format('%I.%I', p_schema, p_names[i])::regclass::oid;
      END IF;
    END LOOP;
    SELECT array_agg(f.found ORDER BY f.found) INTO altered
      FROM ${schema}.foreign_code(kept, true) AS f(found);
  END $$`,

  // Each by its kind, its name and its table, such as "trigger t of read_models.counts".
  `CREATE FUNCTION ${schema}.foreign_code(p_tables oid[], p_written boolean)
    RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
  AS $$
    SELECT f.kind || ' of ' || t.oid::regclass::text FROM unnest(p_tables) AS t(oid), LATERAL (
      SELECT 'kind ' || c.relkind::text AS kind FROM pg_class c WHERE c.oid = t.oid AND c.relkind <> 'r'
      UNION ALL
      SELECT 'row security' WHERE row_security_active(t.oid)
      UNION ALL
      SELECT 'rule ' || r.rulename::text FROM pg_rewrite r WHERE r.ev_class = t.oid
      UNION ALL
      SELECT 'type of column ' || a.attname::text FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
        WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND NOT (y.typnamespace = 'pg_catalog'::regnamespace::oid AND y.typtype = 'b')
      UNION ALL
      SELECT 'default of column ' || a.attname::text FROM pg_attribute a
        WHERE p_written AND a.attrelid = t.oid AND a.attnum > 0 AND a.atthasdef
      UNION ALL
      SELECT 'trigger ' || g.tgname::text FROM pg_trigger g WHERE p_written AND g.tgrelid = t.oid
      UNION ALL
      SELECT 'constraint ' || k.conname::text FROM pg_constraint k
        WHERE p_written AND k.conrelid = t.oid AND k.contype NOT IN ('p', 'u', 'n')
      UNION ALL
      SELECT 'index ' || c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE p_written AND i.indrelid = t.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
          OR EXISTS (SELECT FROM unnest(i.indclass::oid[]) AS o(oid) JOIN pg_opclass p ON p.oid = o.oid
            WHERE p.opcnamespace <> 'pg_catalog'::regnamespace::oid))
    ) f
  $$`,

  ...["refuse_change_of_acts", "record_act", "keep_read_models", "foreign_code"].map(
    (name) => `REVOKE ALL ON FUNCTION ${schema}.${name} FROM PUBLIC`
  ),
  `REVOKE ALL ON TABLE ${schema}.acts FROM PUBLIC`,

  // To the owner of the log, and who appends may call what keeping rows takes: hosts go on while they wait for the grants.
  `DO $$
  DECLARE
    owner pg_catalog.text;
    f record;
    grantee record;
  BEGIN
    SELECT pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text INTO owner
      FROM pg_catalog.pg_class c WHERE c.oid = '${schema}.events'::pg_catalog.regclass::pg_catalog.oid;
    EXECUTE pg_catalog.format('ALTER TABLE ${schema}.acts OWNER TO %I', owner);
    FOR f IN SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text AS signature, p.proname AS name FROM pg_catalog.pg_proc p
      WHERE p.pronamespace = '${schema}'::pg_catalog.regnamespace::pg_catalog.oid
        AND p.proname IN ('refuse_change_of_acts', 'record_act', 'keep_read_models', 'foreign_code')
    LOOP
      EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO %I', f.signature, owner);
      CONTINUE WHEN f.name NOT IN ('keep_read_models', 'foreign_code');
      FOR grantee IN SELECT DISTINCT r.rolname AS name
        FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE p.pronamespace = '${schema}'::pg_catalog.regnamespace::pg_catalog.oid AND p.proname = 'append_new'
          AND a.grantee <> p.proowner
      LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, grantee.name);
      END LOOP;
    END LOOP;
  END $$`
]
