import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { aggregateOf, takings } from "./Till.ts"

describe("A log that delivers again", () => {
  it.live("counts the events of a page once that comes twice in a row", () =>
    Effect.gen(function* () {
      const till = aggregateOf("till")
      const projection = takings(till, "takings")
      const handler = yield* CommandHandler
      const events = yield* EventStore
      for (const product of ["tea", "mug", "tray"]) {
        yield* handler.execute(till, "1", { _tag: "Sell", product, cents: 100 })
      }
      const again = EventStore.of({
        ...events,
        subscribePages: (options) =>
          Stream.flatMap(events.subscribePages(options), (page) =>
            Stream.fromIterable([page, page, { ...page, events: page.events.slice(1) }])
          )
      })
      const host = yield* Layer.build(
        Projections.layer({ async: [projection] }).pipe(
          Layer.provide(Layer.succeed(EventStore, again))
        )
      )
      const head = yield* events.head
      yield* Context.get(host, Projections).waitFor("takings", head, "20 seconds")
      const rows = yield* Stream.runCollect(ReadModel.query(projection))
      assert.deepStrictEqual(
        rows.map(({ cents, sales }) => ({ cents, sales })),
        [{ cents: 300, sales: 3 }]
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(
        CommandHandler.layer.pipe(
          Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
        )
      )
    )
  )
})
