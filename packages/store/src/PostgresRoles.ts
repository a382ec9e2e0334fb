/**
 * Roles of PostgreSQL that have the privileges they need on a log, and no others.
 *
 * The rights of each role in the schema of the log:
 *
 * 1. The owner migrates. It owns all objects; changes to events are refused to it as to all others.
 * 2. The writer calls `append`, reads events, and saves snapshots.
 * 3. The reader reads events and snapshots.
 *
 * They are groups without a login: grant them to the users that hosts connect as.
 *
 * @since 0.1.0
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { comingAgain, inTurn } from "./internal/postgres/schema/migrationLock.ts"
import { transaction } from "./sql/Transaction.ts"
import { APPENDING, KEEPING, READING } from "./internal/postgres/schema/openFunctions.ts"
import { asOwner } from "./internal/postgres/partitions/partitions.ts"
import { enableTriggers } from "./internal/postgres/schema/restored.ts"
import { excessPrivileges } from "./internal/postgres/schema/excessPrivileges.ts"
import { changes, privileges } from "./internal/postgres/schema/privileges.ts"
import { recordAct } from "./internal/postgres/schema/callRecordAct.ts"
import { pinned } from "./sql/SearchPath.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"

/**
 * The name of a role: any that PostgreSQL accepts, such as `shop-writer` or `Shop_Writer`.
 *
 * **Details**
 * Shape: 1 to 63 bytes of UTF-8, since PostgreSQL cuts longer identifiers, without `U+0000`; not
 * starting with `pg_`, and neither `public` nor `none`, which mean all roles and no role even in
 * quotes. Names are case-sensitive: they are always quoted.
 *
 * @category types
 * @since 0.1.0
 */
export const RoleName = Schema.String.check(
  Schema.makeFilter((name) => isRoleName(name), {
    expected:
      "a role name: 1 to 63 bytes of UTF-8 text without U+0000, not starting with pg_, not public or none"
  })
).pipe(Schema.brand("RoleName"))

const isRoleName = (name: string): boolean =>
  name !== "" &&
  Buffer.byteLength(name) <= 63 &&
  name.isWellFormed() &&
  !name.includes("\0") &&
  !name.startsWith("pg_") &&
  name !== "public" &&
  name !== "none"

/**
 * @category types
 * @since 0.1.0
 */
export type RoleName = typeof RoleName.Type

/**
 * The names of the three roles. Roles are shared by all databases of a server.
 *
 * @category types
 * @since 0.1.0
 */
export interface Roles {
  readonly owner: RoleName
  readonly writer: RoleName
  readonly reader: RoleName
}

/**
 * A role has more privileges than the log grants it, by an attribute, as a member of another role,
 * or by a grant to PUBLIC: nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExcessPrivileges extends Schema.TaggedError<ExcessPrivileges>()("ExcessPrivileges", {
  excess: Schema.NonEmptyArray(Schema.Struct({ role: Schema.String, privilege: Schema.String }))
}) {
  override get message() {
    const list = this.excess.map(({ privilege, role }) => `${role} has ${privilege}`)
    return printableLine(`More privileges than the log grants: ${Listed.text(Listed.make(list))}`)
  }
}

/**
 * Creates the missing roles, makes the log in {@link PostgresSchema} its owner's, and grants the
 * other two roles the privileges they need, and only those; all or none.
 *
 * **Details**
 * Run it after the migrations, and again after new ones, as a user that created the schema or is a
 * member of the owner. Creating roles needs `CREATEROLE`; existing roles don't.
 * The schema belongs to the log alone: privileges of the two roles on other objects in it are
 * revoked. Running it again changes nothing; hosts that start at once wait for one another.
 * Errors: `ExcessPrivileges`, a role has more privileges, such as a superuser; `SqlError` with
 * `LockTimeoutError`, caused by `LockHeld`, a transaction used the log for longer than
 * `PostgresLocks.Patience` has for changes.
 *
 * @category operations
 * @since 0.1.0
 */
export const grant = Effect.fn("PostgresRoles.grant")(function* (
  roles: Roles
): Effect.fn.Return<void, ExcessPrivileges | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const granting = Effect.gen(function* () {
    yield* Effect.forEach([roles.owner, roles.writer, roles.reader], (role) => make(sql, role), {
      discard: true
    })
    const before = yield* privileges(sql, schema)
    yield* giveTo(sql, schema, roles.owner)
    yield* grantTo(sql, schema, roles)
    const resting = yield* asOwner(sql, schema, enableTriggers(sql, schema))
    const excess = yield* excessPrivileges(sql, schema, roles)
    if (Arr.isReadonlyArrayNonEmpty(excess)) return yield* new ExcessPrivileges({ excess })
    const changed = changes(before, yield* privileges(sql, schema))
    if (changed !== undefined) {
      const [granted, revoked] = [{ ...changed.granted }, { ...changed.revoked }]
      yield* recordAct(sql, schema, "grant", { ...roles, granted, revoked })
    }
    if (resting.length > 0) {
      const repaired = resting.map(
        ({ state, table, trigger }) => `trigger ${trigger} of ${table} was ${state}`
      )
      yield* recordAct(sql, schema, "repair", { repaired: { ...Listed.make(repaired) } })
    }
  })
  yield* transaction(sql, pinned(sql, warnOfPublic(sql)))
  yield* comingAgain(sql, schema, transaction(sql, pinned(sql, inTurn(sql, schema, granting))))
})

/**
 * Warns of the rights that PUBLIC has on the database by PostgreSQL's defaults: any user who may
 * connect can take locks that hosts wait for.
 *
 * Other applications may share the database, so revoking them is left to its owner.
 */
const warnOfPublic = Effect.fnUntraced(function* (sql: SqlClient) {
  const [found] = yield* sql<{ readonly database: string; readonly rights: string | null }>`
    SELECT pg_catalog.quote_ident(d.datname::pg_catalog.text) AS database,
      pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS rights
    FROM pg_catalog.pg_database d,
      pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
    WHERE d.datname = pg_catalog.current_database() AND a.grantee = 0::pg_catalog.oid
    GROUP BY d.datname`
  const rights = found?.rights ?? ""
  if (found === undefined || rights === "") return
  yield* Effect.logWarning(
    `PUBLIC has ${rights} on the database: REVOKE ${rights} ON DATABASE ${found.database} FROM PUBLIC, unless others need it`
  )
})

/**
 * Runs {@link grant} when it is built: provide it with `PostgresMigrations.layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (roles: Roles): Layer.Layer<never, ExcessPrivileges | SqlError, SqlClient> =>
  Layer.effectDiscard(grant(roles))

const make = (sql: SqlClient, role: RoleName) =>
  unless(
    sql,
    sql`SELECT FROM pg_roles WHERE rolname = ${role}`,
    sql`CREATE ROLE ${quoted(sql, role)} NOLOGIN`
  )

/**
 * Runs `change` unless `found` has a row.
 *
 * Roles belong to the server, but locks to the database: a host on another database may make the
 * change first.
 */
const unless = Effect.fnUntraced(function* (
  sql: SqlClient,
  found: Effect.Effect<ReadonlyArray<unknown>, SqlError>,
  change: Effect.Effect<unknown, SqlError>
) {
  if ((yield* found).length > 0) return
  yield* Effect.catch(sql.withTransaction(change), (error) =>
    Effect.flatMap(found, (rows) => (rows.length > 0 ? Effect.void : Effect.fail(error)))
  )
})

const giveTo = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName, owner: RoleName) {
  // Changing an owner needs the right to act as the new one; the creator of a role may grant that
  // right to itself.
  yield* unless(
    sql,
    sql`SELECT WHERE pg_has_role(current_user, ${owner}::name, 'USAGE')`,
    sql`GRANT ${quoted(sql, owner)} TO CURRENT_USER`
  )
  // Only objects of other owners: changing the owner of a table locks out all its users.
  const changes = yield* sql<{ readonly statement: string }>`
    WITH log AS (
      SELECT n.oid, n.nspname, n.nspowner, r.oid AS owner_oid, r.rolname AS owner
      FROM pg_namespace n, pg_roles r WHERE n.nspname = ${schema} AND r.rolname = ${owner}
    )
    SELECT format('ALTER SCHEMA %I OWNER TO %I', nspname, owner) AS statement, 1 AS turn
      FROM log WHERE nspowner <> owner_oid
    UNION ALL
    SELECT format('ALTER TABLE %I.%I OWNER TO %I', nspname, c.relname, owner), 2
      FROM log JOIN pg_class c ON c.relnamespace = log.oid
      WHERE c.relkind IN ('r', 'p', 'v') AND c.relowner <> owner_oid
    UNION ALL
    SELECT format('ALTER FUNCTION %s OWNER TO %I', p.oid::regprocedure, owner), 3
      FROM log JOIN pg_proc p ON p.pronamespace = log.oid WHERE p.proowner <> owner_oid
    ORDER BY turn`
  yield* Effect.forEach(changes, ({ statement }) => sql.unsafe(statement), { discard: true })
})

const grantTo = Effect.fnUntraced(function* (sql: SqlClient, name: SchemaName, roles: Roles) {
  const [schema, snapshots] = [sql(name), sql(`${name}.snapshots`)]
  const [events, eventIds] = [sql(`${name}.events`), sql(`${name}.event_ids`)]
  const [log, migrations] = [sql(`${name}.log`), sql(`${name}.migrations`)]
  const [reader, writer] = [quoted(sql, roles.reader), quoted(sql, roles.writer)]
  yield* sql`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC, ${writer}, ${reader}`
  for (const kind of ["TABLES", "SEQUENCES", "FUNCTIONS"]) {
    yield* sql`REVOKE ALL ON ALL ${sql.literal(kind)} IN SCHEMA ${schema}
      FROM PUBLIC, ${writer}, ${reader}`
  }
  yield* sql`GRANT USAGE ON SCHEMA ${schema} TO ${writer}, ${reader}`
  yield* sql`GRANT SELECT ON ${events}, ${eventIds}, ${log}, ${snapshots}, ${migrations},
      ${sql(`${name}.passed_over`)}
    TO ${writer}, ${reader}`
  yield* sql`GRANT INSERT, UPDATE, DELETE ON ${snapshots} TO ${writer}`
  yield* sql`GRANT SELECT ON ${sql(`${name}.acts`)} TO ${reader}`
  const functions = yield* sql<{ readonly name: string; readonly signature: string }>`
    SELECT p.proname::text AS name, p.oid::regprocedure::text AS signature
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ${name} AND ${sql.in("p.proname", [...APPENDING, ...KEEPING, ...READING])}`
  for (const { name, signature } of functions) {
    const named = sql.literal(signature)
    yield* sql`GRANT EXECUTE ON FUNCTION ${named} TO ${writer}`
    if (READING.includes(name)) yield* sql`GRANT EXECUTE ON FUNCTION ${named} TO ${reader}`
  }
})

/** Quotes by hand, since the client's quoting treats a dot as the end of a schema's name. */
const quoted = (sql: SqlClient, role: RoleName) => sql.literal(`"${role.replaceAll('"', '""')}"`)
