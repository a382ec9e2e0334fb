/**
 * Timers of processes in PostgreSQL 15 or later, or in PGlite.
 *
 * @since 0.1.0
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import type { SchemaUnready } from "@daybook/store/PostgresStart"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import { millis, NOW } from "./internal/postgres/database.ts"
import {
  type ProcessTimer,
  type ProcessTimerChange,
  ProcessTimers,
  ProcessTimersError
} from "./ProcessTimers.ts"
import * as ReactorMigrations from "./ReactorMigrations.ts"
import { ReactorSchema } from "./ReactorSchema.ts"

/**
 * Provides the timers on the current SQL client, in the schema of {@link ReactorSchema}.
 *
 * **Details**
 * The groups must be on the same client, since the timers change in the transactions that move
 * their checkpoints.
 * Errors: `NotMigrated`, the schema lacks migrations; `NotPermitted`, the user may not use it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ProcessTimers, SchemaUnready, SqlClient> = Layer.effect(
  ProcessTimers,
  Effect.gen(function* () {
    yield* ReactorMigrations.check
    // A client may rename columns for its other users; rows must not be renamed.
    const sql = (yield* SqlClient).withoutTransforms()
    return make(sql, `"${yield* ReactorSchema}".process_timers`)
  })
)

const make = (sql: SqlClient, table: string) =>
  ProcessTimers.of({
    now: Effect.map(
      sql.unsafe<{ readonly now: number }>(`SELECT floor(${millis(NOW)}) AS now`),
      ([row]) => DateTime.makeUnsafe(row?.now ?? 0)
    ).pipe(failing("now")),
    apply: Effect.fn("ProcessTimers.apply")(function* (process, changes) {
      const [set, cleared] = [changes.filter(isSet), changes.filter((one) => !isSet(one))]
      if (cleared.length > 0) yield* clear(sql, table, process, cleared)
      if (set.length > 0) yield* put(sql, table, process, set)
    }, failing("apply")),
    next: Effect.fn("ProcessTimers.next")(function* (process, { first, last }, limit) {
      const rows = yield* sql.unsafe<Stored>(
        `SELECT stream_id, timer, setting, slot, ${millis("due_at")} AS due FROM ${table}
        WHERE process = $1 AND slot BETWEEN $2 AND $3 ORDER BY due_at LIMIT $4`,
        [PgTypes.text(process), PgTypes.int4(first), PgTypes.int4(last), PgTypes.int4(limit)]
      )
      return rows.map(({ due, stream_id: streamId, ...row }): ProcessTimer => ({
        ...row,
        streamId,
        due: DateTime.makeUnsafe(due)
      }))
    }, failing("next")),
    remove: Effect.fn("ProcessTimers.remove")(function* (process, timers) {
      yield* sql.unsafe(
        `DELETE FROM ${table} t USING unnest($2, $3, $4) AS gone (stream_id, timer, setting)
        WHERE t.process = $1 AND t.stream_id = gone.stream_id AND t.timer = gone.timer
          AND t.setting = gone.setting`,
        [
          PgTypes.text(process),
          texts(timers.map(({ streamId }) => streamId)),
          texts(timers.map(({ timer }) => timer)),
          integers(timers.map(({ setting }) => setting))
        ]
      )
    }, failing("remove")),
    status: Effect.fn("ProcessTimers.status")(function* (process) {
      const [row] = yield* sql.unsafe<{ readonly pending: number; readonly next: number | null }>(
        `SELECT count(*)::integer AS pending, ${millis("min(due_at)")} AS next FROM ${table}
        WHERE process = $1`,
        [PgTypes.text(process)]
      )
      return {
        pending: row?.pending ?? 0,
        next: Option.map(Option.fromNullishOr(row?.next), (next) => DateTime.makeUnsafe(next))
      }
    }, failing("status"))
  })

interface Stored {
  readonly stream_id: StreamId
  readonly timer: string
  readonly setting: number
  readonly slot: number
  readonly due: number
}

const isSet = (change: ProcessTimerChange): change is ProcessTimer => change.due !== undefined

const clear = (
  sql: SqlClient,
  table: string,
  process: string,
  cleared: ReadonlyArray<ProcessTimerChange>
) =>
  sql.unsafe(
    `DELETE FROM ${table} t USING unnest($2, $3) AS gone (stream_id, timer)
    WHERE t.process = $1 AND t.stream_id = gone.stream_id AND t.timer = gone.timer`,
    [
      PgTypes.text(process),
      texts(cleared.map(({ streamId }) => streamId)),
      texts(cleared.map(({ timer }) => timer))
    ]
  )

const put = (sql: SqlClient, table: string, process: string, set: ReadonlyArray<ProcessTimer>) =>
  sql.unsafe(
    `INSERT INTO ${table} (process, stream_id, timer, setting, slot, due_at)
    SELECT $1, u.* FROM unnest($2, $3, $4, $5, $6) AS u
    ON CONFLICT (process, stream_id, timer) DO UPDATE
    SET setting = EXCLUDED.setting, slot = EXCLUDED.slot, due_at = EXCLUDED.due_at`,
    [
      PgTypes.text(process),
      texts(set.map(({ streamId }) => streamId)),
      texts(set.map(({ timer }) => timer)),
      integers(set.map(({ setting }) => setting)),
      integers(set.map(({ slot }) => slot)),
      array(
        set.map(({ due }) => DateTime.toEpochMillis(due)),
        PgTypes.OID.timestamptz
      )
    ]
  )

const array = (values: ReadonlyArray<unknown>, oid: number) =>
  Result.getOrThrow(PgTypes.array(values, oid))

const texts = (values: ReadonlyArray<string>) => array(values, PgTypes.OID.text)

const integers = (values: ReadonlyArray<number>) => array(values, PgTypes.OID.int4)

const failing =
  (operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, ProcessTimersError, R> =>
    Effect.mapError(effect, (cause) => new ProcessTimersError({ operation, cause }))
