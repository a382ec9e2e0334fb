/**
 * `lock_read_models`: locks the read models that an append maintains, and checks the tables that it
 * is about to write.
 */

/**
 * The longest wait for one lock that a caller may ask for. A change of a read model is ended after
 * the same time.
 */
const LOCK_MILLIS = 10_000

/**
 * Returns the statement that installs it.
 *
 * It returns the read models that this transaction maintains until it ends, with the rows of
 * p_keys, each of the read model beside it in p_keys_of. A shared lock on each read model keeps it
 * unchanged; then the rows of the maintained ones are locked, in one order. It is one function
 * since the roles must be read in a new statement after the locks are taken, which would cost a
 * host two round trips.
 * It runs with the caller's rights and belongs to the log, so that a role that maintains read
 * models can't replace it. Their tables are locked against changes of their definition, and
 * checked: the caller may append, so none of them may run code that others have put there, such as
 * a trigger. Calls of PostgreSQL's own functions count too: some of them run SQL from a text.
 * p_lock_millis: the longest wait for one lock, 1 to 10,000.
 * Result: the version of each of p_names that appends maintain, NULL for others and for those of
 * another log than p_log; or the foreign code that was found.
 */
export const lockReadModels = (
  log: string
): string => `CREATE OR REPLACE FUNCTION ${log}.lock_read_models(
    p_schema text, p_names text[], p_keys_of text[], p_keys text[], p_log uuid, p_lock_millis integer,
    OUT versions integer[], OUT altered text[]
  ) LANGUAGE plpgsql VOLATILE
  SET search_path = pg_catalog, pg_temp SET jit = off
  SET lock_timeout = '${LOCK_MILLIS}ms'
AS $$
DECLARE
  generations CONSTANT text := format('%I.daybook__generations', p_schema);
  namespace CONSTANT bigint := generations::regclass::oid::bigint;
  kept oid[];
BEGIN
  -- Under a fixed snapshot who waited for a row would not see what became of it.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'maintaining read models needs READ COMMITTED, not %',
      current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF p_lock_millis <> ${LOCK_MILLIS} THEN
    -- The setting of the function ends with the function, and this one with it.
    PERFORM set_config('lock_timeout', greatest(least(p_lock_millis, ${LOCK_MILLIS}), 1)::text, true);
  END IF;
  PERFORM pg_advisory_xact_lock_shared(k.key) FROM (
    SELECT DISTINCT hashtextextended(n.name, namespace) AS key
      FROM unnest(p_names) AS n(name) ORDER BY 1
  ) k;
  EXECUTE 'LOCK TABLE ONLY ' || generations || ' IN ACCESS SHARE MODE';
  SELECT array_agg(f.found ORDER BY f.found) INTO altered
    FROM ${log}.foreign_code(ARRAY[generations::regclass::oid], false) AS f(found);
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
    FROM ${log}.foreign_code(kept, true) AS f(found);
END $$`
