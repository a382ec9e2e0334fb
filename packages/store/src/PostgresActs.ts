/**
 * Administrative acts on a log in PostgreSQL and on its read models: who did what, when and why.
 *
 * They are rows of a table that is only added to: a trigger refuses changes to every user, in every session. `PostgresHealth` tells when that
 * trigger is off, and `PostgresMigrations` records that it put it back.
 *
 * @since 0.1.0
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
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
 * An act, as it was recorded.
 *
 * **Details**
 * `subject`: `log`, or `read model` and a name. `act`: on the log see {@link LogAct}; on a read model those of `@daybook/projections`.
 * `login`: the user of the database who did it. `actor`, `reason`: what that user said.
 *
 * @category types
 * @since 0.1.0
 */
export const Act = Schema.Struct({
  number: Schema.BigInt,
  act: Schema.String,
  subject: Schema.String,
  at: Schema.DateTimeUtc,
  login: Schema.String,
  actor: Schema.Option(Schema.String),
  reason: Schema.Option(Schema.String),
  details: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Act = typeof Act.Type

/**
 * An act on the log itself.
 *
 * **Details**
 * `migrate`: tables were made or functions replaced. `repair`: what a restore leaves behind was put right, triggers that were switched off among it.
 * `partition`: partitions were made. `grant`: privileges or owners were changed by `PostgresRoles`. What changes nothing is not recorded.
 *
 * @category types
 * @since 0.1.0
 */
export type LogAct = "migrate" | "repair" | "partition" | "grant"

/**
 * Who wants the acts that run inside, and why: recorded beside the login, which the database adds. At most 4,096 bytes of UTF-8 each.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentWhy = Context.Reference<{
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}>("@daybook/store/PostgresActs/CurrentWhy", { defaultValue: () => ({}) })

/**
 * Which acts to list.
 *
 * @category types
 * @since 0.1.0
 */
export interface ListOptions {
  /** Only those on `log`, or on one read model, such as `read model orders`. */
  readonly subject?: string | undefined
  /** Only those with a greater number. */
  readonly after?: bigint | undefined
}

/** How many acts a page has. */
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
 * The acts on the log in {@link PostgresSchema} and on its read models, oldest first.
 *
 * **Details**
 * The reader of the log and its owner may list them.
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
