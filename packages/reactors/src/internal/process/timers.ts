/**
 * The timers of the processes of a range: keeps their table from the log, and fires those that are
 * due.
 */
import { decodeRecorded, type EventDecodeError } from "@daybook/kernel/EventCodec"
import * as ProcessEvent from "@daybook/kernel/ProcessEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { slotOf } from "../../ConsumerGroup.ts"
import type { Assignment } from "../../ConsumerGroups.ts"
import type { ProcessTimer, ProcessTimerChange, ProcessTimers } from "../../ProcessTimers.ts"
import { throughOutages } from "./outages.ts"
import { inputOfTimer, type Take } from "./step.ts"

/** The types of the events that change timers. */
export const TIMER_TYPES: ReadonlyArray<string> = ["TimerSet", "TimerFired", "TimerCancelled"]

/**
 * The longest sleep. A clock of the store that jumps forward is noticed after it, as is the time in
 * which the machine was suspended; one that goes back makes the next timer later, and none fires
 * twice. The clock of the host does not matter.
 */
const MAX_SLEEP_MILLIS = 60_000

/** The timers that are read at once, and the steps that are taken at once. */
const AT_ONCE = 32

/** The first pause of a timer whose step failed; it doubles up to the longest sleep. */
const PAUSE_MILLIS = 1_000

/**
 * Runs the timers of one range, as a consumer of the group that follows the processes' own events.
 *
 * A timer whose step fails stays due, and is tried again; the others go on.
 */
export const runTimers = <Event>(
  process: string,
  timers: ProcessTimers["Service"],
  take: Take<Event>
) =>
  Effect.fnUntraced(function* (assignment: Assignment) {
    const changed = Latch.makeUnsafe()
    const keep = Stream.runForEach(
      assignment.pages,
      Effect.fnUntraced(function* ({ checkpoint, events }) {
        const changes = yield* Effect.fromResult(changesOf(events))
        yield* throughOutages(
          changes.length === 0
            ? assignment.commit(checkpoint)
            : assignment.commitWith(checkpoint, timers.apply(process, changes))
        )
        changed.openUnsafe()
      })
    )
    const failed = new Map<string, Pause>()
    /** Returns the time for which nothing is due, in milliseconds. */
    const fireDue = Effect.gen(function* () {
      const next = yield* timers.next(process, assignment.range, AT_ONCE + failed.size)
      // Failed timers are among the first that are due, unless they are gone.
      const found = new Set(next.map(keyOf))
      for (const key of failed.keys()) if (!found.has(key)) failed.delete(key)
      const now = yield* nowIn(timers)
      const at = (timer: ProcessTimer): number =>
        Math.max(DateTime.toEpochMillis(timer.due), failed.get(keyOf(timer))?.until ?? 0)
      const due = next.filter((timer) => at(timer) <= now)
      yield* Effect.forEach(
        due,
        (timer) =>
          fireOne(process, timers, take, timer).pipe(
            Effect.matchCauseEffect({
              onSuccess: () => Effect.sync(() => failed.delete(keyOf(timer))),
              onFailure: (cause) =>
                Cause.hasInterruptsOnly(cause)
                  ? Effect.interrupt
                  : Effect.logError(
                      `Cannot fire timer ${timer.timer} of ${timer.streamId}`,
                      cause
                    ).pipe(
                      Effect.andThen(nowIn(timers)),
                      Effect.map((now) => {
                        const key = keyOf(timer)
                        failed.set(key, longer(failed.get(key), now))
                      })
                    )
            })
          ),
        { concurrency: AT_ONCE, discard: true }
      )
      return due.length > 0
        ? 0
        : Math.min(MAX_SLEEP_MILLIS, ...next.map((timer) => at(timer) - now))
    })
    const fire = Effect.gen(function* () {
      yield* changed.close
      const wait = yield* throughOutages(fireDue)
      if (wait > 0) yield* Effect.raceFirst(Effect.sleep(wait), changed.await)
    }).pipe(Effect.forever)
    // The pages end when the range is to be given up.
    yield* Effect.raceFirst(keep, fire)
  })

const nowIn = (timers: ProcessTimers["Service"]) => Effect.map(timers.now, DateTime.toEpochMillis)

interface Pause {
  readonly millis: number
  /** The time of the store at which the timer is tried again, in milliseconds. */
  readonly until: number
}

const longer = (before: Pause | undefined, now: number): Pause => {
  const millis = Math.min(before === undefined ? PAUSE_MILLIS : 2 * before.millis, MAX_SLEEP_MILLIS)
  return { millis, until: now + millis }
}

/**
 * Takes the step of a timer, and removes the timer after it. If the host dies in between, another
 * one finds the timer still due, and the step taken.
 */
const fireOne = <Event>(
  process: string,
  timers: ProcessTimers["Service"],
  take: Take<Event>,
  due: ProcessTimer
) =>
  Effect.gen(function* () {
    const { setting, streamId, timer } = due
    const at = yield* timers.now
    const delivery = { _tag: "Timer", id: StreamId.id(streamId), at, timer, setting } as const
    yield* take(delivery, inputOfTimer(streamId, setting), {})
    yield* timers.remove(process, [due])
  })

/** The id of a stream has no line break. */
const keyOf = ({ streamId, timer }: Pick<ProcessTimer, "streamId" | "timer">): string =>
  `${streamId}\n${timer}`

/** Returns the last change of each timer that the events change. */
const changesOf = (
  recorded: ReadonlyArray<RecordedEvent>
): Result.Result<ReadonlyArray<ProcessTimerChange>, EventDecodeError> =>
  Result.gen(function* () {
    const changes = new Map<string, ProcessTimerChange>()
    for (const one of recorded) {
      const { streamId } = one
      for (const event of yield* decodeRecorded(ProcessEvent.codec, one)) {
        switch (event._tag) {
          case "TimerSet": {
            const { due, setting, timer } = event
            const slot = slotOf(streamId)
            changes.set(keyOf({ streamId, timer }), { streamId, timer, setting, due, slot })
            break
          }
          case "TimerFired":
          case "TimerCancelled":
            changes.set(keyOf({ streamId, timer: event.timer }), { streamId, timer: event.timer })
            break
          default:
        }
      }
    }
    return Array.from(changes.values())
  })
