/**
 * Several hosts on one database, each with a store and a client of its own, for tests of their
 * notifications.
 */
import * as EventId from "@daybook/kernel/EventId"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresListen from "@daybook/store/PostgresListen"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

export interface Host {
  readonly store: EventStore["Service"]
  readonly sql: SqlClient
}

/** A database with the tables of a log, and a function that starts hosts on it. */
export const database = Effect.gen(function* () {
  const url = yield* PostgresServer.freshDatabase
  const admin = yield* Layer.build(
    PostgresMigrations.layer.pipe(Layer.provideMerge(PgClient.layer({ url, maxConnections: 4 })))
  )
  const start = Effect.fnUntraced(function* (
    settings?: Partial<PostgresListen.Settings>,
    client?: PgClient.PgPoolConfig
  ) {
    const context = yield* Layer.build(
      Layer.fresh(EventStorePostgres.layer).pipe(
        Layer.provideMerge(Layer.fresh(PgClient.layer({ url, maxConnections: 4, ...client }))),
        Layer.provide(
          Layer.succeed(PostgresListen.PostgresListen, { ...PostgresListen.defaults, ...settings })
        )
      )
    )
    const host: Host = {
      store: Context.get(context, EventStore),
      sql: Context.get(context, SqlClient)
    }
    return host
  })
  return { url, admin: Context.get(admin, SqlClient), start }
})

/** Returns the URL of the same database through another port. */
export const through = (url: Redacted.Redacted, port: number): Redacted.Redacted => {
  const changed = new URL(Redacted.value(url))
  changed.port = String(port)
  return Redacted.make(changed.href)
}

/** Appends one event, to a stream of its own by default, and returns its position. */
export const appendTo = ({ store }: Pick<Host, "store">, streamId?: StreamId.StreamId) =>
  Effect.suspend(() =>
    store.append({
      streamId: streamId ?? StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`),
      expected: streamId === undefined ? ExpectedRevision.noStream : ExpectedRevision.any,
      events: [
        {
          id: EventId.make(SecureRandom.uuidV4Unsafe()),
          type: "Noted",
          schemaVersion: 1,
          data: {},
          metadata: {},
          occurredAt: DateTime.makeUnsafe(0)
        }
      ]
    })
  ).pipe(Effect.map(({ position }) => position))

/** A subscriber that collects its events until they are asked for. */
export const follow = Effect.fnUntraced(function* (
  { store }: Pick<Host, "store">,
  after?: Position.Position
) {
  const given = yield* Queue.unbounded<RecordedEvent>()
  const fiber = yield* store.subscribe({ after }).pipe(
    Stream.runForEach((event) => Queue.offer(given, event)),
    Effect.forkScoped
  )
  const next = (count: number) =>
    Effect.map(
      Effect.replicateEffect(Queue.take(given), count),
      Arr.map(({ position }) => position)
    )
  return { fiber, next, given }
})

/** Waits for a condition that another connection brings about. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.yieldNow
  })

/** The connections to the database that have begun to listen, by process id. */
export const listeners = (sql: SqlClient) =>
  Effect.map(
    sql<{ readonly pid: number }>`
      SELECT pid FROM pg_stat_activity
      WHERE application_name = 'daybook listener' AND datname = current_database()
        AND state = 'idle' AND query ~ '^(LISTEN|SELECT pg_notify)'`,
    (rows) => rows.map(({ pid }) => pid)
  )
