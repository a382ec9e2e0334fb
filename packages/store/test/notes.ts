/**
 * Appends notes to a log through any connection, and reads the state of the whole log.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"

const newEvent = () => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: { text: "as it was" },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

/** Appends a note to a stream of its own. */
export const note = (sql: SqlClient) =>
  Effect.flatMap(Effect.provideService(EventStorePostgres.make, SqlClient, sql), noteIn)

/** Appends a note through an open store. */
export const noteIn = Effect.fnUntraced(function* (store: EventStore["Service"]) {
  const streamId = StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`)
  const { position } = yield* store.append({
    streamId,
    expected: ExpectedRevision.noStream,
    events: [newEvent()]
  })
  return { streamId, position }
})

/** The events, the drawn numbers and the privileges: everything that an attack could change. */
export const stateOf = (superuser: SqlClient) =>
  Effect.all([
    superuser`SELECT * FROM daybook.events ORDER BY position`,
    superuser`SELECT last_value, is_called FROM daybook.append_number`,
    // The order of a list of privileges means nothing.
    superuser`
      SELECT c.relname::text AS name, c.relowner, a.acl FROM pg_class c, LATERAL (
        SELECT array_agg(x::text ORDER BY x::text) AS acl FROM unnest(c.relacl) AS x
      ) a WHERE c.relnamespace = 'daybook'::regnamespace ORDER BY 1`,
    superuser`
      SELECT p.oid::regprocedure::text AS name, p.proowner, p.prosecdef, p.proconfig, a.acl
      FROM pg_proc p, LATERAL (
        SELECT array_agg(x::text ORDER BY x::text) AS acl FROM unnest(p.proacl) AS x
      ) a WHERE p.pronamespace = 'daybook'::regnamespace ORDER BY 1`,
    superuser`
      SELECT n.nspowner, array_agg(x::text ORDER BY x::text) AS acl
      FROM pg_namespace n, unnest(n.nspacl) AS x WHERE n.nspname = 'daybook' GROUP BY 1`,
    superuser`
      SELECT attname::text, attacl::text FROM pg_attribute
      WHERE attrelid = 'daybook.events'::regclass ORDER BY attnum`,
    superuser`
      SELECT tgname::text, tgenabled::text FROM pg_trigger
      WHERE tgrelid = 'daybook.events'::regclass ORDER BY 1`
  ])
