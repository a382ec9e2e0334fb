/**
 * The torture of a cluster, one attack of a kind: by `pnpm torture --cluster` there are more.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Attacks from "./torture/cluster/attacks.ts"
import { torture } from "./torture/cluster/torture.ts"

const attacked = (quorum: 0 | 1, kinds: ReadonlyArray<Attacks.Kind>) =>
  Effect.suspend(() => {
    const left = [...kinds]
    return torture(
      quorum,
      Effect.sync(() => Option.fromUndefinedOr(left.shift()))
    )
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))

const wrong = ({ failures, messages }: Effect.Success<ReturnType<typeof attacked>>) =>
  Object.entries(failures)
    .filter(([, count]) => count > 0)
    .concat(messages.map((message) => [message, 1]))

it.live(
  "A quorum keeps each acknowledged command when the primary is killed, and when it hangs",
  () =>
    Effect.gen(function* () {
      const outcome = yield* attacked(1, ["primary-killed", "primary-frozen"])
      assert.deepStrictEqual(wrong(outcome), [])
      assert.deepStrictEqual([outcome.lost, outcome.failovers], [0, 2])
    }),
  300_000
)

it.live(
  "Asynchronous standbys lose acknowledged commands, which every subscriber notices",
  () =>
    Effect.gen(function* () {
      const outcome = yield* attacked(0, ["primary-behind"])
      assert.deepStrictEqual(wrong(outcome), [])
      assert.isAbove(outcome.lost, 0)
      assert.isAtLeast(outcome.noticed, 3)
    }),
  300_000
)
