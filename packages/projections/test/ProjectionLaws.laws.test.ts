import type * as Projection from "@daybook/kernel/Projection"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { products, type TillAggregate } from "./Till.ts"
import { kept, laws, type Moves } from "./tillLaws.ts"

const LEASE = "40 millis"

const stores = Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)

LawSuite.suite("Read models in memory", laws(LEASE), stores, { runs: 60 })

/** Moves of all kinds, enough to expose each broken version. */
const eventful: Moves = [
  { _tag: "Execute", instance: 0, commands: [sell("tea", 250), sell("mug", 1_000)] },
  { _tag: "CatchUp" },
  { _tag: "Execute", instance: 1, commands: [sell("tea", 250), sell("tea", 1)] },
  { _tag: "Crash", when: "after", steps: 0 },
  { _tag: "CatchUp" },
  { _tag: "Execute", instance: 0, commands: [{ _tag: "Refund", product: "tea", cents: 250 }] },
  { _tag: "CatchUp" }
]

function sell(product: "tea" | "mug", cents: 250 | 1_000 | 1) {
  return { _tag: "Sell", product, cents } as const
}

const broken = (
  change: (rows: ReadModelStore["Service"]) => Partial<ReadModelStore["Service"]>
): Layer.Layer<EventStore | ReadModelStore> =>
  Layer.merge(
    EventStoreMemory.layer,
    Layer.effect(
      ReadModelStore,
      Effect.map(ReadModelStoreMemory.make, (rows) => ({ ...rows, ...change(rows) }))
    )
  )

const fails = (
  stores: Layer.Layer<EventStore | ReadModelStore>,
  twin?: (till: TillAggregate, name: string) => Projection.Any
) =>
  Effect.gen(function* () {
    const law = kept(eventful, { lease: LEASE, ...(twin === undefined ? {} : { twin }) })
    const exit = yield* Effect.exit(Effect.provide(law, stores))
    assert.isTrue(Exit.isFailure(exit))
  })

describe("The law of read models catches", () => {
  it.live("nothing about stores and definitions that keep it", () =>
    Effect.provide(kept(eventful, { lease: LEASE }), stores)
  )

  it.live("a checkpoint that is saved apart from the rows", () =>
    fails(
      broken((rows) => {
        let steps = 0
        return {
          advance: (table, claim, step) =>
            Effect.gen(function* () {
              yield* rows.advance(table, claim, { ...step, to: step.from })
              // Every third time, the connection is lost between the two.
              if (steps++ % 3 === 1) {
                return yield* new ReadModelStoreError({ operation: "advance", cause: "lost" })
              }
              const changes = { upserts: [], deletions: [] }
              yield* rows.advance(table, claim, { ...step, changes })
            })
        }
      })
    )
  )

  it.live("a redelivered page that is folded again", () =>
    fails(
      broken((rows) => {
        let steps = 0
        return {
          // Every third time, the checkpoint stays where it was, so the page comes again.
          advance: (table, claim, step) =>
            Effect.gen(function* () {
              if (steps++ % 3 !== 1) return yield* rows.advance(table, claim, step)
              const states = yield* rows.states(claim.name)
              const state = states.find(({ generation }) => generation === claim.generation)
              const event = state?.anchors[step.partition] ?? null
              yield* rows.advance(table, claim, { ...step, to: step.from, event })
            })
        }
      })
    )
  )

  it.live("a store that loses a part of a column", () =>
    fails(
      broken((rows) => ({
        advance: (table, claim, step) => {
          const upserts = step.changes.upserts.map((row) =>
            "log" in row ? { ...row, log: [] } : row
          )
          return rows.advance(table, claim, { ...step, changes: { ...step.changes, upserts } })
        }
      }))
    )
  )

  it.live("a refund that is not counted", () =>
    fails(stores, (till, name) => {
      const right: Projection.Any = products(till, name)
      return {
        ...right,
        keys: (event, recorded) => right.keys(event, recorded),
        apply: (row, event, applied) =>
          applied.recorded.type === "Refunded" ? row : right.apply(row, event, applied)
      }
    })
  )
})
