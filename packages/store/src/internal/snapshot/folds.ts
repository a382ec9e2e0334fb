/**
 * The folds of aggregates: the fingerprints and codecs by which snapshots are found and taken.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Cause from "effect/Cause"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FoldFingerprint from "../../FoldFingerprint.ts"
import * as Metrics from "../command/metrics.ts"
import { make as makeTries, type SnapshotTries } from "./tries.ts"

/** An aggregate's fold: its fingerprint, its states as JSON, and the snapshots tried so far. */
export interface Fold<in out State> {
  readonly fingerprint: FoldFingerprint.FoldFingerprint
  readonly encode: (state: State) => Result.Result<Schema.Json, Schema.SchemaError>
  readonly decode: (json: unknown) => Result.Result<State, unknown>
  /** Returns true if two states are the same in their stored form. */
  readonly isSame: (known: State, folded: State) => boolean
  readonly tries: SnapshotTries
}

/**
 * Makes the fold of each aggregate once, at its first use; an aggregate without fingerprint has
 * none.
 * `maxTries`: the number of streams of each aggregate whose tries are remembered.
 */
export const makeFolds = Effect.fnUntraced(function* (maxTries: number) {
  const digest = yield* Digest.Digest
  const folds = new WeakMap<object, Effect.Effect<Fold<unknown> | undefined>>()
  return <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>
  ): Effect.Effect<Fold<State> | undefined> =>
    Effect.suspend(() => {
      // The fold under an aggregate was made from it, so its states have the right type.
      const known = folds.get(aggregate) as Effect.Effect<Fold<State> | undefined> | undefined
      if (known !== undefined) return known
      return Effect.flatMap(
        Effect.cached(Effect.uninterruptible(makeFold(aggregate, digest, maxTries))),
        (fold) => {
          folds.set(aggregate, fold as Effect.Effect<Fold<unknown> | undefined>)
          return fold
        }
      )
    })
})

const makeFold = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  digest: Digest.Digest["Service"],
  maxTries: number
): Effect.Effect<Fold<State> | undefined> =>
  FoldFingerprint.make(aggregate).pipe(
    Effect.provideService(Digest.Digest, digest),
    Effect.map((fingerprint) => {
      const json = Schema.toCodecJson(aggregate.state)
      const decodeResult = Schema.decodeUnknownResult(json)
      const encode = Schema.encodeUnknownResult(json)
      // Checks are user code, and may throw on a state that they never saw.
      const decode = (state: unknown) =>
        Result.flatMap(
          Result.try(() => decodeResult(state)),
          identity
        )
      return {
        fingerprint,
        tries: makeTries(maxTries),
        encode,
        decode,
        isSame: sameStored(aggregate.state, encode, decode)
      }
    }),
    Effect.catchTag("NoFoldFingerprint", (error) =>
      Effect.logWarning(`${aggregate.category} has no snapshots`, Cause.fail(error)).pipe(
        Effect.andThen(Metrics.fingerprintsMissing({ category: aggregate.category })),
        Effect.as(undefined)
      )
    )
  )

/** `Equal` remembers what it compared, and a fold that changes a state in place must be noticed. */
const copyOf = (json: Schema.Json): Schema.Json => JSON.parse(JSON.stringify(json)) as Schema.Json

/**
 * Compares states by their JSON, then by the schema's equivalence after decoding: states may hold
 * more than is stored, and sets may be stored in another order.
 */
const sameStored = <State>(
  schema: Schema.Codec<State, unknown>,
  encode: (state: State) => Result.Result<Schema.Json, Schema.SchemaError>,
  decode: (json: unknown) => Result.Result<State, unknown>
): ((known: State, folded: State) => boolean) => {
  const equivalence = Result.try(() => Schema.toEquivalence(schema))
  const stored = (state: State) => Result.try(() => Result.getOrThrow(encode(state)))
  return (known, folded) => {
    const [left, right] = [stored(known), stored(folded)]
    if (Result.isFailure(left) || Result.isFailure(right)) return false
    if (Equal.equals(copyOf(left.success), copyOf(right.success))) return true
    const [a, b] = [decode(left.success), decode(right.success)]
    return (
      Result.isSuccess(equivalence) &&
      Result.isSuccess(a) &&
      Result.isSuccess(b) &&
      Result.getOrElse(
        Result.try(() => equivalence.success(a.success, b.success)),
        () => false
      )
    )
  }
}
