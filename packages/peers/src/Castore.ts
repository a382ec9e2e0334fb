/**
 * Castore: its event store on its PostgreSQL adapter, with the adapter's own table.
 *
 * It has no subscription. Its client, `postgres`, opens ten connections by default, which the
 * adapter can't change, and pipelines several statements on each.
 */
import { EventStore, EventType, isEventAlreadyExistsError } from "@castore/core"
import { PostgresEventStorageAdapter } from "@castore/event-storage-adapter-postgres"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Baskets from "./Baskets.ts"
import type { Contender, Tally } from "./Contender.ts"
import * as Promised from "./Promised.ts"
import * as Rows from "./Rows.ts"

export const name = "Castore"

/** Opens Castore on an empty database. */
export const open = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const options = { connectionString: Redacted.value(url), tableName: "event" }
  yield* Effect.promise(() => PostgresEventStorageAdapter.createEventTable(options))
  // The adapter can't be closed: its connections end with the database.
  const store = makeStore(new PostgresEventStorageAdapter(options))
  const tally: Tally = { events: 0 }
  const contender: Contender = {
    name,
    ...Promised.work(calls(store), tally),
    check: Effect.flatMap(Effect.orDie(Rows.select(url, rows)), (found) =>
      Rows.compare(name, tally.events, found)
    )
  }
  return contender
})

const rows = "SELECT aggregate_id AS stream_id, version AS revision, type, data FROM event"

type Data = Baskets.Stored["data"]

const makeStore = (eventStorageAdapter: PostgresEventStorageAdapter) =>
  new EventStore({
    eventStoreId: "order",
    eventTypes: [
      new EventType<"OrderCreated", Data, undefined>({ type: "OrderCreated" }),
      new EventType<"ItemAdded", Data, undefined>({ type: "ItemAdded" })
    ],
    eventStorageAdapter,
    reducer: (
      before: Aggregate | undefined,
      event: { aggregateId: string; version: number; type: string; payload: Data }
    ): Aggregate => ({
      aggregateId: event.aggregateId,
      version: event.version,
      state: Baskets.evolve(before?.state ?? Baskets.nothing.state, {
        type: event.type,
        data: event.payload
      })
    })
  })

interface Aggregate {
  readonly aggregateId: string
  readonly version: number
  readonly state: Baskets.Known["state"]
}

const calls = (store: ReturnType<typeof makeStore>): Promised.Calls => {
  const detail = (aggregateId: string, version: number, { data, type }: Baskets.Stored) => ({
    aggregateId,
    version,
    // Orders of this benchmark have only these two types.
    type: type as "OrderCreated" | "ItemAdded",
    payload: data
  })
  const load: Promised.Calls["load"] = async (id, known) => {
    if (known.revision === 0) {
      const { aggregate } = await store.getAggregate(id)
      return { revision: aggregate?.version ?? 0, state: aggregate?.state ?? known.state }
    }
    const { events } = await store.getEvents(id, { minVersion: known.revision + 1 })
    return Baskets.fold(
      known,
      events.map(({ payload, type }) => ({ type, data: payload }))
    )
  }
  const append: Promised.Calls["append"] = (id, revision, events) => {
    const [first, ...rest] = Arr.map(events, (event, index) =>
      detail(id, revision + index + 1, event)
    )
    return rest.length === 0
      ? store.pushEvent(first)
      : EventStore.pushEventGroup(
          {},
          store.groupEvent(first),
          ...rest.map((one) => store.groupEvent(one))
        )
  }
  return {
    append,
    load,
    execute: async (id, n) => {
      const { revision, state } = await load(id, Baskets.nothing)
      await append(id, revision, [Baskets.decide(n, state)])
    },
    isConflict: isEventAlreadyExistsError
  }
}
