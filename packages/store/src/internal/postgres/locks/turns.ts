/**
 * Limits the waits of a host for other sessions, for each client: such waits leave the rest of
 * its connections to other work.
 */
import type { SqlClient } from "effect/sql/SqlClient"
import * as Limiter from "../../batch/limiter.ts"

/** Returns a function that finds the limiter of a client, with `places`. */
export const make = (places: number): ((sql: SqlClient) => Limiter.Limiter) => {
  const limiters = new WeakMap<SqlClient, Limiter.Limiter>()
  return (sql) => {
    const known = limiters.get(sql)
    if (known !== undefined) return known
    const made = Limiter.make(places)
    limiters.set(sql, made)
    return made
  }
}
