/**
 * The rules of snapshot stores.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Revision from "@daybook/kernel/Revision"
import { FoldFingerprint } from "@daybook/store/FoldFingerprint"
import {
  type LoadOptions,
  MAX_OTHER_FOLDS,
  MAX_STATE_BYTES,
  type Snapshot,
  SnapshotRefused,
  SnapshotStore
} from "@daybook/store/SnapshotStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as assert from "../assert.ts"
import type { Cases } from "./cases.ts"
import { freshId, freshStream } from "./eventStore/fixture.ts"
import { notJson, roundTrips } from "./eventStore/jsonValues.ts"

const fold = FoldFingerprint.make("0f".repeat(32))
const otherFold = FoldFingerprint.make("f0".repeat(32))

const freshMark = () => EventMark.at(freshId(), 1)

/** Builds snapshots of one fresh stream. */
const makeStream = () => {
  const streamId = freshStream()
  return (revision: number, fields?: Partial<Snapshot>): Snapshot => ({
    streamId,
    revision: Revision.make(revision),
    event: freshMark(),
    fingerprint: fold,
    state: { revision },
    ...fields
  })
}

const save = (...snapshots: ReadonlyArray<Snapshot>) =>
  Effect.flatMap(SnapshotStore, (store) => Effect.forEach(snapshots, store.save, { discard: true }))

const load = ({ streamId }: Snapshot, options?: LoadOptions) =>
  Effect.flatMap(SnapshotStore, (store) => store.load(streamId, options)).pipe(
    Effect.map(Option.getOrUndefined)
  )

const atOrBelow = (revision: number): LoadOptions => ({ atOrBelow: Revision.make(revision) })

export const snapshotStoreCases: Cases<SnapshotStore> = {
  "returns none for a stream without snapshots": Effect.gen(function* () {
    assert.isUndefined(yield* load(makeStream()(1)))
  }),

  "loads the newest, or the newest at or below a revision": Effect.gen(function* () {
    const snapshot = makeStream()
    const [one, five, nine] = [snapshot(1), snapshot(5), snapshot(9)]
    yield* save(five, nine, one)
    assert.deepStrictEqual(yield* load(one), nine)
    assert.deepStrictEqual(yield* load(one, atOrBelow(Number.MAX_SAFE_INTEGER)), nine)
    assert.deepStrictEqual(yield* load(one, atOrBelow(9)), nine)
    assert.deepStrictEqual(yield* load(one, atOrBelow(8)), five)
    assert.deepStrictEqual(yield* load(one, atOrBelow(5)), five)
    assert.isUndefined(yield* load(one, atOrBelow(0)))
  }),

  "loads the newest of a fold": Effect.gen(function* () {
    const snapshot = makeStream()
    const [mine, theirs] = [snapshot(2), snapshot(3, { fingerprint: otherFold })]
    yield* save(mine, theirs)
    assert.deepStrictEqual(yield* load(mine), theirs)
    assert.deepStrictEqual(yield* load(mine, { fingerprint: fold }), mine)
    assert.isUndefined(yield* load(mine, { ...atOrBelow(1), fingerprint: fold }))
  }),

  "keeps the snapshots of two streams apart": Effect.gen(function* () {
    const store = yield* SnapshotStore
    const [one, other] = [makeStream()(1), makeStream()(2)]
    yield* save(one, other)
    yield* store.delete(other.streamId)
    assert.deepStrictEqual(yield* load(one), one)
    assert.isUndefined(yield* load(other))
  }),

  "changes nothing when the same snapshot is saved again": Effect.gen(function* () {
    const store = yield* SnapshotStore
    const snapshot = makeStream()
    const [one, two] = [snapshot(1), snapshot(2)]
    yield* save(one, two, two)
    yield* store.prune(two, 2)
    assert.deepStrictEqual(yield* load(one), two)
    assert.deepStrictEqual(yield* load(one, atOrBelow(1)), one)
  }),

  "replaces the snapshot of a revision by one that is saved later": Effect.gen(function* () {
    const snapshot = makeStream()
    const later = snapshot(1, { fingerprint: otherFold, state: "later" })
    yield* save(snapshot(1), later)
    assert.deepStrictEqual(yield* load(later), later)
    assert.isUndefined(yield* load(later, { fingerprint: fold }))
  }),

  "deletes all but the newest snapshots of a fold": Effect.gen(function* () {
    const store = yield* SnapshotStore
    const snapshot = makeStream()
    const [one, two, three] = [snapshot(1), snapshot(2), snapshot(3)]
    yield* save(three, one, two)
    yield* store.prune(three, 3)
    assert.deepStrictEqual(yield* load(one, atOrBelow(1)), one)
    yield* store.prune(three, 2)
    assert.isUndefined(yield* load(one, atOrBelow(1)))
    assert.deepStrictEqual(yield* load(one, atOrBelow(2)), two)
    assert.deepStrictEqual(yield* load(one), three)
  }),

  "keeps the snapshot that was just saved, though the stream had newer ones": Effect.gen(
    function* () {
      const store = yield* SnapshotStore
      const snapshot = makeStream()
      const [one, two, eight, nine] = [snapshot(1), snapshot(2), snapshot(8), snapshot(9)]
      yield* save(one, eight, nine, two)
      yield* store.prune(two, 2)
      assert.deepStrictEqual(yield* load(two, atOrBelow(7)), two)
      assert.isUndefined(yield* load(one, atOrBelow(1)))
      assert.deepStrictEqual(yield* load(one), nine)
    }
  ),

  "keeps the newest of each fold, of a bounded number of folds": Effect.gen(function* () {
    const store = yield* SnapshotStore
    const snapshot = makeStream()
    // Each fold has two snapshots; the fold with revisions 10 and 20 is the oldest.
    const folds = Array.from({ length: MAX_OTHER_FOLDS + 1 }, (_, n) => {
      const fingerprint = FoldFingerprint.make(String(n).repeat(64))
      return [snapshot(n + 10, { fingerprint }), snapshot(n + 20, { fingerprint })]
    })
    const [older, newer] = [snapshot(1), snapshot(2)]
    yield* save(older, newer, ...folds.flat())
    yield* store.prune(newer, 1)
    const left = yield* Effect.forEach([[older, newer], ...folds], ([first, second]) =>
      Effect.forEach([first, second], (saved) =>
        saved === undefined
          ? Effect.undefined
          : Effect.map(
              load(saved, { fingerprint: saved.fingerprint, atOrBelow: saved.revision }),
              (loaded) => loaded?.revision === saved.revision
            )
      )
    )
    const kept = [false, true]
    assert.deepStrictEqual(left, [kept, [false, false], ...folds.slice(1).map(() => kept)])
  }),

  "deletes all snapshots of a stream, or the one of an event": Effect.gen(function* () {
    const store = yield* SnapshotStore
    const snapshot = makeStream()
    const [one, two] = [snapshot(1), snapshot(2)]
    yield* save(one, two)
    yield* store.delete(one.streamId, { revision: two.revision, event: freshMark() })
    yield* store.delete(one.streamId, { revision: two.revision, event: one.event })
    assert.deepStrictEqual(yield* load(one), two)
    yield* store.delete(one.streamId, two)
    assert.deepStrictEqual(yield* load(one), one)
    yield* store.delete(one.streamId)
    assert.isUndefined(yield* load(one))
  }),

  "dies when fewer than one are to be kept": Effect.gen(function* () {
    const store = yield* SnapshotStore
    for (const keep of [0, -1, 1.5, Number.NaN]) {
      const exit = yield* Effect.exit(store.prune(makeStream()(1), keep))
      assert.isTrue(Exit.hasDies(exit), String(keep))
    }
  }),

  "returns states unchanged, down to the order of keys": Effect.gen(function* () {
    for (const [what, state] of roundTrips) {
      const snapshot = makeStream()(1, { state })
      yield* save(snapshot)
      const loaded = yield* load(snapshot)
      assert.deepStrictEqual(loaded, snapshot, what)
      assert.strictEqual(JSON.stringify(loaded?.state), JSON.stringify(state), what)
    }
  }),

  "refuses states that JSON cannot hold, rather than changing them": Effect.gen(function* () {
    for (const { name, value } of notJson) {
      // The types refuse most of these values; data from outside is not checked by types.
      const snapshot = makeStream()(1, { state: value as Schema.Json })
      assert.instanceOf(yield* Effect.flip(save(snapshot)), SnapshotRefused, name)
      assert.isUndefined(yield* load(snapshot))
    }
  }),

  "loads the largest state that it saves, and refuses one more byte": Effect.gen(function* () {
    // Its JSON text is longer by two quotes.
    const largest = makeStream()(2_147_483_647, { state: "x".repeat(MAX_STATE_BYTES - 2) })
    yield* save(largest)
    assert.isTrue((yield* load(largest))?.state === largest.state)
    const larger = { ...makeStream()(1), state: "x".repeat(MAX_STATE_BYTES - 1) }
    const refused = yield* Effect.flip(save(larger))
    assert.instanceOf(refused, SnapshotRefused)
    assert.deepStrictEqual(refused.reason, {
      _tag: "TooLarge",
      bytes: 16_776_193,
      limit: 16_776_192
    })
    assert.isUndefined(yield* load(larger))
  }),

  "refuses an invalid snapshot": Effect.gen(function* () {
    const snapshot = makeStream()
    for (const wrong of [
      snapshot(0),
      snapshot(2 ** 31),
      // Values of a caller without types.
      snapshot(1, { event: "7" as Snapshot["event"] }),
      snapshot(1, { fingerprint: "mine" as Snapshot["fingerprint"] }),
      snapshot(1, { streamId: "nobody" as Snapshot["streamId"] })
    ]) {
      const refused = yield* Effect.flip(save(wrong))
      assert.instanceOf(refused, SnapshotRefused)
      assert.strictEqual(refused.streamId, wrong.streamId)
    }
    assert.isUndefined(yield* load(snapshot(1)))
  })
}
