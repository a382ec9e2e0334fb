import * as Orders from "@daybook/benchmarks/Orders"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stream from "effect/Stream"
import * as Baskets from "../src/Baskets.ts"
import * as Rows from "../src/Rows.ts"
import * as Textbook from "../src/Textbook.ts"

const tampering: ReadonlyArray<readonly [name: string, statement: string, found: Rows.Found]> = [
  ["nothing wrong with what was appended", "SELECT", { events: 4, strangers: 0, gaps: 0 }],
  [
    "an event with other contents",
    "UPDATE events SET data = '{}' WHERE revision = 2",
    { events: 4, strangers: 1, gaps: 0 }
  ],
  [
    "an event that is gone from the middle",
    "DELETE FROM events WHERE revision = 2",
    { events: 3, strangers: 0, gaps: 1 }
  ],
  [
    "an event that is gone from the beginning",
    "DELETE FROM events WHERE revision = 1",
    { events: 3, strangers: 0, gaps: 1 }
  ]
]

layer(Layer.merge(PostgresServer.PostgresServer.layer, Reactivity.layer))("Rows.select", (it) => {
  for (const [name, statement, found] of tampering) {
    it.effect(`finds ${name}`, () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const sql = yield* PgClient.make({ url, maxConnections: 1 })
        yield* sql.unsafe(Textbook.schema)
        const parameters = Textbook.values("order-1", 0, Baskets.history(4))
        yield* sql.unsafe(Textbook.insert(4), parameters)
        yield* sql.unsafe(statement)
        assert.deepStrictEqual(yield* Rows.select(url, Textbook.rows), found)
      }).pipe(Effect.scoped)
    )
  }
})

it.effect("Rows.read finds events that are gone or have other contents", () =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = Orders.streamId("1")
    const events = Orders.history(4)
    yield* store.append({ streamId, expected: ExpectedRevision.noStream, events })
    const all = store.readAll()
    const gone = Stream.filter(all, ({ revision }) => revision !== 2)
    const changed = Stream.map(all, (event) => ({ ...event, data: {} }))
    assert.deepStrictEqual(yield* Rows.read(all), { events: 4, strangers: 0, gaps: 0 })
    assert.deepStrictEqual(yield* Rows.read(gone), { events: 3, strangers: 0, gaps: 1 })
    assert.deepStrictEqual(yield* Rows.read(changed), { events: 4, strangers: 4, gaps: 0 })
  }).pipe(Effect.provide(EventStoreMemory.layer))
)
