import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Rows from "../src/Rows.ts"

const cases: ReadonlyArray<readonly [name: string, found: Rows.Found]> = [
  ["fewer events than were acknowledged", { events: 1, strangers: 0, gaps: 0 }],
  ["more events than were acknowledged", { events: 3, strangers: 0, gaps: 0 }],
  ["events with other contents", { events: 2, strangers: 1, gaps: 0 }],
  ["streams with gaps", { events: 2, strangers: 0, gaps: 1 }]
]

for (const [name, found] of cases) {
  it.effect(`finds ${name}`, () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Rows.compare("a store", 2, found))
      assert.deepStrictEqual(error.found, found)
    })
  )
}
