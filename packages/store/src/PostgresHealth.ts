/**
 * Finds the faults of a log in PostgreSQL that a restore, a copy or an operator may have left.
 *
 * A log that is as its migrations created it has no findings. {@link describe} names the remedy of
 * each.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { openAppends } from "./internal/postgres/locks/holders.ts"
import { isPartitioned } from "./internal/postgres/partitions/partitions.ts"
import { transaction } from "./sql/Transaction.ts"
import * as Restored from "./internal/postgres/schema/restored.ts"
import { pinned } from "./sql/SearchPath.ts"
import * as SessionSettings from "./internal/postgres/schema/sessionSettings.ts"
import * as PostgresMigrations from "./PostgresMigrations.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"

/**
 * One fault.
 *
 * @category types
 * @since 0.1.0
 */
export const Finding = Schema.TaggedUnion({
  /** The schema has no log, or one of an earlier release. */
  NotMigrated: { schema: Schema.String },
  /** The log has lost its id. */
  NoIdentity: { schema: Schema.String },
  /**
   * The rows end at `rows`, but the next append would get a position after `sequence`, among them.
   */
  SequenceBehind: { rows: Schema.BigInt, sequence: Schema.BigInt },
  /**
   * A trigger is missing, disabled, or inactive where `session_replication_role` is `replica`:
   * there, changes to events are not refused, or event ids not recorded.
   */
  TriggerResting: {
    table: Schema.String,
    trigger: Schema.Literals(["append_only", "record_ids"]),
    state: Schema.Literals(["missing", "disabled", "resting for replicas", "only for replicas"])
  },
  /**
   * The first or last event of a partition is not in the log's table of ids, so its id could be
   * recorded again.
   */
  IdsMissing: { position: Schema.BigInt },
  /**
   * Logins that may append begin their sessions with a setting that weakens durability or
   * isolation. An undefined `role` means all roles, an undefined `database` all databases.
   */
  RoleSetting: {
    role: Schema.UndefinedOr(Schema.String),
    database: Schema.UndefinedOr(Schema.String),
    setting: Schema.String,
    value: Schema.String
  },
  /**
   * A prepared transaction holds an append open, and every reader back, until it is committed or
   * rolled back by hand.
   */
  PreparedAppend: { gid: Schema.String, owner: Schema.String, preparedAt: Schema.String }
})

/**
 * @category types
 * @since 0.1.0
 */
export type Finding = Named.Union<typeof Finding>

/**
 * Returns a finding as a line with the fault and its remedy.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (finding: Finding): string =>
  Finding.match(finding, {
    NotMigrated: ({ schema }) => migrated(`Schema ${schema} has no log of this release`),
    NoIdentity: ({ schema }) => migrated(`The log in schema ${schema} has no id`),
    SequenceBehind: ({ rows, sequence }) =>
      migrated(`The log has events up to position ${rows}, and its sequence is at ${sequence}`),
    TriggerResting: ({ state, table, trigger }) =>
      migrated(`Trigger ${trigger} of ${table} is ${state}`),
    IdsMissing: ({ position }) =>
      migrated(`The id of the event at position ${position} is not in the table of ids`),
    RoleSetting: ({ database, role, setting, value }) => {
      const whose = role === undefined ? "ALL" : quoted(role)
      const where = database === undefined ? "" : ` IN DATABASE ${quoted(database)}`
      const change =
        role === undefined && database !== undefined
          ? `ALTER DATABASE ${quoted(database)}`
          : `ALTER ROLE ${whose}${where}`
      return `Sessions that append begin with ${setting} = ${value}: ${change} RESET ${setting}`
    },
    PreparedAppend: ({ gid, owner, preparedAt }) =>
      `${owner} has held an append open in the prepared transaction ${Formatter.format(gid)} since ${preparedAt}: COMMIT PREPARED or ROLLBACK PREPARED it`
  })

const migrated = (fault: string): string => `${fault}: run PostgresMigrations`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * Returns the faults of the log in {@link PostgresSchema}, and changes nothing.
 *
 * **Details**
 * Reads a few rows, whatever the length of the log. A reader of the log may run it.
 *
 * @category operations
 * @since 0.1.0
 */
export const check: Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient> = Effect.gen(
  function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* PostgresSchema
    // The caller may be any role, even a superuser, so the search path is pinned.
    return yield* transaction(sql, pinned(sql, look(sql, schema)))
  }
).pipe(Effect.withSpan("PostgresHealth.check"))

const look = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName
): Effect.fn.Return<ReadonlyArray<Finding>, SqlError> {
  const findings: Array<Finding> = []
  // Other reasons that prevent opening a store do not concern the log.
  const ready = yield* Effect.result(PostgresMigrations.check).pipe(
    Effect.provideService(SqlClient, sql)
  )
  if (Result.isFailure(ready) && ready.failure._tag === "NotMigrated") {
    findings.push({ _tag: "NotMigrated", schema })
    return findings
  }
  if (!(yield* Restored.hasIdentity(sql, schema))) findings.push({ _tag: "NoIdentity", schema })
  const { rows, sequence } = yield* Restored.ends(sql, schema)
  if (rows > sequence) findings.push({ _tag: "SequenceBehind", rows, sequence })
  for (const { state, table, trigger } of yield* Restored.restingTriggers(sql, schema)) {
    findings.push({ _tag: "TriggerResting", table, trigger, state: STATES[state] })
  }
  if (yield* isPartitioned(sql, schema)) {
    for (const { position } of yield* Restored.unrecordedIds(sql, schema)) {
      findings.push({ _tag: "IdsMissing", position })
    }
  }
  for (const found of yield* SessionSettings.harmful(sql, schema)) {
    findings.push({
      _tag: "RoleSetting",
      role: found.role ?? undefined,
      database: found.database ?? undefined,
      setting: found.setting,
      value: found.value
    })
  }
  for (const { gid, since, user } of yield* openAppends(sql, schema)) {
    if (gid === undefined) continue
    const preparedAt = since === undefined ? "an unknown time" : DateTime.formatIso(since)
    findings.push({ _tag: "PreparedAppend", gid, owner: user ?? "an unknown user", preparedAt })
  }
  return findings
})

const STATES = {
  missing: "missing",
  O: "resting for replicas",
  D: "disabled",
  R: "only for replicas"
} as const
