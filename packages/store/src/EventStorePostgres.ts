/**
 * An event store in PostgreSQL 15 or later, or in PGlite.
 *
 * Writers of one stream take turns; writers of different streams never wait for one another.
 * Readers see positions in order, without gaps that fill up later. The ADR on ordering has the rule
 * and its proof.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { type Append, AppendRefused, EventStore, EventStoreError } from "./EventStore.ts"
import * as AppendQueue from "./internal/postgres/log/queue.ts"
import { Durability } from "./internal/postgres/log/durability.ts"
import { type EncodedAppend, encodeAppend, encodeAppends } from "./internal/driver/encodeAppends.ts"
import * as Holding from "./internal/driver/holding.ts"
import { instrument } from "./internal/driver/instrument.ts"
import * as PostgresAppend from "./internal/postgres/log/append.ts"
import { tryAppend } from "./internal/postgres/log/tryAppend.ts"
import { backlog } from "./internal/postgres/log/backlog.ts"
import * as PostgresOrigin from "./internal/postgres/log/origin.ts"
import * as PostgresPages from "./internal/postgres/log/pages.ts"
import { positionAt } from "./internal/postgres/log/positionAt.ts"
import * as PostgresRead from "./internal/postgres/log/read.ts"
import * as PostgresStreams from "./internal/postgres/log/streams.ts"
import * as PostgresSubscription from "./internal/postgres/live/poll.ts"
import * as PostgresWakeUps from "./internal/postgres/live/wakeUps.ts"
import {
  eventIds,
  readOptions,
  streamsOptions,
  validInstant,
  validStreamId
} from "./internal/driver/readOptions.ts"
import { refusedIsolation } from "./internal/postgres/sql/readCommitted.ts"
import { inTransaction } from "./sql/Transaction.ts"
import * as Subscription from "./internal/driver/subscription.ts"
import { lockHeldIn } from "./internal/postgres/locks/patience.ts"
import { type HeldBack, type LockHeld, Patience } from "./PostgresLocks.ts"
import { MaxHeld } from "./Overloaded.ts"
import * as PostgresMigrations from "./PostgresMigrations.ts"
import { PostgresSchema } from "./PostgresSchema.ts"
import type { SchemaUnready } from "./PostgresStart.ts"
import type { RefusalReason } from "./RefusalReason.ts"
import type { UnreadableEvent } from "./UnreadableEvent.ts"

/**
 * The durability of acknowledged appends: `synchronous` unless provided otherwise.
 *
 * **Details**
 * `synchronous`: an append is on disk, and on standbys where the server names some, before it is
 * acknowledged. This holds even if the session's `synchronous_commit` is `off` or `local`, which
 * anyone with a host's password can set for all hosts of that login. It makes the whole transaction
 * of a caller that appends synchronous. `asynchronous`: a crash of the server loses appends
 * acknowledged within the last second. A store reads the setting when it is opened.
 *
 * @category references
 * @since 0.1.0
 */
export { Durability } from "./internal/postgres/log/durability.ts"

/**
 * Opens the store on the current SQL client, in the schema of {@link PostgresSchema}.
 *
 * **Details**
 * Errors: `NotMigrated`, the schema lacks migrations; `NotPermitted`, the user may not use it;
 * `InRecovery`, the database is a standby; `UnfitDatabase`, its encoding is not UTF8.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<EventStore["Service"], SchemaUnready, SqlClient | Scope.Scope> =
  Effect.flatMap(SqlClient, ({ transactionService }) =>
    Effect.andThen(
      PostgresMigrations.check,
      // The fibers of a store must not join a transaction in which the store is opened.
      Effect.updateContext(
        Effect.suspend(() => makeStore),
        (context: Context.Context<SqlClient | Scope.Scope>) =>
          Context.omit(transactionService)(context)
      )
    )
  )

const makeStore: Effect.Effect<EventStore["Service"], never, SqlClient | Scope.Scope> = Effect.gen(
  function* () {
    // A client may rename columns and JSON keys for its other users; the log needs them unchanged.
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* PostgresSchema
    const patience = yield* Patience
    const durability = yield* Durability
    const asOpened = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      effect.pipe(
        Effect.provideService(Patience, patience),
        Effect.provideService(Durability, durability)
      )
    const readPage = PostgresPages.make(sql, schema)
    const wakeUps = yield* PostgresWakeUps.make(sql, schema)
    const losses = PostgresSubscription.subscriptionLosses()
    const { hold, keep } = Holding.make("store", yield* MaxHeld)
    const enqueue = yield* AppendQueue.make({
      tryAppend: (appends) =>
        wakeUps.after(asOpened(tryAppend(sql, schema, appends)), (written) =>
          written.some((one) => one !== undefined)
        ),
      appendEach: (appends) =>
        wakeUps.after(asOpened(PostgresAppend.appendEach(sql, schema, appends)), (answers) =>
          answers.some(Result.isSuccess)
        ),
      keep: (append) => keep(sizeOf([append]))
    })
    return instrument("postgres", {
      append: (append) =>
        Effect.withFiber(({ context }) => {
          const encoded = encodeAppend(append)
          if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
          const one = encoded.success
          // An append in the caller's transaction commits with it, so it must not be batched.
          const isInside = Option.isSome(Context.getOption(context, sql.transactionService))
          return (
            isInside
              ? Effect.flatMap(
                  wakeUps.after(
                    asOpened(PostgresAppend.appendOne(sql, schema, one)),
                    Result.isSuccess
                  ),
                  Effect.fromResult
                )
              : hold(sizeOf([one]), enqueue(one))
          ).pipe(Effect.catchTag("SqlError", (error) => failedAppend("append", append, error)))
        }),
      appendAll: Effect.fnUntraced(function* ({ appends, checks = [] }) {
        const encoded = yield* Effect.fromResult(encodeAppends(appends, checks))
        const isInside = yield* inTransaction(sql)
        const appending = wakeUps.after(
          asOpened(PostgresAppend.appendAll(sql, schema, encoded)),
          () => true
        )
        return yield* Effect.catchTag(
          isInside ? appending : hold(sizeOf(encoded), appending),
          "SqlError",
          (error) => failedAppend("appendAll", appends[0], error)
        )
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
            Stream.mapError(
              Stream.provideService(PostgresRead.readAll(sql, schema, valid), Patience, patience),
              failed("readAll")
            )
          )
        ),
      subscribePages: (options = {}) =>
        Stream.suspend(() => {
          const { heartbeatInterval } = wakeUps
          const poll = PostgresSubscription.makePoll(
            sql,
            schema,
            { heartbeatInterval, losses },
            options
          )
          return Subscription.pages(
            {
              poll: (after) =>
                Effect.catchTag(poll(after), ["SqlError", "UnreadableEvent"], (error) =>
                  Effect.fail(failed("subscribe")(error))
                ),
              join: wakeUps.join,
              wait: wakeUps.wait,
              alone: inTransaction(sql)
            },
            options
          )
        }),
      head: Effect.mapBoth(asOpened(PostgresRead.settledPosition(sql, schema)), {
        onSuccess: (settled) => Position.make(settled),
        onFailure: failed("head")
      }),
      positionAt: ({ recordedAt }) =>
        Effect.flatMap(Effect.fromResult(validInstant("recordedAt", recordedAt)), (instant) =>
          asOpened(PostgresRead.settledPosition(sql, schema)).pipe(
            Effect.flatMap((settled) => positionAt(sql, schema, settled, instant)),
            Effect.mapBoth({
              onSuccess: (position) => Position.make(position),
              onFailure: failed("positionAt")
            })
          )
        ),
      streams: (options = {}) =>
        Stream.unwrap(
          Effect.map(Effect.fromResult(streamsOptions(options)), (valid) =>
            Stream.mapError(PostgresStreams.streams(sql, schema, valid), failed("streams"))
          )
        ),
      stream: Effect.fnUntraced(function* (streamId) {
        const valid = yield* Effect.fromResult(validStreamId(streamId))
        return yield* Effect.mapError(PostgresStreams.stream(sql, schema, valid), failed("stream"))
      }),
      backlog: Effect.fnUntraced(function* (options = {}) {
        const valid = yield* Effect.fromResult(readOptions(options))
        return yield* Effect.mapError(asOpened(backlog(sql, schema, valid)), failed("backlog"))
      }),
      find: Effect.fnUntraced(function* (ids) {
        const valid = yield* Effect.fromResult(eventIds(ids))
        return yield* Effect.mapError(PostgresRead.find(sql, schema, valid), failed("find"))
      }),
      identity: Effect.mapError(PostgresOrigin.identity(sql, schema), failed("identity")),
      checkpoint: Effect.mapError(PostgresOrigin.checkpoint(sql, schema), failed("checkpoint")),
      verify: (given) =>
        Effect.asVoid(
          Effect.catchTag(PostgresOrigin.look(sql, schema, given), "SqlError", (error) =>
            Effect.fail(failed("verify")(error))
          )
        ),
      inTransaction: inTransaction(sql)
    })
  }
)

/**
 * Opens the store. The tables must exist: provide `PostgresMigrations.layer` at the edge, or run it
 * beforehand.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventStore, SchemaUnready, SqlClient> = Layer.effect(
  EventStore,
  make
)

/** The estimated size of an event without its data and metadata, in bytes. */
const EVENT_BYTES = 256

const sizeOf = (appends: ReadonlyArray<EncodedAppend>) => {
  let bytes = 0
  for (const { events } of appends) {
    for (const { data, metadata } of events) {
      bytes += EVENT_BYTES + 2 * (data.length + metadata.length)
    }
  }
  return { calls: 1, bytes }
}

/**
 * Maps errors that a repetition can't change to `AppendRefused`. After any other error the append
 * may have been written or not.
 */
const failedAppend = (
  operation: string,
  { streamId }: Append,
  error: SqlError
): Effect.Effect<never, AppendRefused | EventStoreError> => {
  const found = refusedIsolation(error)
  if (found === undefined) return Effect.fail(failed(operation)(lockHeldIn(error)))
  const reason: RefusalReason = { _tag: "WrongIsolation", found, needed: "read committed" }
  return Effect.fail(new AppendRefused({ streamId, reason }))
}

const failed = (operation: string) => (cause: SqlError | HeldBack | LockHeld | UnreadableEvent) =>
  new EventStoreError({ operation, cause })
