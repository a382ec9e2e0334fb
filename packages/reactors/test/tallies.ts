/**
 * A transactional reactor that counts the events of a key in a table, with no key that would hide a
 * second effect; of the test and of the hosts that it kills.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Category } from "@daybook/kernel/StreamId"
import * as Reactor from "@daybook/reactors/Reactor"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { noteOf } from "./reactorCases.ts"

export const category = Category.make("tallied")

export const createTable = Effect.flatMap(
  SqlClient,
  (sql) => sql`CREATE TABLE tallies (id bigint GENERATED ALWAYS AS IDENTITY, host text, note text)`
)

export const tallies = (host: string) =>
  Reactor.make({
    name: "tallies",
    categories: [category],
    transactional: true,
    react: (event: RecordedEvent) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`INSERT INTO tallies (host, note) VALUES (${host}::text, ${noteOf(event)}::text)`
      })
  })
