import { LeaseLost } from "@daybook/reactors/ConsumerGroup"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { judgeOnce, judgeOrder, type Mistake, play, Round } from "./hostsWorld.ts"

/** The number of histories that each law is tried on. */
const RUNS = 12

const rounds = (isHonest: boolean) => () =>
  Arbitrary.schema(
    Schema.Array(Round).pipe(
      Schema.check(
        Schema.isMinLength(3),
        Schema.isMaxLength(6),
        Schema.makeFilter((all) => !isHonest || all.every(({ act }) => act !== "deceive"))
      )
    )
  )

const lawsFor = (mistake?: Mistake): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "no event is missed, and those of a key are handled one after another, in order",
    inputs: rounds(true),
    problem: (all) =>
      Effect.map(play(all, false, mistake), ({ counts, marks }) => judgeOrder(marks, counts, true)),
    runs: RUNS
  }),
  Law.make({
    name: "no event is missed when hosts do not notice that they lost their leases",
    inputs: rounds(false),
    problem: (all) =>
      Effect.map(play(all, false, mistake), ({ counts, marks }) =>
        judgeOrder(marks, counts, false)
      ),
    runs: RUNS
  }),
  Law.make({
    name: "what commits with the checkpoint takes effect once, in the order of the key",
    inputs: rounds(false),
    problem: (all) =>
      Effect.map(play(all, true, mistake), ({ counts, marks }) => judgeOnce(marks, counts)),
    runs: RUNS
  })
]

LawSuite.suite("Hosts of a group", lawsFor())

const changed = (change: (driver: GroupDriver) => Partial<GroupDriver>): Mistake => ({
  driver: (driver) => ({ ...driver, ...change(driver) })
})

/** The mistakes, each with part of the name of the law that must find it. */
const mistakes: Readonly<Record<string, readonly [finds: string, breakIt: Mistake]>> = {
  "keeps work of a lease that is lost": [
    "takes effect once",
    changed((driver) => ({
      commit: (lease, checkpoint, work) =>
        driver.commit(lease, checkpoint, work).pipe(
          Effect.catchIf(
            (error) => error instanceof LeaseLost,
            () => (work === undefined ? Effect.undefined : work)
          )
        )
    }))
  ],
  "hands a range over before its consumer has returned": [
    "one after another",
    changed((driver) => ({
      tick: (name, host) => driver.tick(name, { ...host, released: host.draining })
    }))
  ],
  "commits a page before it is handled": [
    "one after another",
    {
      consumer: (assignment) => ({
        ...assignment,
        pages: Stream.tap(assignment.pages, ({ checkpoint }) =>
          Effect.ignore(assignment.commit(checkpoint))
        )
      })
    }
  ],
  "begins a range where another one is": [
    "one after another",
    changed((driver) => ({
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
  ]
}

describe("The laws catch a store or a consumer that", () => {
  for (const [mistake, [finds, breakIt]] of Object.entries(mistakes)) {
    it.live(
      mistake,
      () =>
        Effect.gen(function* () {
          const found = lawsFor(breakIt).filter(({ name }) => name.includes(finds))
          assert.lengthOf(found, 1)
          // About one history in thirty shows some of the mistakes.
          const broken = yield* Law.broken(found, { runs: 400, maxShrinks: 0 })
          assert.lengthOf(broken, 1)
        }),
      400_000
    )
  }
})
