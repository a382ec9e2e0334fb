/**
 * What is measured: the stores, and beside them, as the yardstick, SQL that a person would write who
 * wants no more than a table, through the same client.
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
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Orders from "./Orders.ts"

/** A store or a yardstick; `yardstick` names the one to compare with. */
export interface Subject {
  readonly name: string
  readonly yardstick?: string
  /** Appends at whatever revision the order has. */
  readonly append: (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) => Effect.Effect<void>
  /** Reads an order whole, and gives the number of its events. */
  readonly load: (id: string) => Effect.Effect<number>
  /** Reads an order, adds an item to it, and records that. */
  readonly execute: (id: string, n: number) => Effect.Effect<void>
}

/**
 * Opens a subject for a measurement.
 *
 * **Details**
 * A store in memory is opened for each, or it would fill the memory of the process in the course of a
 * run; the databases are opened once.
 */
export type Open = Effect.Effect<Subject, never, Scope.Scope>

// What `Postgres.layer` opens unless told otherwise.
const CONNECTIONS = 10

/** Every subject, in the order of the report, and the versions of the databases behind them. */
export const openAll = Effect.gen(function* () {
  const embedded = yield* openDatabase("embedded", EmbeddedPostgres.layer())
  const server = yield* openDatabase(
    "server",
    PostgresServer.layerClient({ maxConnections: CONNECTIONS }).pipe(
      Layer.provide(PostgresServer.PostgresServer.layer)
    )
  )
  const memory: Open = Effect.map(
    Layer.build(Layer.fresh(handling(EventStoreMemory.layer))),
    (context) => makeStore("memory", context)
  )
  const opens: ReadonlyArray<readonly [name: string, open: Open]> = [
    ["memory", memory],
    ...[...embedded.subjects, ...server.subjects].map(
      (subject) => [subject.name, Effect.succeed(subject)] as const
    )
  ]
  return { opens, versions: { embedded: embedded.version, server: server.version } }
})

const handling = <R, E, RIn>(store: Layer.Layer<EventStore | R, E, RIn>) =>
  Layer.provideMerge(CommandHandler.layer, store)

const openDatabase = Effect.fnUntraced(function* <E>(
  name: string,
  client: Layer.Layer<SqlClient, E>
) {
  const store = handling(EventStorePostgres.layer).pipe(
    Layer.provideMerge(PostgresMigrations.layer),
    Layer.provideMerge(client)
  )
  const context = yield* Layer.build(Layer.fresh(store))
  const sql = Context.get(context, SqlClient)
  const [row] = yield* sql<{ version: string }>`SELECT current_setting('server_version') AS version`
  const plain = yield* makePlain(`${name}, plain SQL`, sql)
  const subjects: ReadonlyArray<Subject> = [
    { ...makeStore(name, context), yardstick: plain.name },
    plain
  ]
  return { subjects, version: row?.version ?? "unknown" }
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
