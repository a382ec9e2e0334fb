/**
 * Creates objects in a schema as its owner. Objects created by a member of that role under its own
 * name could not be changed by the other members, and would lack the owner's default privileges.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Runs an effect in the caller's transaction, as the owner of the schema if the user is a member of
 * that role.
 */
export const asOwner = <A, E, R>(
  sql: SqlClient,
  schema: SchemaName,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.gen(function* () {
    const become = (role: string) => sql`SELECT set_config('role', ${role}, true)`
    const [owner] = yield* sql<{ readonly name: string; readonly before: string }>`
      SELECT r.rolname::text AS name, current_setting('role') AS before
      FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
      WHERE n.nspname = ${schema} AND r.rolname <> current_user
        AND pg_has_role(current_user, r.oid, 'MEMBER')`
    if (owner === undefined) return yield* effect
    yield* become(owner.name)
    const made = yield* effect
    // After a failure the transaction ends, and the role with it.
    yield* become(owner.before)
    return made
  })
