/**
 * Tells a client of `@effect/sql-pg` from others without loading that package.
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlClient } from "effect/sql/SqlClient"

const BRAND: PgClient.TypeId = "~@effect/sql-pg/PgClient"

export const isPgClient = (sql: SqlClient): sql is PgClient.PgClient => BRAND in sql
