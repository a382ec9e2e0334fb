/**
 * The states that count as equal when one was stored and the other folded.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import { assert, it } from "@effect/vitest"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { makeFolds } from "../src/internal/snapshot/folds.ts"

const Seen = Schema.TaggedUnion({ Seen: { what: Schema.String } })

const State = Schema.Struct({
  names: Schema.HashSet(Schema.String),
  counts: Schema.Record(Schema.String, Schema.Int),
  words: Schema.Array(Schema.String)
})
type State = typeof State.Type

const initialState: State = { names: HashSet.empty(), counts: {}, words: [] }

const aggregate = Aggregate.make({
  category: "seen",
  decider: Decider.make({
    initialState,
    decide: (what: string) => Result.succeed([Seen.cases.Seen.make({ what })]),
    evolve: (state: State, { what }: typeof Seen.Type): State => ({
      ...state,
      names: HashSet.add(state.names, what)
    })
  }),
  codec: EventCodec.make({ name: "seen", events: Seen }),
  state: State
})

const state = (
  names: ReadonlyArray<string>,
  counts: Readonly<Record<string, number>>,
  words: ReadonlyArray<string>
): State => ({ names: HashSet.fromIterable(names), counts, words })

it.effect(
  "States are the same though keys and members came in another order, and no others are",
  () =>
    Effect.gen(function* () {
      const fold = yield* (yield* makeFolds(1))(aggregate)
      if (fold === undefined) return assert.fail("its fold has a fingerprint")
      const names = Array.from({ length: 40 }, (_, n) => `name ${n}`)
      const kept = state(names, { a: 1, b: 2 }, ["x", "y"])
      const same = [
        state(names.toReversed(), { a: 1, b: 2 }, ["x", "y"]),
        state(names, { b: 2, a: 1 }, ["x", "y"]),
        // Fields that the schema does not store.
        { ...kept, more: 1 }
      ]
      const others = [
        state(names.slice(1), { a: 1, b: 2 }, ["x", "y"]),
        state(names, { a: 1, b: 3 }, ["x", "y"]),
        state(names, { a: 1 }, ["x", "y"]),
        state(names, { a: 1, b: 2 }, ["y", "x"]),
        // The schema refuses it, so that no snapshot could hold it.
        state(names, { a: 1, b: 2.5 }, ["x", "y"])
      ]
      for (const one of same) assert.isTrue(fold.isSame(kept, one))
      for (const one of others) assert.isFalse(fold.isSame(kept, one))
    }).pipe(Effect.provide(Digest.layerWebCrypto))
)
