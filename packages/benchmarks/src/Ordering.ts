/**
 * The cost to writers of an order that readers can trust: the same insert under no rule, under one
 * lock, and announced like the log's own appends.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Appender, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"

const rules = {
  "no rule": "",
  "one lock": "PERFORM pg_advisory_xact_lock(1);",
  announced: `PERFORM pg_advisory_xact_lock_shared(1, ((last_value << 32) >> 32)::integer)
    FROM ordered_number;`
}

const yardstick = "no rule"

/** Creates a table and an insert for each rule; all draw from one sequence. */
export const opens = Effect.fnUntraced(function* (sql: SqlClient) {
  yield* sql`CREATE SEQUENCE ordered_number`
  const appenders: Array<readonly [string, Effect.Effect<Appender>]> = []
  for (const [index, [name, rule]] of Object.entries(rules).entries()) {
    yield* sql.unsafe(`CREATE TABLE ordered_${index} (
      position bigint PRIMARY KEY, stream_id text NOT NULL, data json NOT NULL)`)
    yield* sql.unsafe(`CREATE FUNCTION append_${index}(id text, data json) RETURNS void
      LANGUAGE plpgsql AS $$ BEGIN
        ${rule}
        INSERT INTO ordered_${index} VALUES (nextval('ordered_number'), id, data);
      END $$`)
    const append: Appender["append"] = (id, [event]) =>
      sql`SELECT ${sql.literal(`append_${index}`)}(${id}, ${JSON.stringify(event.data)}::json)`.pipe(
        Effect.orDie,
        Effect.asVoid
      )
    appenders.push([
      name,
      Effect.succeed({ name, append, ...(name === yardstick ? {} : { yardstick }) })
    ])
  }
  const all: Opens<Appender> = appenders
  return all
})

/** Appends single events on the server, each to a stream of its own. */
export const begin = (appender: Appender, prefix: string) =>
  Effect.succeed({
    act: (n: number) => Effect.suspend(() => appender.append(`${prefix}-${n}`, Orders.additions(1)))
  })
