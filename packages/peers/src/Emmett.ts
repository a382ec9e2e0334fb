/**
 * Emmett: its PostgreSQL event store, command handler and consumer, as its documents use them.
 */
import { CommandHandler, isExpectedVersionConflictError } from "@event-driven-io/emmett"
import {
  getPostgreSQLEventStore,
  type PostgresEventStore
} from "@event-driven-io/emmett-postgresql"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Pool } from "pg"
import * as Baskets from "./Baskets.ts"
import type { Contender, Live, Tally } from "./Contender.ts"
import * as Pg from "./Pg.ts"
import * as Promised from "./Promised.ts"
import * as Rows from "./Rows.ts"

export const name = "Emmett"

/** Opens Emmett on an empty database. */
export const open = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const pool = yield* Pg.openPool(url)
  const store = getPostgreSQLEventStore(Redacted.value(url), { connectionOptions: { pool } })
  yield* Effect.promise(() => store.schema.migrate())
  const tally: Tally = { events: 0 }
  const contender: Contender = {
    name,
    ...Promised.work(calls(store), tally),
    live: live(store, pool, tally),
    check: Effect.flatMap(Effect.orDie(Rows.select(url, rows)), (found) =>
      Rows.compare(name, tally.events, found)
    )
  }
  return contender
})

const rows = `SELECT stream_id, stream_position AS revision, message_type AS type,
  message_data AS data FROM emt_messages`

const calls = (store: PostgresEventStore): Promised.Calls => {
  const handle = CommandHandler({
    evolve: Baskets.evolve,
    initialState: () => Baskets.nothing.state
  })
  return {
    append: (id, revision, events) =>
      store.appendToStream(Baskets.streamId(id), [...events], {
        expectedStreamVersion: revision === 0 ? "STREAM_DOES_NOT_EXIST" : BigInt(revision)
      }),
    load: async (id, known) => {
      if (known.revision === 0) {
        const { currentStreamVersion, state } = await store.aggregateStream(Baskets.streamId(id), {
          evolve: Baskets.evolve,
          initialState: () => known.state
        })
        return { revision: Number(currentStreamVersion), state }
      }
      const { events } = await store.readStream<Baskets.Stored>(Baskets.streamId(id), {
        from: BigInt(known.revision + 1)
      })
      return Baskets.fold(known, events)
    },
    execute: (id, n) => handle(store, Baskets.streamId(id), (state) => Baskets.decide(n, state)),
    isConflict: isExpectedVersionConflictError
  }
}

/** Starts a consumer that polls at its default interval. */
const live =
  (store: PostgresEventStore, pool: Pool, tally: Tally): Live =>
  (seen) =>
    Effect.gen(function* () {
      const newest = yield* Effect.promise(() =>
        pool.query<{ position: string }>(
          "SELECT coalesce(max(global_position), 0) AS position FROM emt_messages"
        )
      )
      const consumer = store.consumer()
      consumer.reactor({
        processorId: `seen-${Baskets.newId()}`,
        // Not "END", which Emmett resolves to the first position of the log instead of the last.
        startFrom: { lastCheckpoint: BigInt(newest.rows[0]?.position ?? 0) },
        eachMessage: ({ metadata }) => seen(Baskets.idOf(metadata.streamName))
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => void consumer.start()),
        () => Effect.promise(() => consumer.stop())
      )
      return (id) =>
        Effect.promise(async () => {
          await store.appendToStream(Baskets.streamId(id), [...Baskets.additions(1)], {
            expectedStreamVersion: "STREAM_DOES_NOT_EXIST"
          })
          tally.events++
        })
    })
