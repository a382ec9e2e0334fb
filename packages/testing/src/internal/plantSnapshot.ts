/**
 * Puts a right or wrong snapshot into a store without its handler's knowledge.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as StreamIds from "@daybook/kernel/StreamId"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * A snapshot to plant, `back` revisions before the end of its stream.
 *
 * **Details**
 * `right`: as a handler would save it. `stale`: of an older fold. `corrupted`: it does not decode.
 * `beyond`: past the end, as after a restore of the log from a backup. `foreign`: of a history that
 * the log does not have, as after such a restore. All wrong ones that decode hold the initial
 * state.
 */
export const Plant = Schema.TaggedStruct("Plant", {
  kind: Schema.Literals([
    "right",
    "right",
    "right",
    "right",
    "stale",
    "corrupted",
    "beyond",
    "foreign"
  ]),
  back: Schema.Literals([0, 0, 1, 2, 4])
})

export type Plant = typeof Plant.Type

/**
 * Builds a function that plants snapshots of one stream. `plain` is a handler that reads no
 * snapshots.
 */
export const makePlanter = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  streamId: StreamId,
  plain: CommandHandler["Service"]
) {
  const events = yield* EventStore
  const snapshots = yield* SnapshotStore
  const id = StreamIds.id(streamId)
  const json = Schema.toCodecJson(aggregate.state)
  const encode = Schema.encodeUnknownEffect(json)
  const decode = Schema.decodeUnknownResult(json)
  const undecodable = [null, "nothing", -1.5, { no: "state" }, []].find((value) =>
    Result.isFailure(decode(value))
  )
  return Effect.fnUntraced(function* ({ back, kind }: Plant) {
    const end = (yield* plain.load(aggregate, id)).revision
    const at = kind === "beyond" ? end + 1 + back : end - back
    if (at < 1) return
    const revision = Revision.make(at)
    const [event] = yield* Stream.runCollect(
      events.read(streamId, { from: revision, to: revision })
    )
    const right = yield* encode((yield* plain.loadAt(aggregate, id, { revision })).state)
    const initial = yield* encode(aggregate.decider.initialState)
    const mark =
      event === undefined || kind === "foreign"
        ? EventMark.at(EventId.make(SecureRandom.uuidV4Unsafe()), 0)
        : EventMark.of(event)
    const fold = yield* fingerprintOf(aggregate)
    const fingerprint = kind === "stale" ? otherFold : fold
    const state = kind === "right" ? right : kind === "corrupted" ? undecodable : initial
    if (state !== undefined) {
      yield* snapshots.save({ streamId, revision, event: mark, fingerprint, state })
    }
  })
})

const otherFold = FoldFingerprint.FoldFingerprint.make("0".repeat(64))

/** Caches the fingerprint of each aggregate, because a law is checked many times. */
const fingerprints = new WeakMap<object, FoldFingerprint.FoldFingerprint>()

const fingerprintOf = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>
) {
  const known = fingerprints.get(aggregate)
  if (known !== undefined) return known
  const fingerprint = yield* Effect.provide(FoldFingerprint.make(aggregate), Digest.layerWebCrypto)
  fingerprints.set(aggregate, fingerprint)
  return fingerprint
})
