import { LeaseLost } from "@daybook/reactors/ConsumerGroup"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { judgeOnce, judgeOrder, type Mistake, play, Step } from "./hostsWorld.ts"

const inputs = () => Arbitrary.schema(Schema.Array(Step))

const lawsFor = (mistake?: Mistake): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "no event is missed, and those of a key are handled one after another, in order",
    inputs: () =>
      Arbitrary.schema(
        Schema.Array(Step).pipe(
          Schema.check(Schema.makeFilter((steps) => steps.every(({ _tag }) => _tag !== "Deceive")))
        )
      ),
    problem: (steps) =>
      Effect.map(play(steps, false, mistake), ({ counts, marks }) =>
        judgeOrder(marks, counts, true)
      ),
    runs: 25,
    size: 16
  }),
  Law.make({
    name: "no event is missed when hosts do not notice that they lost their leases",
    inputs,
    problem: (steps) =>
      Effect.map(play(steps, false, mistake), ({ counts, marks }) =>
        judgeOrder(marks, counts, false)
      ),
    runs: 25,
    size: 16
  }),
  Law.make({
    name: "what commits with the checkpoint takes effect once, in the order of the key",
    inputs,
    problem: (steps) =>
      Effect.map(play(steps, true, mistake), ({ counts, marks }) => judgeOnce(marks, counts)),
    runs: 25,
    size: 16
  })
]

LawSuite.suite("Hosts of a group", lawsFor())

const changed = (change: (driver: GroupDriver) => Partial<GroupDriver>): Mistake => ({
  driver: (driver) => ({ ...driver, ...change(driver) })
})

const mistakes: Readonly<Record<string, Mistake>> = {
  "keeps work of a lease that is lost": changed((driver) => ({
    commit: (lease, checkpoint, work) =>
      driver.commit(lease, checkpoint, work).pipe(
        Effect.catchIf(
          (error) => error instanceof LeaseLost,
          () => (work === undefined ? Effect.undefined : work)
        )
      )
  })),
  "hands a range over before its consumer has returned": changed((driver) => ({
    tick: (name, host) => driver.tick(name, { ...host, released: host.draining })
  })),
  "commits a page before it is handled": {
    consumer: (assignment) => ({
      ...assignment,
      pages: Stream.tap(assignment.pages, ({ checkpoint }) =>
        Effect.ignore(assignment.commit(checkpoint))
      )
    })
  },
  "begins a range where another one is": changed((driver) => ({
    tick: (name, host) =>
      Effect.map(driver.tick(name, host), (ticked) => {
        const furthest = ticked.own.reduce(
          (most, { checkpoint }) =>
            most === undefined || checkpoint.position > most.position ? checkpoint : most,
          ticked.own[0]?.checkpoint
        )
        return {
          ...ticked,
          own: ticked.own.map((range) => ({ ...range, checkpoint: furthest ?? range.checkpoint }))
        }
      })
  }))
}

describe("The laws catch a store or a consumer that", () => {
  for (const [mistake, breakIt] of Object.entries(mistakes)) {
    it.effect(
      mistake,
      () =>
        Effect.map(Law.broken(lawsFor(breakIt), { runs: 100, maxShrinks: 0 }), (found) =>
          assert.isNotEmpty(found)
        ),
      60_000
    )
  }
})
