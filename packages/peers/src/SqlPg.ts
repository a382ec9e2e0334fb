/**
 * The textbook store on `@effect/sql-pg`, the client that Daybook uses, which shows the cost of the
 * client. As the limit of a table's intake, it also inserts a thousand rows in each statement.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import * as Baskets from "./Baskets.ts"
import { CONNECTIONS, type Contender, type Tally } from "./Contender.ts"
import { fibers } from "./Drive.ts"
import * as Rows from "./Rows.ts"
import * as Textbook from "./Textbook.ts"

export const name = "sql-pg"

const bulkName = "bulk"

const openTable = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const sql = yield* Effect.provide(
    PgClient.make({ url, maxConnections: CONNECTIONS }),
    Reactivity.layer
  )
  yield* sql.unsafe(Textbook.schema)
  return sql
})

/** Opens the store on an empty database. */
export const open = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const sql = yield* openTable(url)
  const tally: Tally = { events: 0 }

  const append = (
    id: string,
    revision: number,
    events: Arr.NonEmptyReadonlyArray<Baskets.Stored>
  ): Effect.Effect<void, SqlError> => {
    const rows = Arr.map(events, ({ data, type }, index) => ({
      stream_id: Baskets.streamId(id),
      revision: PgTypes.int4(revision + index + 1),
      type,
      data: JSON.stringify(data),
      metadata: "{}"
    }))
    return Effect.map(
      sql`INSERT INTO events ${sql.insert(rows)}`,
      () => void (tally.events += events.length)
    )
  }
  const load = (id: string, known: Baskets.Known) =>
    Effect.map(
      sql<Baskets.Stored>`SELECT type, data FROM events
        WHERE stream_id = ${Baskets.streamId(id)} AND revision > ${PgTypes.int4(known.revision)}
        ORDER BY revision`,
      (events) => Baskets.fold(known, events)
    )

  const compete = (id: string) => {
    let newest = Baskets.nothing
    const learn = (known: Baskets.Known) => {
      if (known.revision > newest.revision) newest = known
    }
    return Effect.fnUntraced(function* (n: number) {
      if (newest.revision === 0) learn(yield* load(id, newest))
      while (true) {
        const known = newest
        const event = Baskets.decide(n, known.state)
        const lost = yield* append(id, known.revision, [event]).pipe(
          Effect.as(false),
          Effect.catchIf(
            ({ reason }) => reason._tag === "UniqueViolation",
            () => Effect.succeed(true)
          )
        )
        if (!lost) return learn(Baskets.fold(known, [event]))
        learn(yield* load(id, known))
      }
    }, Effect.orDie)
  }

  const contender: Contender = {
    name,
    append: (count) => {
      const events = Baskets.additions(count)
      return fibers(() => Effect.orDie(Effect.suspend(() => append(Baskets.newId(), 0, events))))
    },
    orders: {
      make: (id, count) =>
        Effect.gen(function* () {
          let revision = 0
          for (const events of Arr.chunksOf(Baskets.history(count), CHUNK)) {
            yield* Effect.orDie(append(id, revision, events))
            revision += events.length
          }
        }),
      hot: (id) => fibers(compete(id)),
      load: (id) => fibers(() => Effect.orDie(load(id, Baskets.nothing))),
      execute: ({ first }) =>
        fibers((n) => {
          const id = Baskets.numbered(first + n)
          return load(id, Baskets.nothing).pipe(
            Effect.flatMap(({ revision, state }) =>
              append(id, revision, [Baskets.decide(n, state)])
            ),
            Effect.orDie
          )
        })
    },
    check: Effect.flatMap(Effect.orDie(Rows.select(url, Textbook.rows)), (found) =>
      Rows.compare(name, tally.events, found)
    )
  }
  return contender
})

const CHUNK = 1_000

/**
 * Opens the limit on an empty database: each statement inserts one event for each of many orders.
 */
export const openBulk = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const sql = yield* openTable(url)
  const tally: Tally = { events: 0 }
  const array = (values: ReadonlyArray<unknown>, oid: number) =>
    // Every type below has an array type.
    Result.getOrThrow(PgTypes.array(values, oid))
  const contender: Contender = {
    name: bulkName,
    append: (count) => {
      const events = Baskets.additions(count)
      const revisions = events.map(() => 1)
      const types = events.map(({ type }) => type)
      const data = events.map((event) => JSON.stringify(event.data))
      return fibers(() =>
        Effect.suspend(
          () => sql`
            INSERT INTO events (stream_id, revision, type, data, metadata)
            SELECT id, revision, type, data::jsonb, '{}' FROM unnest(
              ${array(
                events.map(() => Baskets.streamId(Baskets.newId())),
                PgTypes.OID.text
              )},
              ${array(revisions, PgTypes.OID.int4)}, ${array(types, PgTypes.OID.text)},
              ${array(data, PgTypes.OID.text)}) AS e(id, revision, type, data)`
        ).pipe(
          Effect.orDie,
          Effect.map(() => void (tally.events += count))
        )
      )
    },
    check: Effect.flatMap(Effect.orDie(Rows.select(url, Textbook.rows)), (found) =>
      Rows.compare(bulkName, tally.events, found)
    )
  }
  return contender
})
