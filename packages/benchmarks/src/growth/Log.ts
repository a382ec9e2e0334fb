/**
 * A filled log, with the store and the command handler that are measured on it.
 */
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { Contender } from "../Appender.ts"
import * as Fill from "./Fill.ts"

/** A filled log. */
export interface Log extends Contender {
  /** The number of events that it was filled with. */
  readonly events: number
  readonly store: EventStore["Service"]
  readonly handler: CommandHandler["Service"]
}

/** Returns the schema of a log: the logs of all sizes are in one database. */
const schemaOf = (events: number) => SchemaName.make(`log_${events}`)

/** Creates and fills a log. */
export const create = Effect.fnUntraced(function* (events: number) {
  const sql = yield* SqlClient
  const schema = schemaOf(events)
  yield* Effect.provideService(PostgresMigrations.migrate, PostgresSchema, schema)
  yield* Fill.fill(sql, schema, events)
})

/** Opens a log that was created before. */
export const open = Effect.fnUntraced(function* (events: number) {
  const layer = CommandHandler.layer.pipe(Layer.provideMerge(EventStorePostgres.layer))
  const context = yield* Layer.build(Layer.fresh(layer)).pipe(
    Effect.provideService(PostgresSchema, schemaOf(events))
  )
  const log: Log = {
    name: events.toLocaleString("en"),
    events,
    store: Context.get(context, EventStore),
    handler: Context.get(context, CommandHandler)
  }
  return log
})
