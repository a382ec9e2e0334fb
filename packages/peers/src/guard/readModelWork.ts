/**
 * The rows of read models.
 */
import * as ReadModels from "@daybook/benchmarks/ReadModels"
import * as Sample from "@daybook/benchmarks/Sample"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Baskets from "../Baskets.ts"
import { CONNECTIONS } from "../Contender.ts"
import type { Row } from "./Row.ts"
import type { Turn } from "./turns.ts"

/** The number of events that a read model catches up with in a turn, however long that takes. */
const EVENTS = 100_000

/** Opens a row on the database at `DATABASE_URL`. */
export const open = Effect.fnUntraced(function* ({ concurrency, name }: Row) {
  const url = yield* Config.Redacted("DATABASE_URL")
  const stores = yield* Layer.build(
    EventStorePostgres.layer.pipe(
      Layer.provideMerge(PostgresMigrations.layer),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: CONNECTIONS }))
    )
  )
  const events = Context.get(stores, EventStore)
  if (name === "catch up") {
    yield* ReadModels.fill(events, EVENTS)
    const catchUp: Turn = (seconds) =>
      Effect.map(
        ReadModels.sampleCatchUp(ReadModels.daybook(stores), seconds),
        ({ perSecond }) => perSecond
      )
    return catchUp
  }
  const { append } = yield* ReadModels.keeping("kept inline", stores, "inline")
  const inline: Turn = (seconds) =>
    Effect.map(
      Sample.take(() => Effect.suspend(() => append(Baskets.newId())), { concurrency, seconds }),
      ({ perSecond }) => perSecond
    )
  return inline
})
