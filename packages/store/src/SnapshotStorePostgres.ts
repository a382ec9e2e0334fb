/**
 * A snapshot store in PostgreSQL 15 or later, or in PGlite: the table `snapshots` beside the
 * events.
 *
 * @since 0.1.0
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "./sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { FoldFingerprint } from "./FoldFingerprint.ts"
import { encodeSnapshot } from "./internal/snapshot/encode.ts"
import { instrument } from "./internal/snapshot/instrument.ts"
import { inTransaction } from "./sql/Transaction.ts"
import { readCommittedOrSavepoint } from "./internal/postgres/sql/readCommitted.ts"
import * as PostgresMigrations from "./PostgresMigrations.ts"
import { PostgresSchema } from "./PostgresSchema.ts"
import type { SchemaUnready } from "./PostgresStart.ts"
import {
  MAX_OTHER_FOLDS,
  SnapshotStore,
  SnapshotStoreError,
  UncountedWait
} from "./SnapshotStore.ts"

/**
 * Opens the store on the current SQL client, in the schema of {@link PostgresSchema}.
 *
 * **Details**
 * Errors: `NotMigrated`, the schema lacks migrations; `NotPermitted`, the user may not use it;
 * `InRecovery`, the database is a standby.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SnapshotStore["Service"], SchemaUnready, SqlClient> = Effect.gen(
  function* () {
    yield* PostgresMigrations.check
    // A client may rename columns and JSON keys for its other users; states must stay unchanged.
    const sql = (yield* SqlClient).withoutTransforms()
    const snapshots = sql(`${yield* PostgresSchema}.snapshots`)
    return instrument({
      load: (streamId, { atOrBelow, fingerprint } = {}) =>
        whenConnected(
          sql,
          sql<SnapshotRow>`
            SELECT revision, event, fingerprint, state FROM ${snapshots}
            WHERE ${sql.and([
              sql`stream_id = ${streamId}`,
              sql`revision <= ${PgTypes.int4(Math.min(atOrBelow ?? MAX_REVISION, MAX_REVISION))}`,
              ...(fingerprint === undefined ? [] : [sql`fingerprint = ${fingerprint}`])
            ])}
            ORDER BY revision DESC LIMIT 1`
        ).pipe(
          Effect.mapError(failed("load")),
          Effect.map(([row]) =>
            // The casts rely on the checks of `save`; the reader decodes the state.
            Option.map(Option.fromUndefinedOr(row), ({ event, revision, state, ...rest }) => ({
              streamId,
              revision: revision as Revision,
              event: event as EventMark,
              fingerprint: rest.fingerprint as FoldFingerprint,
              state
            }))
          )
        ),
      save: Effect.fnUntraced(function* (snapshot) {
        const { event, fingerprint, revision, state, streamId } = yield* Effect.fromResult(
          encodeSnapshot(snapshot)
        )
        yield* whenConnected(
          sql,
          sql`
            INSERT INTO ${snapshots} (stream_id, revision, event, fingerprint, state)
            VALUES (${streamId}, ${PgTypes.int4(revision)}, ${event}, ${fingerprint},
              ${state}::text::json)
            ON CONFLICT (stream_id, revision) DO UPDATE SET event = excluded.event,
              fingerprint = excluded.fingerprint, state = excluded.state`
        ).pipe(Effect.mapError(failed("save")))
      }),
      prune: ({ fingerprint, revision, streamId }, keep) =>
        whenConnected(
          sql,
          sql`
          DELETE FROM ${snapshots} WHERE stream_id = ${streamId}
            AND revision <> ${PgTypes.int4(revision)}
            AND revision IN (
              SELECT revision FROM (
                SELECT revision, nth,
                  dense_rank() OVER (ORDER BY is_other, newest DESC) AS fold
                FROM (
                  SELECT revision, fingerprint <> ${fingerprint} AS is_other,
                    row_number() OVER (PARTITION BY fingerprint ORDER BY revision DESC) AS nth,
                    max(revision) OVER (PARTITION BY fingerprint) AS newest
                  FROM ${snapshots} WHERE stream_id = ${streamId}
                ) AS numbered
              ) AS ranked
              WHERE nth > ${PgTypes.int8(BigInt(keep))}
                OR fold > ${PgTypes.int8(BigInt(MAX_OTHER_FOLDS + 1))}
            )`
        ).pipe(Effect.mapError(failed("prune")), Effect.asVoid),
      delete: (streamId, only) =>
        whenConnected(
          sql,
          sql`
          DELETE FROM ${snapshots} WHERE ${sql.and([
            sql`stream_id = ${streamId}`,
            ...(only === undefined
              ? []
              : [sql`revision = ${PgTypes.int4(only.revision)}`, sql`event = ${only.event}`])
          ])}`
        ).pipe(Effect.mapError(failed("delete")), Effect.asVoid)
    })
  }
)

/**
 * Opens the store. The table must exist: provide `PostgresMigrations.layer` at the edge, or run it
 * beforehand.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SnapshotStore, SchemaUnready, SqlClient> = Layer.effect(
  SnapshotStore,
  make
)

/** The number of streams in a page of {@link streams}. */
const PAGE = 1_000

/**
 * Lists the streams that have snapshots, by the code points of their ids.
 *
 * @category operations
 * @since 0.1.0
 */
export const streams: Stream.Stream<StreamId, SnapshotStoreError, SqlClient> = Stream.unwrap(
  Effect.gen(function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const snapshots = sql(`${yield* PostgresSchema}.snapshots`)
    return Stream.paginate("", (after: string) =>
      Effect.map(
        sql<{ readonly stream_id: StreamId }>`SELECT DISTINCT stream_id FROM ${snapshots}
          WHERE stream_id > ${after} ORDER BY stream_id LIMIT ${sql.literal(String(PAGE))}`,
        (rows) =>
          [
            rows.map(({ stream_id }) => stream_id),
            rows.length < PAGE
              ? Option.none()
              : Option.map(Arr.last(rows), ({ stream_id }) => stream_id as string)
          ] as const
      ).pipe(Effect.mapError(failed("streams")))
    )
  })
)

/**
 * Runs a statement on the connection of the caller's transaction, or on one of its own. The wait
 * for a connection does not count towards the statement's time.
 */
const whenConnected = <A>(
  sql: SqlClient,
  statement: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> =>
  Effect.flatMap(inTransaction(sql), (isInside) =>
    isInside
      ? readCommittedOrSavepoint(sql, statement)
      : Effect.scoped(
          Effect.gen(function* () {
            const uncounted = yield* UncountedWait
            const connection = yield* uncounted(sql.reserve)
            return yield* Effect.provideService(statement, sql.transactionService, [connection, 0])
          })
        )
  )

/** The highest revision of a stream: the column is an integer. */
const MAX_REVISION = 2_147_483_647

interface SnapshotRow {
  readonly revision: number
  readonly event: string
  readonly fingerprint: string
  readonly state: Schema.Json
}

const failed = (operation: string) => (cause: SqlError) =>
  new SnapshotStoreError({ operation, cause })
