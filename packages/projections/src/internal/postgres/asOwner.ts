/**
 * Making things in a schema as its owner: who makes them as a member of that role would otherwise leave what the other
 * members can't change, and what the owner grants by default would not be granted.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Runs it in the transaction of the caller, as the owner of the schema if the user is a member of it. */
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
    // If it fails, the transaction ends, and the role with it.
    yield* become(owner.before)
    return made
  })
