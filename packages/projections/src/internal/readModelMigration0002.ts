/**
 * Of which log and which history a checkpoint and a skip are.
 *
 * Released migrations are never edited: a change is a further migration.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"

/** The statements, in order. A `SchemaName` holds nothing that could end its quotes. */
export const statements = (name: SchemaName): ReadonlyArray<string> => inSchema(`"${name}"`)

const inSchema = (schema: string): ReadonlyArray<string> => [
  // NULL until a log is given to what was made before.
  `ALTER TABLE ${schema}.daybook__generations ADD COLUMN log uuid`,
  `ALTER TABLE ${schema}.daybook__checkpoints ADD COLUMN event_id uuid`,

  // Of a skip that says only a position nobody knows which event it meant: the event stops its read model
  // again, and is skipped again by somebody's word.
  `DELETE FROM ${schema}.daybook__skipped`,
  `ALTER TABLE ${schema}.daybook__skipped ADD COLUMN event_id uuid NOT NULL`,
  `ALTER TABLE ${schema}.daybook__skipped DROP CONSTRAINT daybook__skipped_pkey`,
  `ALTER TABLE ${schema}.daybook__skipped
    ADD CONSTRAINT daybook__skipped_pkey PRIMARY KEY (name, version, event_id)`,

  // As before, but read models of another log than p_log are not kept.
  `DROP FUNCTION ${schema}.daybook__keep(text[], text[], text[])`,
  `CREATE FUNCTION ${schema}.daybook__keep(p_names text[], p_keys_of text[], p_keys text[], p_log uuid)
    RETURNS integer[] LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
  AS $$
  DECLARE
    namespace CONSTANT bigint := '${schema}.daybook__generations'::regclass::oid::bigint;
    kept integer[];
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
    SELECT array_agg(g.version ORDER BY n.place) INTO kept
      FROM unnest(p_names) WITH ORDINALITY AS n(name, place)
      LEFT JOIN ${schema}.daybook__generations g
        ON g.name = n.name AND g.role = 'serving' AND g.mode = 'inline'
          AND (p_log IS NULL OR g.log IS NULL OR g.log = p_log);
    -- No name has a space in it, so a row and a read model share no key.
    PERFORM pg_advisory_xact_lock(k.key) FROM (
      SELECT DISTINCT hashtextextended(r.name || ' ' || r.key, namespace) AS key
        FROM unnest(p_keys_of, p_keys) AS r(name, key)
        WHERE kept[array_position(p_names, r.name)] IS NOT NULL ORDER BY 1
    ) k;
    RETURN kept;
  END $$`
]
