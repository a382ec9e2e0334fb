/**
 * `foreign_code`: finds code of others that writing to tables would run.
 */

/**
 * Returns the statement that installs it. It returns the kind, name and table of each, such as
 * "trigger t of read_models.counts".
 */
export const foreignCode = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.foreign_code(p_tables oid[], p_written boolean)
  RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
-- Planning takes several times as long as looking, so PL/pgSQL keeps one plan for the session: by
-- index, however many objects the database will have.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
AS $$
BEGIN
  RETURN QUERY SELECT f.kind || ' of ' || t.oid::regclass::text FROM unnest(p_tables) AS t(oid), LATERAL (
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
  ) f;
END $$`
