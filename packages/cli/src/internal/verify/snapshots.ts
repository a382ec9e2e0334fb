/**
 * Compares each snapshot with the state that the events up to it make.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import { type Snapshot, SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import * as Subject from "../config/subject.ts"
import * as Differences from "../output/differences.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import { type Check, fault, unchecked, well } from "./report.ts"

export const check = Effect.fnUntraced(function* ({ aggregates }: DaybookConfig, draw: Draw) {
  const subjects = new Map(aggregates.map((one) => [one.category, Subject.make(one)]))
  let equal = 0
  let others = 0
  let faults = 0
  let first: Check | undefined
  const unknown = new Map<string, number>()
  yield* Stream.runForEach(SnapshotStorePostgres.streams, (streamId) =>
    Effect.gen(function* () {
      const category = StreamId.category(streamId)
      const subject = subjects.get(category)
      if (subject === undefined) {
        unknown.set(category, (unknown.get(category) ?? 0) + 1)
        return
      }
      const fingerprint = yield* subject.fingerprint
      const all = yield* snapshotsOf(streamId)
      // Another fold's, such as an earlier release's: no state of it can be made here.
      const own = all.filter((one) => one.fingerprint === fingerprint)
      others += all.length - own.length
      for (const [snapshot, issue] of yield* compared(subject, streamId, own)) {
        if (issue === undefined) {
          equal += 1
          continue
        }
        faults += 1
        first ??= fault(
          "snapshots",
          `the snapshot of ${streamId} at revision ${snapshot.revision} ${issue}: delete it by daybook snapshots drop ${streamId}`,
          { streamId, revision: snapshot.revision }
        )
      }
      yield* draw(`${count(equal, "snapshot")} checked`)
    })
  )
  const checks: Array<Check> = [
    first === undefined
      ? well("snapshots", `${count(equal, "snapshot")} equal the replay of their streams`)
      : faults === 1
        ? first
        : { ...first, detail: `${first.detail}; ${faults - 1} more` }
  ]
  if (others > 0) {
    checks.push(
      unchecked("snapshots of other folds", `${count(others, "snapshot")}: other code took them`)
    )
  }
  for (const [category, streams] of unknown) {
    checks.push(
      unchecked(
        `snapshots of ${category}`,
        `${count(streams, "stream")}: the configuration has no aggregate of the category`
      )
    )
  }
  return checks
})

/** Returns the snapshots of a stream, oldest first. */
const snapshotsOf = Effect.fnUntraced(function* (streamId: StreamId.StreamId) {
  const store = yield* SnapshotStore
  const found: Array<Snapshot> = []
  let next = yield* store.load(streamId)
  while (Option.isSome(next)) {
    found.unshift(next.value)
    if (next.value.revision <= 1) break
    next = yield* store.load(streamId, { atOrBelow: Revision.make(next.value.revision - 1) })
  }
  return found
})

/** Returns the issue of each snapshot, undefined for one that is well. */
const compared = Effect.fnUntraced(function* (
  subject: Subject.Subject,
  streamId: StreamId.StreamId,
  snapshots: ReadonlyArray<Snapshot>
) {
  const answers: Array<readonly [Snapshot, string | undefined]> = []
  const last = snapshots.at(-1)
  if (last === undefined) return answers
  const store = yield* EventStore
  const waiting = [...snapshots]
  let state = subject.initial
  let stopped: string | undefined
  yield* Stream.runForEach(store.read(streamId, { to: last.revision }), (event) =>
    Effect.sync(() => {
      if (stopped !== undefined) return
      const next = subject.evolve(state, event)
      if (Result.isFailure(next)) {
        stopped = `can't be compared: revision ${next.failure.revision}: ${next.failure.issue}`
        return
      }
      state = next.success
      if (waiting[0]?.revision !== event.revision) return
      const snapshot = waiting.shift()
      if (snapshot === undefined) return
      if (snapshot.event !== EventMark.of(event)) {
        answers.push([snapshot, "is of another event"])
        return
      }
      const encoded = subject.encode(state)
      if (Result.isFailure(encoded)) {
        answers.push([snapshot, `can't be compared: ${encoded.failure}`])
        return
      }
      const [difference] = Differences.between(snapshot.state, encoded.success)
      answers.push([
        snapshot,
        difference === undefined
          ? undefined
          : `has ${Differences.textOf(difference.before)} at ${difference.path}, and the replay ${Differences.textOf(difference.after)}`
      ])
    })
  )
  for (const snapshot of waiting) {
    answers.push([snapshot, stopped ?? "is past the end of its stream"])
  }
  return answers
})
