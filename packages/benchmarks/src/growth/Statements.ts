/**
 * The statements behind a kind of work, and the plans that serve them for every value.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Tracer from "effect/Tracer"
import type { Log } from "./Log.ts"
import type { Row } from "./Rows.ts"

/** A statement and its plan, or the error that the server has for it. */
export interface Planned {
  readonly statement: string
  readonly plan: string
}

/** Does the work of a row once on the log, and explains the statements that it ran. */
export const explain = Effect.fnUntraced(function* <E, R>(
  row: Row,
  open: Effect.Effect<Log, E, R | Scope.Scope>
) {
  const texts = new Set<string>()
  const work = Effect.gen(function* () {
    const begun = yield* row.begin(yield* open, "explained")
    // Not the statements that opened the store.
    texts.clear()
    yield* "sample" in begun ? begun.sample(0.01) : begun.act(0)
  })
  yield* Effect.scoped(work).pipe(Effect.provideService(Tracer.Tracer, recording(texts)))
  const sql = yield* SqlClient
  return yield* Effect.forEach(texts, (statement) => planOf(sql, statement))
})

/** Returns a tracer that keeps the texts of statements. */
const recording = (texts: Set<string>): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const attribute = span.attribute.bind(span)
      span.attribute = (key, value) => {
        if (key === "db.query.text") texts.add(String(value))
        attribute(key, value)
      }
      return span
    }
  })

/** Plans the statement as a session does that has run it often: for all values, not for some. */
const planOf = (sql: SqlClient, statement: string) =>
  Effect.gen(function* () {
    const values = Array.from(new Set(statement.match(/\$\d+/g)), () => "NULL").join(", ")
    yield* sql`SET LOCAL plan_cache_mode = force_generic_plan`.unprepared
    yield* sql.unsafe(`PREPARE explained AS ${statement}`).unprepared
    const rows = yield* sql.unsafe<{ readonly "QUERY PLAN": string }>(
      `EXPLAIN EXECUTE explained${values === "" ? "" : `(${values})`}`
    ).unprepared
    yield* sql`DEALLOCATE explained`.unprepared
    return rows.map((row) => row["QUERY PLAN"]).join("\n")
  }).pipe(
    sql.withTransaction,
    // BEGIN and other commands have no plan.
    Effect.catch((error) => Effect.succeed(`no plan: ${error.message}`)),
    Effect.map((plan): Planned => ({ statement, plan }))
  )
