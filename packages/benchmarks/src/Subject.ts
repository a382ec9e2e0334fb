/**
 * The subjects: the stores, and as their yardstick the SQL of a plain table, through the same
 * client.
 */
import type { NewEvent } from "@daybook/kernel/NewEvent"
import { aggregate } from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { Appender, Open, Opens } from "./Appender.ts"
import * as Ordering from "./Ordering.ts"
import * as Orders from "./Orders.ts"

/** A store or a yardstick. */
export interface Subject extends Appender {
  /** Reads a whole order, and returns the number of its events. */
  readonly load: (id: string) => Effect.Effect<number>
  /** Reads an order and records an added item. */
  readonly execute: (id: string, n: number) => Effect.Effect<void>
}

// The default of `Postgres.layer`.
const CONNECTIONS = 10

/** Opens every subject, in the order of the report, and reads the versions of their databases. */
export const openAll = Effect.gen(function* () {
  const embedded = yield* openDatabase("embedded", EmbeddedPostgres.layer())
  const server = yield* openDatabase(
    "server",
    PostgresServer.layerClient({ maxConnections: CONNECTIONS }).pipe(
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
  const memoryStores: Stores = Effect.suspend(() =>
    Layer.build(Layer.fresh(Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer)))
  )
  const memory: Open<Subject> = Effect.flatMap(memoryStores, (stores) => open("memory", stores))
  const stores: ReadonlyArray<readonly [name: string, stores: Stores]> = [
    ["memory", memoryStores],
    ["embedded", Effect.succeed(embedded.stores)],
    ["server", Effect.succeed(server.stores)]
  ]
  const opens: Opens<Subject> = [
    ["memory", memory],
    ...[...embedded.subjects, ...server.subjects].map(
      (subject) => [subject.name, Effect.succeed(subject)] as const
    )
  ]
  return {
    opens,
    stores,
    sql: server.sql,
    orderings: yield* Ordering.opens(server.sql),
    versions: { embedded: embedded.version, server: server.version }
  }
})

/** A log and its snapshots, opened like a subject. */
export type Stores = Effect.Effect<Context.Context<EventStore | SnapshotStore>, never, Scope.Scope>

/** Opens a subject on these stores, with a handler of its own. */
export const open = <R>(
  name: string,
  stores: Context.Context<EventStore | R>,
  handler: Layer.Layer<CommandHandler, never, EventStore | R> = CommandHandler.layer
): Open<Subject> =>
  Layer.build(Layer.fresh(handler)).pipe(
    Effect.provide(stores),
    Effect.map((handling) => makeStore(name, Context.merge(stores, handling)))
  )

const openDatabase = Effect.fnUntraced(function* <E>(
  name: string,
  client: Layer.Layer<SqlClient, E>
) {
  const store = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
    Layer.provideMerge(PostgresMigrations.layer),
    Layer.provideMerge(client)
  )
  const stores = yield* Layer.build(Layer.fresh(store))
  const sql = Context.get(stores, SqlClient)
  const [row] = yield* sql<{ version: string }>`SELECT current_setting('server_version') AS version`
  const plain = yield* makePlain(`${name}, plain SQL`, sql)
  const subjects: ReadonlyArray<Subject> = [
    { ...(yield* open(name, stores)), yardstick: plain.name },
    plain
  ]
  return { sql, stores, subjects, version: row?.version ?? "unknown" }
})

const makeStore = (
  name: string,
  context: Context.Context<EventStore | CommandHandler>
): Subject => {
  const store = Context.get(context, EventStore)
  const handler = Context.get(context, CommandHandler)
  return {
    name,
    append: (id, events) =>
      store
        .append({ streamId: Orders.streamId(id), expected: ExpectedRevision.any, events })
        .pipe(Effect.orDie, Effect.asVoid),
    load: (id) =>
      handler.load(aggregate, id).pipe(
        Effect.map(({ revision }) => revision),
        Effect.orDie
      ),
    execute: (id, n) =>
      handler.execute(aggregate, id, Orders.command(n)).pipe(Effect.orDie, Effect.asVoid)
  }
}

const makePlain = Effect.fnUntraced(function* (name: string, sql: SqlClient) {
  yield* sql`CREATE TABLE plain_events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_id text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    data json NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
  )`
  yield* sql`CREATE INDEX ON plain_events (stream_id, position)`
  const insert = (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) => {
    const rows = Arr.map(events, (event) => ({
      stream_id: id,
      event_id: event.id,
      type: event.type,
      data: JSON.stringify(event.data)
    }))
    return sql`INSERT INTO plain_events ${sql.insert(rows)}`.pipe(Effect.orDie, Effect.asVoid)
  }
  const select = (id: string) =>
    Effect.orDie(sql`SELECT type, data FROM plain_events WHERE stream_id = ${id} ORDER BY position`)
  const plain: Subject = {
    name,
    append: insert,
    load: (id) => Effect.map(select(id), (rows) => rows.length),
    execute: (id) =>
      Effect.andThen(
        select(id),
        Effect.suspend(() => insert(id, Orders.additions(1)))
      )
  }
  return plain
})
