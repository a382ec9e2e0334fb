/**
 * The textbook store on `pg`, with prepared statements.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import * as Baskets from "./Baskets.ts"
import { CONNECTIONS, type Contender, type Live, type Tally } from "./Contender.ts"
import * as Promised from "./Promised.ts"
import * as Rows from "./Rows.ts"
import * as Textbook from "./Textbook.ts"

export const name = "pg"

/** Opens the store on an empty database. */
export const open = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const pool = yield* openPool(url)
  yield* Effect.promise(() => pool.query(Textbook.schema))
  const tally: Tally = { events: 0 }
  const contender: Contender = {
    name,
    ...Promised.work(calls(pool), tally),
    live: live(url, pool, tally),
    check: Effect.flatMap(Effect.orDie(Rows.select(url, Textbook.rows)), (found) =>
      Rows.compare(name, tally.events, found)
    )
  }
  return contender
})

/** Opens a pool of `pg` with {@link CONNECTIONS} connections. */
export const openPool = (url: Redacted.Redacted<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const pool = new pg.Pool({ connectionString: Redacted.value(url), max: CONNECTIONS })
      // Ignored: the database is dropped while the last sockets close. A failed query rejects
      // itself.
      pool.on("error", () => {})
      return pool
    }),
    (pool) => Effect.promise(() => pool.end())
  )

const calls = (pool: pg.Pool): Promised.Calls => {
  const append: Promised.Calls["append"] = async (id, revision, events) => {
    // Not the pool's own `query`, which discards the connection of a failed statement.
    const client = await pool.connect()
    try {
      await client.query({
        name: `insert ${events.length}`,
        text: Textbook.insert(events.length),
        values: Textbook.values(Baskets.streamId(id), revision, events)
      })
    } finally {
      client.release()
    }
  }
  const load: Promised.Calls["load"] = async (id, known) => {
    const { rows } = await pool.query<Baskets.Stored>({
      name: "read",
      text: Textbook.read,
      values: [Baskets.streamId(id), known.revision]
    })
    return Baskets.fold(known, rows)
  }
  return {
    append,
    load,
    execute: async (id, n) => {
      const { revision, state } = await load(id, Baskets.nothing)
      await append(id, revision, [Baskets.decide(n, state)])
    },
    isConflict: (error) =>
      error instanceof pg.DatabaseError && error.code === Textbook.UNIQUE_VIOLATION
  }
}

/** Notifies in the transaction of an append, and reads from the last position when notified. */
const live =
  (url: Redacted.Redacted<string>, pool: pg.Pool, tally: Tally): Live =>
  (seen) =>
    Effect.gen(function* () {
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => new pg.Client(Redacted.value(url))),
        (listening) => Effect.promise(() => listening.end())
      )
      yield* Effect.promise(() => client.connect())
      const newest = yield* Effect.promise(() =>
        client.query<{ position: string }>(
          "SELECT coalesce(max(position), 0) AS position FROM events"
        )
      )
      let last = newest.rows[0]?.position ?? "0"
      let notified = false
      let reading = false
      const read = async () => {
        notified = true
        if (reading) return
        reading = true
        while (notified) {
          notified = false
          const { rows } = await client.query<{ position: string; stream_id: string }>({
            name: "after",
            text: "SELECT position, stream_id FROM events WHERE position > $1 ORDER BY position",
            values: [last]
          })
          last = rows.at(-1)?.position ?? last
          for (const row of rows) seen(Baskets.idOf(row.stream_id))
        }
        reading = false
      }
      client.on("notification", () => void read())
      yield* Effect.promise(() => client.query("LISTEN events"))
      return (id) =>
        Effect.promise(async () => {
          await pool.query({
            name: "insert and notify",
            text: `WITH inserted AS (${Textbook.insert(1)} RETURNING position)
              SELECT pg_notify('events', '') FROM inserted`,
            values: Textbook.values(Baskets.streamId(id), 0, Baskets.additions(1))
          })
          tally.events++
        })
    })
