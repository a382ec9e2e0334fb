/**
 * The snapshot store in memory: the reference that defines the answers of every other one. Its
 * contents end with its process.
 *
 * @since 0.1.0
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { type EncodedSnapshot, encodeSnapshot } from "./internal/snapshot/encode.ts"
import { instrument } from "./internal/snapshot/instrument.ts"
import { MAX_OTHER_FOLDS, SnapshotStore } from "./SnapshotStore.ts"

/**
 * Makes an empty store of its own; two of them share nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<SnapshotStore["Service"]> = Effect.sync(() => {
  /** The snapshots of each stream, newest first. */
  const streams = new Map<StreamId, ReadonlyArray<EncodedSnapshot>>()
  const of = (streamId: StreamId) => streams.get(streamId) ?? []
  return instrument({
    load: (streamId, { atOrBelow = Number.POSITIVE_INFINITY, fingerprint } = {}) =>
      Effect.sync(() => {
        const found = of(streamId).find(
          (snapshot) =>
            snapshot.revision <= atOrBelow &&
            (fingerprint === undefined || snapshot.fingerprint === fingerprint)
        )
        return Option.map(Option.fromUndefinedOr(found), (snapshot) => ({
          ...snapshot,
          // The text is what `encodeSnapshot` wrote from a value of the same type.
          state: JSON.parse(snapshot.state) as Schema.Json
        }))
      }),
    save: (snapshot) =>
      Effect.map(
        Effect.suspend(() => Effect.fromResult(encodeSnapshot(snapshot))),
        (saved) => {
          const others = of(saved.streamId).filter(({ revision }) => revision !== saved.revision)
          const all = [...others, saved].toSorted((a, b) => b.revision - a.revision)
          streams.set(saved.streamId, all)
        }
      ),
    prune: ({ fingerprint, revision, streamId }, keep) =>
      Effect.sync(() => {
        const all = of(streamId)
        const others = Arr.dedupe(all.map((snapshot) => snapshot.fingerprint))
          .filter((other) => other !== fingerprint)
          .slice(0, MAX_OTHER_FOLDS)
        const kept = [fingerprint, ...others].flatMap((fold) =>
          all.filter((snapshot) => snapshot.fingerprint === fold).slice(0, keep)
        )
        streams.set(
          streamId,
          all.filter((snapshot) => kept.includes(snapshot) || snapshot.revision === revision)
        )
      }),
    delete: (streamId, only) =>
      Effect.sync(() => {
        const kept = of(streamId).filter(
          ({ event, revision }) =>
            only !== undefined && (revision !== only.revision || event !== only.event)
        )
        streams.set(streamId, kept)
      })
  })
})

/**
 * Builds an empty snapshot store of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<SnapshotStore> = Layer.effect(SnapshotStore, make)
