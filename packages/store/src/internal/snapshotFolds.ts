/**
 * What there is to know of an aggregate before its snapshots are found or taken.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Cause from "effect/Cause"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FoldFingerprint from "../FoldFingerprint.ts"
import * as Metrics from "./handlerMetrics.ts"
import { make as makeTries, type SnapshotTries } from "./snapshotTries.ts"

/** An aggregate's fold: how to tell it from others, its states as JSON, and what was taken of them. */
export interface Fold<in out State> {
  readonly fingerprint: FoldFingerprint.FoldFingerprint
  readonly encode: (state: State) => Result.Result<Schema.Json, Schema.SchemaError>
  readonly decode: (json: unknown) => Result.Result<State, unknown>
  readonly tries: SnapshotTries
}

/**
 * Looks at each aggregate once, when it is first used; an aggregate without fingerprint has no fold.
 * `maxTries`: of how many streams of each it is kept what was tried.
 */
export const makeFolds = Effect.fnUntraced(function* (maxTries: number) {
  const digest = yield* Digest.Digest
  const folds = new WeakMap<object, Effect.Effect<Fold<unknown> | undefined>>()
  return <Command, State, Event, Rejection>(
    aggregate: Aggregate<Command, State, Event, Rejection>
  ): Effect.Effect<Fold<State> | undefined> =>
    Effect.suspend(() => {
      // What is kept for an aggregate was made from it, so that its states have the right type.
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
      const decode = Schema.decodeUnknownResult(json)
      return {
        fingerprint,
        tries: makeTries(maxTries),
        encode: Schema.encodeUnknownResult(json),
        // Checks are the user's code, and may throw on a state that they never saw.
        decode: (state: unknown) =>
          Result.flatMap(
            Result.try(() => decode(state)),
            identity
          )
      }
    }),
    Effect.catchTag("NoFoldFingerprint", (error) =>
      Effect.logWarning(`${aggregate.category} has no snapshots`, Cause.fail(error)).pipe(
        Effect.andThen(Metrics.fingerprintsMissing({ category: aggregate.category })),
        Effect.as(undefined)
      )
    )
  )
