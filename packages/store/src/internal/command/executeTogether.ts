/**
 * Decides commands on several streams and appends the resulting events all or none, and repeats
 * that until the append finds all streams in the states of the decision.
 *
 * The loop of one stream is `execute.ts`. Here the streams are loaded together, a stream that gets
 * no event is checked by the append, and one rejection rejects all commands. The proofs differ too:
 * one append shows that the command is new only for the streams that it writes.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { CommandRejected } from "../../CommandCall.ts"
import type { Executed } from "../../CommandHandler.ts"
import {
  type Append,
  type Appended,
  type AppendError,
  type Check,
  type EventStore,
  type WrongExpectedRevision
} from "../../EventStore.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"
import { isLostRace, takenIds, type Unwritten, unwritten } from "./afterUnwritten.ts"
import * as Decide from "./decideTogether.ts"
import type { ExecuteError } from "./execute.ts"
import { watching } from "./fold.ts"
import type { Load } from "./load.ts"
import * as Metrics from "./metrics.ts"

export interface TogetherOptions {
  readonly maxAttempts: number
  /** True inside a transaction of the caller, which has one connection. */
  readonly inTurn: boolean
}

type Answers = ReadonlyArray<Executed<unknown, unknown>>

/** Executes the commands of all parts, and answers them in the order of their places. */
export type ExecuteTogether = (
  parts: Decide.Parts,
  options: TogetherOptions
) => Effect.Effect<Result.Result<Answers, CommandRejected<unknown>>, ExecuteError>

export const make = (store: EventStore["Service"], load: Load): ExecuteTogether =>
  Effect.fnUntraced(function* (
    parts: Decide.Parts,
    { inTurn, maxAttempts }: TogetherOptions
  ): Effect.fn.Return<Result.Result<Answers, CommandRejected<unknown>>, ExecuteError> {
    const concurrency = inTurn ? 1 : "unbounded"
    const { callerSuppliedId } = parts[0].requests[0]
    const open = Effect.forEach(
      parts,
      ({ aggregate, requests, streamId }) =>
        load.open(aggregate, streamId, {
          watched: watching(callerSuppliedId ? requests : []),
          unread: true
        }),
      { concurrency }
    )
    /** Returns the first answers if the command is recorded. */
    const answered = Effect.gen(function* () {
      const folded = yield* Effect.forEach(
        parts,
        ({ aggregate, requests, streamId }) =>
          load.foldAll(aggregate, streamId, { watched: watching(requests) }),
        { concurrency }
      )
      const extent = Decide.extentOf(folded)
      if (extent === undefined) return undefined
      const answers = yield* Effect.forEach(
        parts,
        (part, index) => {
          const { progress } = Arr.getUnsafe(folded, index)
          const before = Decide.isFound(part, progress)
            ? Effect.succeed(progress)
            : Effect.map(
                load.foldAll(part.aggregate, part.streamId, { before: extent.first }),
                (fold) => fold.progress
              )
          return Effect.map(before, (base) => Decide.firstAnswers(part, progress, base, extent))
        },
        { concurrency }
      )
      yield* countAnswers(parts, answers)
      return Result.succeed(Decide.inOrder(parts, answers))
    })

    let loaded: ReadonlyArray<Decide.Loaded> = yield* open
    let attempt = 1
    while (true) {
      const decision = Decide.decideTogether(parts, loaded)
      if (decision._tag === "Recorded") {
        const first = yield* answered
        if (first !== undefined) return first
        // The log was restored since, from before the command.
        loaded = yield* open
        continue
      }
      const stale = Decide.stale(decision, loaded)
      if (stale.length > 0) {
        loaded = yield* refresh(load, parts, loaded, stale, concurrency)
        continue
      }
      if (callerSuppliedId && Decide.needsLookup(decision, loaded)) {
        if (yield* load.isRecorded(loaded.map(({ progress }) => progress))) {
          const first = yield* answered
          if (first !== undefined) return first
        }
        loaded = loaded.map((one) => ({ ...one, complete: true }))
      }
      if (decision._tag === "Refused") {
        const { error, part } = decision
        if (error._tag !== "CommandRejected") return yield* error
        yield* Metrics.answers(part.aggregate.category, [Result.fail(error)])
        return Result.fail(error)
      }
      const outcome = yield* append(store, loaded, decision.decided)
      switch (outcome._tag) {
        case "Appended": {
          const { appended } = outcome
          yield* remember(load, parts, loaded, decision.decided, appended)
          const answers = Decide.placed(decision.decided, appended)
          yield* countAnswers(parts, answers)
          return Result.succeed(Decide.inOrder(parts, answers))
        }
        case "AlreadyRecorded":
          return (yield* answered) ?? (yield* yield* outcome.conflict)
        case "Refused": {
          // The command may have been accepted before, on other states.
          const first = callerSuppliedId ? yield* answered : undefined
          if (first !== undefined) return first
          const old = loaded.flatMap(({ current }, index) => (current ? [] : [index]))
          if (old.length === 0) return yield* outcome.error
          loaded = yield* refresh(load, parts, loaded, old, concurrency)
          break
        }
        case "Conflict": {
          const { error } = outcome
          const streams = new Set([error, ...error.others].map(({ streamId }) => streamId))
          const lost = parts.flatMap(({ streamId }, index) =>
            streams.has(streamId) ? [index] : []
          )
          yield* Effect.annotateCurrentSpan("daybook.attempts", attempt)
          yield* count(Metrics.conflicts, parts, lost)
          if (lost.some((index) => isLostRace(outcome, Arr.getUnsafe(loaded, index)))) {
            if (attempt >= maxAttempts) {
              // Forgetting makes the next command read, so that it does not fail on the same state.
              for (const streamId of streams) load.forget(streamId)
              return yield* error
            }
            attempt++
          }
          loaded = yield* follow(load, parts, loaded, error, lost, concurrency)
          break
        }
      }
      yield* count(Metrics.retries, parts, [0])
    }
  })

type Concurrency = 1 | "unbounded"

/** Folds the streams of some parts to their ends. */
const refresh = (
  load: Load,
  parts: Decide.Parts,
  loaded: ReadonlyArray<Decide.Loaded>,
  some: ReadonlyArray<number>,
  concurrency: Concurrency
) =>
  Effect.forEach(
    loaded,
    (one, index) =>
      some.includes(index)
        ? load.prove(Arr.getUnsafe(parts, index).aggregate, one, "current")
        : Effect.succeed(one),
    { concurrency }
  )

/** Folds the events that won a race: those that the conflict carries, and for others by reading. */
const follow = (
  load: Load,
  parts: Decide.Parts,
  loaded: ReadonlyArray<Decide.Loaded>,
  error: WrongExpectedRevision,
  lost: ReadonlyArray<number>,
  concurrency: Concurrency
) =>
  Effect.forEach(
    loaded,
    (one, index) => {
      const { aggregate, streamId } = Arr.getUnsafe(parts, index)
      if (streamId === error.streamId) return load.follow(aggregate, one, error)
      return lost.includes(index) ? load.prove(aggregate, one, "current") : Effect.succeed(one)
    },
    { concurrency }
  )

/** The outcome of the append of all parts, except the errors that end a call. */
type Outcome =
  /** One answer a part; undefined for a part without events. */
  { readonly _tag: "Appended"; readonly appended: ReadonlyArray<Appended | undefined> } | Unwritten

/** Appends the events of all parts at the revisions of their streams, and checks the others. */
const append = (
  store: EventStore["Service"],
  loaded: ReadonlyArray<Decide.Loaded>,
  decided: ReadonlyArray<Decide.DecidedPart>
): Effect.Effect<Outcome, AppendError> => {
  const appends: Array<Append> = []
  const checks: Array<Check> = []
  for (const [index, { current, progress }] of loaded.entries()) {
    const { event, revision, streamId } = progress
    const { events } = Arr.getUnsafe(decided, index)
    const expected = ExpectedRevision.exactly(revision)
    if (Arr.isReadonlyArrayNonEmpty(events)) {
      // A cached state that was not read may come from before the log was restored.
      appends.push({ streamId, expected, lastEvent: current ? undefined : event, events })
    } else checks.push({ streamId, expected })
  }
  if (!Arr.isReadonlyArrayNonEmpty(appends)) {
    return Effect.succeed({ _tag: "Appended", appended: loaded.map(() => undefined) })
  }
  return Effect.matchEffect(store.appendAll({ appends, checks }), {
    onSuccess: (answers) => {
      if (answers.some(({ repeated }) => repeated)) {
        const all = appends.flatMap(({ events }) => events)
        const conflict = takenIds(store, appends[0].streamId, all)
        return Effect.succeed<Outcome>({ _tag: "AlreadyRecorded", conflict })
      }
      const rest = [...answers]
      return Effect.succeed<Outcome>({
        _tag: "Appended",
        appended: decided.map(({ events }) => (events.length > 0 ? rest.shift() : undefined))
      })
    },
    onFailure: unwritten
  })
}

/** Caches the states of all parts, and considers snapshots of those that were appended to. */
const remember = (
  load: Load,
  parts: Decide.Parts,
  loaded: ReadonlyArray<Decide.Loaded>,
  decided: ReadonlyArray<Decide.DecidedPart>,
  appended: ReadonlyArray<Appended | undefined>
) =>
  Effect.forEach(
    parts,
    ({ aggregate, streamId }, index) => {
      const { progress } = Arr.getUnsafe(loaded, index)
      const { events, state } = Arr.getUnsafe(decided, index)
      const last = events.at(-1)
      const written = appended[index]
      return last === undefined || written === undefined
        ? load.remember(aggregate, streamId, progress, false)
        : load.remember(
            aggregate,
            streamId,
            {
              revision: written.revision,
              event: EventMark.of({ id: last.id, recordedAt: written.recordedAt }),
              position: written.position,
              state,
              snapshotRevision: progress.snapshotRevision
            },
            true
          )
    },
    { discard: true }
  )

const countAnswers = (parts: Decide.Parts, answers: ReadonlyArray<Answers>) =>
  Effect.forEach(
    parts,
    ({ aggregate: { category } }, index) =>
      Metrics.answers(category, Arr.getUnsafe(answers, index).map(Result.succeed)),
    { discard: true }
  )

/** Counts once for each of some parts, by their categories. */
const count = (
  metric: (attributes: { readonly category: string }) => Effect.Effect<void>,
  parts: Decide.Parts,
  some: ReadonlyArray<number>
) =>
  Effect.forEach(
    some,
    (index) => metric({ category: Arr.getUnsafe(parts, index).aggregate.category }),
    { discard: true }
  )
