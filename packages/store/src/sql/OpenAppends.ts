/**
 * Appends to a log in PostgreSQL that have begun and not ended.
 *
 * The settled position stops below the oldest open append, whatever stream it writes. A caller that
 * blocked its own appends must still wait for the others before it can read everything committed.
 *
 * @since 0.1.0
 */
import * as PgTypes from "./PgTypes.ts"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PLACES } from "../internal/postgres/schema/sqlParts.ts"
import { readCommitted } from "../internal/postgres/sql/readCommitted.ts"
import { PostgresSchema } from "../PostgresSchema.ts"

/**
 * Open appends did not end within the time limit.
 *
 * @category errors
 * @since 0.1.0
 */
export class AppendsStillOpen extends Data.TaggedError("AppendsStillOpen")<{
  readonly waitedMillis: number
}> {
  override get message() {
    return `Appends that had begun ${this.waitedMillis} ms ago are still open`
  }
}

/**
 * Waits until every append to the log in {@link PostgresSchema} that has drawn a position by now is
 * settled.
 *
 * **Details**
 * Does not wait for appends that begin meanwhile. It polls every 5 ms, with the sleep in the
 * server, and in the caller's transaction if there is one.
 * Errors: `AppendsStillOpen` after `atMost`, which is rounded up to 5 ms.
 *
 * @category operations
 * @since 0.1.0
 */
export const awaitEnd = Effect.fn("OpenAppends.awaitEnd")(function* (
  atMost: Duration.Duration
): Effect.fn.Return<void, AppendsStillOpen | SqlError, SqlClient> {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const newest = yield* sql<{ readonly position: bigint }>`
    SELECT ${sql(`${schema}.newest_append`)}() * ${PgTypes.int8(PLACES)} AS position`
  const { position } = Arr.getUnsafe(newest, 0)
  const looks = Math.ceil(Duration.toMillis(atMost) / LOOK_MILLIS)
  for (let look = 0; look <= looks; look++) {
    // READ COMMITTED gives each look a fresh snapshot, in whatever transaction it runs.
    const [settled] = yield* readCommitted(
      sql,
      sql<{ readonly is: boolean }>`
        SELECT ${sql(`${schema}.settled_position`)}() >= ${PgTypes.int8(position)} AS is`
    )
    if (settled?.is === true) return
    if (look < looks) yield* sql`SELECT pg_sleep(${PgTypes.float8(LOOK_MILLIS / 1_000)})`
  }
  return yield* new AppendsStillOpen({ waitedMillis: looks * LOOK_MILLIS })
})

const LOOK_MILLIS = 5
