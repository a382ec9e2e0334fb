/**
 * Administrative acts on a log in PostgreSQL, on its read models and on its consumer groups, with
 * actor, time and reason.
 *
 * They are rows of an append-only table: a trigger refuses changes by any user, in any session.
 * `PostgresHealth` reports when that trigger is off, and `PostgresMigrations` restores it and
 * records that.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as PgTypes from "./sql/PgTypes.ts"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { PostgresSchema } from "./PostgresSchema.ts"

/**
 * A recorded act.
 *
 * @category types
 * @since 0.1.0
 */
export const Act = Schema.Struct({
  number: Schema.BigInt,
  /**
   * On the log a {@link LogAct}; on a read model an act of `@daybook/projections`, on a consumer
   * group one of `@daybook/reactors`.
   */
  act: Schema.String,
  /** `log`, `event` and a position, or `read model` or `consumer group` and a name. */
  subject: Schema.String,
  at: Schema.DateTimeUtc,
  /** The database user that acted. */
  login: Schema.String,
  /** The actor that this user named. */
  actor: Schema.Option(Schema.String),
  /** The reason that this user gave. */
  reason: Schema.Option(Schema.String),
  details: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Act = Named.Struct<typeof Act>

/**
 * An act on the log itself.
 *
 * **Details**
 * `migrate`: tables were created or functions replaced.
 * `repair`: faults that a restore left were fixed, including disabled triggers.
 * `partition`: partitions were created.
 * `grant`: `PostgresRoles` changed privileges or owners.
 * `pass over`: `PostgresPassOver` made readers pass over an event.
 * `import`: `PostgresImport` copied the events of another log.
 * An operation that changes nothing is not recorded.
 *
 * @category types
 * @since 0.1.0
 */
export type LogAct = "migrate" | "repair" | "partition" | "grant" | "pass over" | "import"

/**
 * The actor and the reason of the acts that run inside, recorded with the login, which the database
 * adds. At most 4,096 bytes of UTF-8 each.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentWhy = Context.Reference<{
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}>("@daybook/store/PostgresActs/CurrentWhy", { defaultValue: () => ({}) })

/**
 * Selects the acts to list.
 *
 * @category types
 * @since 0.1.0
 */
export interface ListOptions {
  /** Only acts on `log`, or on one subject, such as `read model orders`. */
  readonly subject?: string | undefined
  /** Only acts with a greater number. */
  readonly after?: bigint | undefined
}

/** The number of acts in a page. */
const PAGE = 500

interface ActRow {
  readonly act_id: bigint
  readonly acted_at: Date
  readonly act: string
  readonly subject: string
  readonly login: string
  readonly actor: string | null
  readonly reason: string | null
  readonly details: Readonly<Record<string, Schema.Json>>
}

/**
 * Lists the acts on the log in {@link PostgresSchema} and on what follows it, oldest first.
 *
 * **Details**
 * Needs the role of the log's reader or owner.
 *
 * @category operations
 * @since 0.1.0
 */
export const list = (options: ListOptions = {}): Stream.Stream<Act, SqlError, SqlClient> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const sql = (yield* SqlClient).withoutTransforms()
      const schema = yield* PostgresSchema
      const { subject = null } = options
      return Stream.paginate(options.after ?? 0n, (after) =>
        Effect.map(
          sql.unsafe<ActRow>(
            `SELECT act_id, acted_at, act, subject, login, actor, reason, details FROM "${schema}".acts
            WHERE act_id > $1 AND ($2 IS NULL OR subject = $2) ORDER BY act_id LIMIT ${PAGE}`,
            [PgTypes.int8(after), PgTypes.text(subject)]
          ),
          (rows) => {
            const last = rows.length === PAGE ? rows.at(-1) : undefined
            return [rows.map(actOf), Option.fromUndefinedOr(last?.act_id)] as const
          }
        )
      )
    })
  )

const actOf = ({ act, act_id, acted_at, actor, details, login, reason, subject }: ActRow): Act => ({
  number: act_id,
  act,
  subject,
  at: DateTime.makeUnsafe(acted_at),
  login,
  actor: Option.fromNullOr(actor),
  reason: Option.fromNullOr(reason),
  details
})
