/**
 * Repeats appends and reads of a store while its primary is lost, until there is one again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { inTransaction } from "../../../sql/Transaction.ts"
import { makeLosses, persistently, sqlState } from "../sql/retry.ts"
import * as Servers from "./servers.ts"

/** Longer than a failover takes: Patroni notices a dead primary within 30 seconds by default. */
const PATIENCE = Duration.seconds(60)

const retries = Metric.counter("daybook_failover_retries", {
  description: "Appends and reads repeated since their PostgreSQL server was lost"
})

/**
 * Returns a function that repeats an effect of the store. An append is recognised by its ids, so
 * that it happens once. In a transaction of the caller nothing is repeated: it is lost as a whole.
 */
export const make = (
  sql: SqlClient
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) => {
  if (Servers.of(sql) === undefined) return (effect) => effect
  const losses = makeLosses({
    failing: "Appends and reads have lost the primary, and are repeated",
    working: "Appends and reads have a primary again"
  })
  return (effect) =>
    Effect.flatMap(inTransaction(sql), (isInside) =>
      isInside
        ? effect
        : Effect.clockWith((clock) => {
            const end = clock.currentTimeMillisUnsafe() + Duration.toMillis(PATIENCE)
            return persistently(effect, {
              losses,
              retries,
              while: (error) =>
                isSqlError(error) && isLoss(error) && clock.currentTimeMillisUnsafe() < end
            })
          })
    )
}

// SQLSTATE: connection exceptions, a server that shuts down or starts up, and a server that became
// a standby.
const lostStates = /^(08|57P0|25006)/

const isLoss = ({ reason }: SqlError): boolean =>
  reason._tag === "ConnectionError" || lostStates.test(sqlState(reason.cause) ?? "")
