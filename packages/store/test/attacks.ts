/**
 * Statements that a login with few rights on a log might try.
 */
import type { Roles } from "@daybook/store/PostgresRoles"

interface Attack {
  /** Completes "refuse a writer ...". */
  readonly name: string
  readonly statements: (roles: Roles) => ReadonlyArray<string>
}

const columns =
  "position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"
const forged = `7, now(), '2001-01-01', gen_random_uuid(), 7, 1, 'note-1', 'Forged', '{}', '{}'`

const all =
  (...statements: ReadonlyArray<string>) =>
  () =>
    statements

/** Each statement must be refused to a writer, a reader, and a stranger. */
export const attacks: ReadonlyArray<Attack> = [
  {
    name: "inserting an event with a position, revision and time of its choice",
    statements: all(
      `INSERT INTO daybook.events (${columns}) VALUES (${forged})`,
      `INSERT INTO daybook.events (${columns}) VALUES (${forged}) ON CONFLICT DO NOTHING`,
      `WITH forged AS (INSERT INTO daybook.events (${columns}) VALUES (${forged}) RETURNING 1) SELECT 1`,
      "COPY daybook.events FROM PROGRAM 'echo'",
      `MERGE INTO daybook.events e USING (SELECT 1) o ON false
        WHEN NOT MATCHED THEN INSERT (${columns}) VALUES (${forged})`
    )
  },
  {
    name: "changing an event",
    statements: all(
      "UPDATE daybook.events SET data = '{}'",
      "UPDATE daybook.events SET recorded_at = '2001-01-01' WHERE false",
      `INSERT INTO daybook.events (${columns}) VALUES (${forged})
        ON CONFLICT (position) DO UPDATE SET type = 'Forged'`,
      "MERGE INTO daybook.events e USING daybook.events o ON true WHEN MATCHED THEN UPDATE SET type = 'x'"
    )
  },
  {
    name: "deleting events",
    statements: all(
      "DELETE FROM daybook.events",
      "DELETE FROM daybook.events WHERE false",
      "TRUNCATE daybook.events",
      "TRUNCATE daybook.snapshots",
      "DROP TABLE daybook.events",
      "DROP SCHEMA daybook CASCADE"
    )
  },
  {
    name: "changing the table",
    statements: all(
      "ALTER TABLE daybook.events ADD COLUMN note text",
      "ALTER TABLE daybook.events DROP COLUMN data",
      "ALTER TABLE daybook.events ALTER COLUMN recorded_at SET DEFAULT now()",
      "ALTER TABLE daybook.events DROP CONSTRAINT events_stream_id_revision_key",
      "ALTER TABLE daybook.events RENAME TO mine",
      "ALTER TABLE daybook.events SET SCHEMA public",
      "ALTER TABLE daybook.events ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE daybook.events OWNER TO CURRENT_USER",
      "CREATE POLICY hidden ON daybook.events USING (false)",
      "CREATE RULE swallowed AS ON INSERT TO daybook.events DO INSTEAD NOTHING",
      "CREATE INDEX mine ON daybook.events (type)",
      "DROP INDEX daybook.events_category_position_idx",
      "REINDEX TABLE daybook.events",
      "COMMENT ON TABLE daybook.events IS 'mine'",
      "CREATE TEMPORARY TABLE fork (position bigint) INHERITS (daybook.events)"
    )
  },
  {
    name: "switching the trigger off",
    statements: all(
      "ALTER TABLE daybook.events DISABLE TRIGGER append_only",
      "ALTER TABLE daybook.events DISABLE TRIGGER ALL",
      "DROP TRIGGER append_only ON daybook.events",
      "ALTER TRIGGER append_only ON daybook.events RENAME TO off",
      `CREATE TRIGGER mine BEFORE INSERT ON daybook.events
        FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
      "SET session_replication_role = replica",
      "SELECT set_config('session_replication_role', 'replica', false)",
      "UPDATE pg_trigger SET tgenabled = 'D'"
    )
  },
  {
    name: "moving the positions",
    statements: all(
      "SELECT nextval('daybook.append_number')",
      "SELECT setval('daybook.append_number', 1)",
      "SELECT last_value FROM daybook.append_number",
      "ALTER SEQUENCE daybook.append_number RESTART",
      "ALTER SEQUENCE daybook.append_number CACHE 100",
      "DROP SEQUENCE daybook.append_number"
    )
  },
  {
    name: "calling what only the log itself calls",
    statements: all(
      "SELECT daybook.announce_append()",
      "SELECT daybook.check_append('note-1', -2, '{}')",
      "SELECT daybook.refuse_change()"
    )
  },
  {
    name: "putting other functions in their place",
    statements: all(
      `CREATE OR REPLACE FUNCTION daybook.refuse_change() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NULL; END'`,
      `CREATE OR REPLACE FUNCTION daybook.settled_position() RETURNS bigint LANGUAGE sql
        AS 'SELECT 9223372036854775807'`,
      "CREATE FUNCTION daybook.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
      "ALTER FUNCTION daybook.settled_position SECURITY INVOKER",
      "ALTER FUNCTION daybook.settled_position RESET search_path",
      "ALTER FUNCTION daybook.newest_append SECURITY DEFINER",
      "DROP FUNCTION daybook.settled_position",
      "ALTER FUNCTION daybook.refuse_change OWNER TO CURRENT_USER"
    )
  },
  {
    name: "making things in the schema",
    statements: all(
      "CREATE TABLE daybook.mine ()",
      "CREATE VIEW daybook.mine AS SELECT 1",
      "CREATE SEQUENCE daybook.mine",
      "CREATE TYPE daybook.mine AS (a integer)",
      "CREATE OPERATOR daybook.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
      "ALTER SCHEMA daybook RENAME TO mine",
      "CREATE SCHEMA mine"
    )
  },
  {
    name: "locking others out",
    statements: all(
      "LOCK TABLE daybook.events IN ACCESS EXCLUSIVE MODE",
      "LOCK TABLE daybook.events IN SHARE MODE",
      "SELECT FROM daybook.events FOR UPDATE",
      "SELECT FROM daybook.events FOR KEY SHARE",
      "LOCK TABLE daybook.migrations"
    )
  },
  {
    name: "becoming another role",
    statements: ({ owner, writer }) => [
      `SET ROLE "${owner}"`,
      `SET SESSION AUTHORIZATION "${owner}"`,
      `GRANT "${owner}" TO CURRENT_USER`,
      `ALTER ROLE "${writer}" SUPERUSER`,
      `ALTER ROLE "${owner}" LOGIN`,
      `REASSIGN OWNED BY "${owner}" TO CURRENT_USER`,
      `DROP OWNED BY "${owner}"`,
      "CREATE ROLE mine SUPERUSER",
      `ALTER DEFAULT PRIVILEGES FOR ROLE "${owner}" GRANT ALL ON TABLES TO PUBLIC`
    ]
  },
  {
    name: "reaching the files of the server",
    statements: all(
      "SELECT pg_read_file('postgresql.conf')",
      "COPY (SELECT 1) TO '/tmp/events'",
      "COPY (SELECT 1) TO PROGRAM 'true'",
      "DROP EXTENSION plpgsql",
      "SELECT pg_reload_conf()"
    )
  }
]
