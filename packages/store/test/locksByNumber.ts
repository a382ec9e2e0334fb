/**
 * Locks on the relations of a log that any login may take without a grant, until its transaction
 * ends: functions that take a relation by its number ask for no right, or ask too late.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"

const CALLS = [
  "nextval(r)",
  "setval(r, 1)",
  "pg_sequence_last_value(r)",
  "table_to_xmlschema(r, false, false, '')",
  "table_to_xml(r, false, false, '')",
  "pg_total_relation_size(r)",
  "(SELECT count(*) FROM pg_partition_tree(r))",
  "pg_get_partition_constraintdef(r)",
  "pg_relation_is_updatable(r, true)",
  "pg_get_replica_identity_index(r)",
  "pg_get_indexdef(r)",
  "brin_summarize_new_values(r)",
  "gin_clean_pending_list(r)",
  "row_security_active(r)"
]

/** Facts that any login can find out: every user may read the catalog. */
const RELATIONS = `(SELECT c.oid::regclass AS r FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'daybook' AND c.relname = 'NAME') AS numbered`

/**
 * Takes them in the caller's transaction, together with the announcement of the first append, and
 * returns the modes that the transaction holds on the sequence and on the table of events.
 */
export const takeByNumber = Effect.fnUntraced(function* (sql: SqlClient) {
  yield* sql.unsafe(
    `SELECT pg_advisory_xact_lock_shared(r::oid::bigint::integer, 0)
    FROM ${RELATIONS.replace("NAME", "append_number")}`
  ).unprepared
  for (const name of ["append_number", "events"]) {
    for (const call of CALLS) {
      // A failure rolls back to the savepoint, which does not release each lock.
      yield* Effect.ignore(
        sql.withTransaction(
          sql.unsafe(`SELECT ${call} FROM ${RELATIONS.replace("NAME", name)}`).unprepared
        )
      )
    }
  }
  const held = yield* sql<{ readonly lock: string }>`
    SELECT DISTINCT c.relname || ' ' || l.mode AS lock
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relname IN ('append_number', 'events') ORDER BY 1`
    .unprepared
  return held.map(({ lock }) => lock)
})
