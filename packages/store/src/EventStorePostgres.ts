/**
 * An event store in PostgreSQL 15 or later, or in PGlite.
 *
 * Writers take turns a stream and otherwise never wait for one another; readers see positions in
 * order without gaps that fill up later. The ADR on ordering has the rule and its proof.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { EventStore, EventStoreError } from "./EventStore.ts"
import * as AppendQueue from "./internal/appendQueue.ts"
import { encodeAppend, encodeAppends } from "./internal/encodeAppends.ts"
import { instrument } from "./internal/instrument.ts"
import * as PostgresAppend from "./internal/postgresAppend.ts"
import * as PostgresAppendNew from "./internal/postgresAppendNew.ts"
import * as PostgresPages from "./internal/postgresPages.ts"
import * as PostgresRead from "./internal/postgresRead.ts"
import * as PostgresSubscription from "./internal/postgresSubscription.ts"
import * as PostgresWakeUps from "./internal/postgresWakeUps.ts"
import { eventIds, readOptions } from "./internal/readOptions.ts"
import { inTransaction } from "./internal/savepoint.ts"
import * as Subscription from "./internal/subscription.ts"
import { PostgresSchema } from "./PostgresSchema.ts"

/**
 * The store on the current SQL client, in the schema of {@link PostgresSchema}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<EventStore["Service"], never, SqlClient | Scope.Scope> =
  Effect.flatMap(SqlClient, ({ transactionService }) =>
    // The fibers of a store that is opened inside of a transaction are no part of it.
    Effect.updateContext(
      Effect.suspend(() => makeStore),
      (context: Context.Context<SqlClient | Scope.Scope>) =>
        Context.omit(transactionService)(context)
    )
  )

const makeStore: Effect.Effect<EventStore["Service"], never, SqlClient | Scope.Scope> = Effect.gen(
  function* () {
    // A client may rename columns and keys of JSON for its other users; the log is as it is.
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* PostgresSchema
    const readPage = PostgresPages.make(sql, schema)
    const wakeUps = yield* PostgresWakeUps.make(sql, schema)
    const losses = PostgresSubscription.subscriptionLosses()
    const enqueue = yield* AppendQueue.make({
      appendNew: (appends) =>
        wakeUps.after(PostgresAppendNew.appendNew(sql, schema, appends), (written) =>
          written.some((one) => one !== undefined)
        ),
      appendEach: (appends) =>
        wakeUps.after(PostgresAppend.appendEach(sql, schema, appends), (answers) =>
          answers.some(Result.isSuccess)
        )
    })
    return instrument("postgres", {
      append: (append) =>
        Effect.withFiber(({ context }) => {
          const encoded = encodeAppend(append)
          if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
          const one = encoded.success
          // What is appended in a transaction of the caller is the caller's to commit.
          const isInside = Option.isSome(Context.getOption(context, sql.transactionService))
          return (
            isInside
              ? Effect.flatMap(
                  wakeUps.after(PostgresAppendNew.appendOne(sql, schema, one), Result.isSuccess),
                  Effect.fromResult
                )
              : enqueue(one)
          ).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(failed("append")(error))))
        }),
      appendAll: Effect.fnUntraced(function* ({ appends, checks = [] }) {
        const encoded = yield* Effect.fromResult(encodeAppends(appends, checks))
        return yield* wakeUps
          .after(PostgresAppendNew.appendAll(sql, schema, encoded), () => true)
          .pipe(Effect.catchTag("SqlError", (error) => Effect.fail(failed("appendAll")(error))))
      }),
      read: (streamId, options = {}) =>
        Stream.unwrap(
          Effect.map(Effect.fromResult(readOptions(options, streamId)), (valid) =>
            Stream.mapError(
              PostgresRead.read(sql, schema, readPage, streamId, valid),
              failed("read")
            )
          )
        ),
      readAll: (options = {}) =>
        Stream.unwrap(
          Effect.map(Effect.fromResult(readOptions(options)), (valid) =>
            Stream.mapError(PostgresRead.readAll(sql, schema, valid), failed("readAll"))
          )
        ),
      subscribePages: (options = {}) =>
        Stream.suspend(() => {
          const look = PostgresSubscription.makeLook(sql, schema, wakeUps.heartbeatInterval, losses)
          return Subscription.pages(
            {
              look: (after, valid) => Effect.mapError(look(after, valid), failed("subscribe")),
              join: wakeUps.join,
              wait: wakeUps.wait,
              alone: inTransaction(sql)
            },
            options
          )
        }),
      backlog: Effect.fnUntraced(function* (options = {}) {
        const valid = yield* Effect.fromResult(readOptions(options))
        return yield* Effect.mapError(PostgresRead.backlog(sql, schema, valid), failed("backlog"))
      }),
      find: Effect.fnUntraced(function* (ids) {
        const valid = yield* Effect.fromResult(eventIds(ids))
        return yield* Effect.mapError(PostgresRead.find(sql, schema, valid), failed("find"))
      }),
      inTransaction: inTransaction(sql)
    })
  }
)

/**
 * The tables must be there: provide `PostgresMigrations.layer` at the edge, or run it beforehand.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventStore, never, SqlClient> = Layer.effect(EventStore, make)

const failed = (operation: string) => (cause: SqlError) => new EventStoreError({ operation, cause })
