/**
 * An event store in PostgreSQL 15 or later, or in PGlite.
 *
 * Writers of one stream take turns; writers of different streams never wait for one another.
 * Readers see positions in order, without gaps that fill up later. ADR 3 has the rule and its
 * proof.
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
import type { EncodedAppend, EventStoreDriver, Reads } from "./driver/EventStoreDriver.ts"
import * as EventStoreService from "./driver/EventStoreService.ts"
import { AppendRefused, EventStore, type UnreadableEvent } from "./EventStore.ts"
import { withoutIdleSpans } from "./internal/driver/inSpan.ts"
import * as Budget from "./internal/batch/budget.ts"
import { makePolls, subscriptionLosses } from "./internal/postgres/live/retriedPolls.ts"
import * as PostgresWakeUps from "./internal/postgres/live/wakeUps.ts"
import { lockHeldIn } from "./internal/postgres/locks/waitForLock.ts"
import * as CallAppend from "./internal/postgres/log/callAppend.ts"
import * as CallTryAppend from "./internal/postgres/log/callTryAppend.ts"
import * as CallTryAppendEvent from "./internal/postgres/log/callTryAppendEvent.ts"
import { countBacklog } from "./internal/postgres/log/backlog.ts"
import { Durability } from "./internal/postgres/log/durability.ts"
import { find } from "./internal/postgres/log/find.ts"
import { identity, origin } from "./internal/postgres/log/origin.ts"
import * as ReadTogether from "./internal/postgres/log/readTogether.ts"
import { positionAt } from "./internal/postgres/log/positionAt.ts"
import * as HookedAppends from "./internal/postgres/log/hookedAppends.ts"
import * as AppendLanes from "./internal/postgres/log/appendLanes.ts"
import * as TogetherLanes from "./internal/postgres/log/togetherLanes.ts"
import * as PageReader from "./internal/postgres/log/pageReader.ts"
import { settledPosition } from "./internal/postgres/log/settled.ts"
import { endOfStream, revisionAsOf } from "./internal/postgres/log/stream.ts"
import { streams } from "./internal/postgres/log/streams.ts"
import * as Servers from "./internal/postgres/servers/servers.ts"
import * as ThroughFailover from "./internal/postgres/servers/throughFailover.ts"
import { refusedIsolation } from "./internal/postgres/sql/readCommitted.ts"
import { MaxHeld } from "./Overloaded.ts"
import { type HeldBack, type LockHeld, Patience } from "./PostgresLocks.ts"
import * as PostgresMigrations from "./PostgresMigrations.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"
import type { SchemaUnready } from "./PostgresStart.ts"
import { inTransaction } from "./sql/Transaction.ts"

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
    const wakeUps = yield* PostgresWakeUps.make(sql, schema)
    const readTogether = yield* ReadTogether.make(sql, schema)
    const servers = Servers.of(sql)
    const throughFailover = ThroughFailover.make(sql)
    const reads: Reads<SqlError | UnreadableEvent> = {
      term: servers?.term,
      origin: (position) => origin(sql, schema, position),
      log: (filter) => PageReader.ofLog(sql, schema, filter),
      stream: (filter) => PageReader.ofStream(sql, schema, readTogether, filter),
      end: (streamId, upTo) => endOfStream(sql, schema, streamId, upTo),
      revisionAsOf: (streamId, upTo, bound) => revisionAsOf(sql, schema, streamId, upTo, bound)
    }
    return EventStoreService.make<Failure>({
      ...readsThrough(reads, throughFailover),
      ...(yield* makeAppends(sql, schema, wakeUps, asOpened)),
      name: "postgres",
      identity: throughFailover(identity(sql, schema)),
      settled: (upTo) => throughFailover(asOpened(settledPosition(sql, schema, upTo))),
      find: (ids) => throughFailover(find(sql, schema, ids)),
      streams: (selection) => throughFailover(streams(sql, schema, selection)),
      wakeUps,
      polls: makePolls(reads, {
        heartbeatInterval: wakeUps.heartbeatInterval,
        losses: subscriptionLosses(),
        inTransaction: inTransaction(sql)
      }),
      positionAsOf: (settled, instant) =>
        throughFailover(positionAt(sql, schema, settled, instant)),
      count: (options, settled) => throughFailover(countBacklog(sql, schema, options, settled)),
      inTransaction: inTransaction(sql)
    })
  }
)

type Failure = SqlError | HeldBack | LockHeld | UnreadableEvent

type Through = ReturnType<typeof ThroughFailover.make>

const readsThrough = <E>(
  { end, term, log, origin, revisionAsOf, stream }: Reads<E>,
  through: Through
): Reads<E> => ({
  term,
  origin: (position) => through(origin(position)),
  log: (filter) => {
    const read = log(filter)
    return (range) => through(read(range))
  },
  stream: (filter) => {
    const read = stream(filter)
    return (range) => through(read(range))
  },
  end: (streamId, upTo) => through(end(streamId, upTo)),
  revisionAsOf:
    revisionAsOf && ((streamId, upTo, bound) => through(revisionAsOf(streamId, upTo, bound)))
})

const makeAppends = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  wakeUps: PostgresWakeUps.PostgresWakeUps,
  asOpened: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
): Effect.fn.Return<
  Pick<EventStoreDriver<Failure>, "append" | "appendOne" | "appendWith">,
  never,
  Scope.Scope
> {
  const { hold, keep } = Budget.make("store", yield* MaxHeld)
  const throughFailover = ThroughFailover.make(sql)
  const tryAppend = yield* CallTryAppendEvent.make(sql, schema)
  // The fibers of its calls run as the store was opened, without `asOpened`.
  const enqueue = yield* withoutIdleSpans(
    AppendLanes.make({
      tryAppend: (appends) =>
        wakeUps.after(tryAppend(appends), (written) => written.some((one) => one !== undefined)),
      appendEach: (appends) =>
        wakeUps.after(CallAppend.appendEach(sql, schema, appends), (answers) =>
          answers.some(Result.isSuccess)
        ),
      keep: (append) => keep(sizeOf([append]))
    })
  )
  const enqueueAll = yield* TogetherLanes.make({
    tryAppend: (appends) =>
      // A call that finds its lane at rest runs on the fiber of its caller.
      wakeUps.after(asOpened(CallTryAppend.tryAppend(sql, schema, appends, true)), (written) =>
        written.some((one) => one !== undefined)
      ),
    waitAndAppend: (appends) =>
      wakeUps.after(asOpened(CallAppend.waitAndAppendAll(sql, schema, appends)), () => true),
    keep: (appends) => keep(sizeOf(appends))
  })
  return {
    appendOne: (append) =>
      Effect.withFiber(({ context }) => {
        // An append in the caller's transaction commits with it, so it must not be batched.
        const isInside = Option.isSome(Context.getOption(context, sql.transactionService))
        return (
          isInside
            ? Effect.flatMap(
                wakeUps.after(
                  asOpened(CallAppend.appendOne(sql, schema, append)),
                  Result.isSuccess
                ),
                Effect.fromResult
              )
            : throughFailover(hold(sizeOf([append]), enqueue(append)))
        ).pipe(Effect.catchTag("SqlError", (error) => Effect.fail(refusalOf(append, error))))
      }),
    append: (appends) =>
      Effect.flatMap(inTransaction(sql), (isInside) => {
        // Appends in the caller's transaction commit with it, so they must not be batched.
        const appending = isInside
          ? wakeUps.after(asOpened(CallAppend.appendAll(sql, schema, appends)), () => true)
          : throughFailover(hold(sizeOf(appends), enqueueAll(appends)))
        return Effect.catchTag(appending, "SqlError", (error) =>
          Effect.fail(refusalOf(appends[0], error))
        )
      }),
    appendWith: (hook) =>
      Effect.map(
        HookedAppends.make({
          sql,
          schema,
          hook,
          asOpened,
          wakeUps,
          keep: (append) => keep(sizeOf([append]))
        }),
        (enqueue) => (append) =>
          Effect.catchTag(
            throughFailover(hold(sizeOf([append]), enqueue(append))),
            "SqlError",
            (error) => Effect.fail(refusalOf(append, error))
          )
      )
  }
})

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
const refusalOf = ({ streamId }: EncodedAppend, error: SqlError) => {
  const found = refusedIsolation(error)
  return found === undefined
    ? lockHeldIn(error)
    : new AppendRefused({
        streamId,
        reason: { _tag: "WrongIsolation", found, needed: "read committed" }
      })
}
