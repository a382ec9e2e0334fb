import * as Position from "@daybook/kernel/Position"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { MaxOpsBeforeYield } from "effect/Scheduler"
import { aggregateOf, takings } from "./Till.ts"
import { type Folding, take } from "./taking.ts"

const at = (position: number) => Position.make(BigInt(position))

/** Makes a step up to a position, with a row that holds the position. */
const step = (from: number, to: number): Folding<never> => ({
  partition: 0,
  from: at(from),
  to: at(to),
  event: null,
  keys: [{ tillId: "1" }],
  fold: () =>
    Result.succeed({
      upserts: [{ tillId: "1", cents: to, sales: to, last: "2026-01-01T00:00:00.000Z" }],
      deletions: []
    }),
  events: 1,
  eventsPerSecond: 0
})

describe("A switch to rebuilt rows in memory", () => {
  it.live("compares with what serves while that stands still", () =>
    Effect.gen(function* () {
      const table = yield* Effect.fromResult(
        ReadModelTable.make(takings(aggregateOf("till"), "takings"))
      )
      const lease = Duration.minutes(1)
      // Tries all points at which one fiber can yield to the other.
      for (let operations = 3; operations < 40; operations++) {
        const store = yield* ReadModelStoreMemory.make
        const { serving } = yield* store.open(table)
        const kept = Option.getOrThrow(yield* store.claim(serving, "keeper", lease))
        yield* take(store, table, kept, step(0, 1))
        const begun = yield* store.beginShadow(table, { parallelism: 1, owner: "builder", lease })
        const built = Option.getOrThrow(begun.claim)
        const switched = store
          .promote(table, built, {
            compare: true,
            catchUp: ({ checkpoints: [position] }) =>
              take(store, table, built, step(0, Number(position)))
          })
          .pipe(Effect.provideService(MaxOpsBeforeYield, operations))
        const keeping = Effect.gen(function* () {
          for (let from = 1; from < 200; from++) {
            yield* take(store, table, kept, step(from, from + 1))
            yield* Effect.yieldNow
          }
        }).pipe(Effect.catchTag("ClaimLost", () => Effect.void))
        const [{ generation }] = yield* Effect.all([switched, keeping], {
          concurrency: "unbounded"
        })
        assert.strictEqual(generation, 2)
      }
    })
  )
})
