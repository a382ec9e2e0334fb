/**
 * The decider of a process: an input leads to the events of one step, or to none.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Deciders from "../Decider.ts"
import type { Decider } from "../Decider.ts"
import * as Position from "../Position.ts"
import { printable, textOf } from "../Printable.ts"
import { isProcessEvent, ProcessEvent } from "../ProcessEvent.ts"
import type {
  Behaviour,
  CommandTo,
  Input,
  Tagged,
  Targets,
  TimerChange
} from "../ProcessManager.ts"
import {
  type Delivery,
  type PendingTimer,
  ProcessStepRefused,
  type Progress,
  type StepRefusalReason
} from "../ProcessStep.ts"
import * as StreamId from "../StreamId.ts"

/** A process manager without its names and codecs. */
interface Definition<Event, State, Own, Of extends Targets, Timer extends string> {
  readonly name: string
  readonly targets: Of
  readonly timers: ReadonlySet<Timer>
  readonly behaviour: Behaviour<Event, State, Own, Of, Timer>
}

export const processDecider = <
  Event,
  State,
  Own extends Tagged,
  Of extends Targets,
  Timer extends string
>(
  definition: Definition<Event, State, Own, Of, Timer>
): Decider<Delivery<Event>, Progress<State>, Own | ProcessEvent, ProcessStepRefused> => {
  const { behaviour, name, targets, timers } = definition
  const { isDone, react } = behaviour
  const evolve = (progress: Progress<State>, event: Own | ProcessEvent): Progress<State> =>
    isProcessEvent(event)
      ? evolveStep(progress, event)
      : { ...progress, state: behaviour.evolve(progress.state, event) }
  const decide = (
    delivery: Delivery<Event>,
    progress: Progress<State>
  ): Result.Result<ReadonlyArray<Own | ProcessEvent>, StepRefusalReason> => {
    const taken = take(delivery, progress)
    if (taken === undefined) return Result.succeed([])
    // The outcome of a last command is recorded, but it does not bring the process back.
    if (progress.status === "ended") return Result.succeed([taken])
    return Result.gen(function* () {
      const { at, id } = delivery
      const input = yield* inputOf<Event, Of, Timer>(definition, delivery)
      const reaction = react(progress.state, input, { id, at })
      const events: Array<Own | ProcessEvent> = [taken, ...(reaction.events ?? [])]
      let after = events.reduce(evolve, progress)
      const add = (event: ProcessEvent) => {
        events.push(event)
        after = evolve(after, event)
      }
      for (const command of reaction.commands ?? []) add(yield* issue(targets, command))
      for (const change of reaction.timers ?? []) {
        const changed = yield* changeTimer(timers, after, change, at)
        if (changed !== undefined) add(changed)
      }
      const ends = delivery._tag === "Event" && delivery.part === "end"
      if (ends || isDone?.(after.state) === true) {
        for (const pending of after.timers) add(cancelled(pending))
        add({ _tag: "ProcessEnded" })
      }
      return events
    })
  }
  return Deciders.make({
    initialState: {
      status: "notStarted",
      startedAt: Position.start,
      state: behaviour.initialState,
      timers: [],
      settings: 0
    },
    decide: (delivery: Delivery<Event>, progress: Progress<State>) =>
      Result.mapError(
        decide(delivery, progress),
        (reason) => new ProcessStepRefused({ process: name, id: delivery.id, reason })
      ),
    evolve
  })
}

const evolveStep = <State>(progress: Progress<State>, event: ProcessEvent): Progress<State> =>
  ProcessEvent.match(event, {
    EventReceived: ({ position }): Progress<State> =>
      progress.status === "notStarted"
        ? { ...progress, status: "running", startedAt: position }
        : progress,
    TimerFired: (fired) => withoutTimer(progress, fired),
    CommandRejected: () => progress,
    CommandIssued: () => progress,
    TimerSet: ({ due, setting, timer }): Progress<State> => ({
      ...progress,
      timers: [
        ...progress.timers.filter((pending) => pending.timer !== timer),
        { timer, setting, due }
      ],
      settings: Math.max(progress.settings, setting)
    }),
    TimerCancelled: (gone) => withoutTimer(progress, gone),
    ProcessEnded: (): Progress<State> => ({ ...progress, status: "ended" })
  })

const withoutTimer = <State>(
  progress: Progress<State>,
  { setting }: { readonly setting: number }
): Progress<State> => ({
  ...progress,
  timers: progress.timers.filter((pending) => pending.setting !== setting)
})

/** Returns the event that records the input; `undefined` if the process does not take it. */
const take = <Event>(
  delivery: Delivery<Event>,
  { startedAt, status, timers }: Progress<unknown>
): ProcessEvent | undefined => {
  switch (delivery._tag) {
    case "Event": {
      const { part, recorded } = delivery
      const { id: eventId, position, streamId, type } = recorded
      const started = status === "running"
      // An event from before the start was ignored when it came first. So it is ignored when it
      // comes again, after the start.
      const takes = started ? position >= startedAt : status === "notStarted" && part === "start"
      return takes ? { _tag: "EventReceived", eventId, type, streamId, position } : undefined
    }
    case "Timer": {
      const { setting } = delivery
      const pending = timers.find((timer) => timer.setting === setting)
      return pending === undefined ? undefined : { _tag: "TimerFired", ...pending }
    }
    case "Rejection": {
      const { command, instance: id, issued, rejection, to } = delivery
      const reason = reasonOf(rejection)
      return { _tag: "CommandRejected", issued, to, id, command, reason }
    }
  }
}

/** A rejection may be of any size, and an event may not. */
const MAX_REASON_LENGTH = 1_000

const reasonOf = (rejection: unknown): string => {
  const text =
    rejection instanceof Error && rejection.message !== "" ? rejection.message : textOf(rejection)
  return printable(text.slice(0, MAX_REASON_LENGTH).toWellFormed())
}

/** Returns the input as `react` gets it. */
const inputOf = <Event, Of extends Targets, Timer extends string>(
  { targets, timers }: { readonly targets: Of; readonly timers: ReadonlySet<string> },
  delivery: Delivery<Event>
): Result.Result<Input<Event, Of, Timer>, StepRefusalReason> => {
  switch (delivery._tag) {
    case "Event":
      return Result.succeed(delivery.event)
    case "Timer": {
      const { timer } = delivery
      // The set holds the names of the type.
      const input = { _tag: "TimerFired", timer } as Input<Event, Of, Timer>
      return timers.has(timer)
        ? Result.succeed(input)
        : Result.fail({ _tag: "UnknownTimer", timer })
    }
    case "Rejection": {
      const { command, instance: id, rejection, to } = delivery
      const target = Object.hasOwn(targets, to) ? targets[to] : undefined
      if (target === undefined) return Result.fail({ _tag: "UnknownTarget", to })
      return Result.mapBoth(
        target.decode(command, (_, decoded) => decoded as unknown),
        {
          // The target decoded the command, and its aggregate rejected it.
          onSuccess: (decoded) =>
            ({ _tag: "CommandRejected", to, id, command: decoded, rejection }) as Input<
              Event,
              Of,
              Timer
            >,
          onFailure: (issue): StepRefusalReason => ({ _tag: "InvalidCommand", to, issue })
        }
      )
    }
  }
}

const issue = <Of extends Targets>(
  targets: Of,
  { command, id, to }: CommandTo<Of>
): Result.Result<ProcessEvent, StepRefusalReason> => {
  const target = Object.hasOwn(targets, to) ? targets[to] : undefined
  if (target === undefined) return Result.fail({ _tag: "UnknownTarget", to })
  const stream = StreamId.make(target.category, id)
  if (Result.isFailure(stream)) {
    return Result.fail({ _tag: "InvalidInstance", to, issue: stream.failure.issue })
  }
  // The type of the command is the one that the target of this key takes.
  return Result.mapBoth(target.encode(command as never), {
    onSuccess: (encoded): ProcessEvent => ({ _tag: "CommandIssued", to, id, command: encoded }),
    onFailure: (issue): StepRefusalReason => ({ _tag: "InvalidCommand", to, issue })
  })
}

/** Returns the event of the change; `undefined` if the timer to cancel is not set. */
const changeTimer = <Timer extends string>(
  known: ReadonlySet<string>,
  { settings, timers }: Progress<unknown>,
  change: TimerChange<Timer>,
  at: DateTime.Utc
): Result.Result<ProcessEvent | undefined, StepRefusalReason> => {
  const timer = "cancel" in change ? change.cancel : change.set
  if (!known.has(timer)) return Result.fail({ _tag: "UnknownTimer", timer })
  if ("cancel" in change) {
    const pending = timers.find((set) => set.timer === timer)
    return Result.succeed(pending === undefined ? undefined : cancelled(pending))
  }
  const due =
    "at" in change
      ? Option.some(change.at)
      : DateTime.make(DateTime.toEpochMillis(at) + Duration.toMillis(change.after))
  return Option.match(due, {
    onNone: () => Result.fail({ _tag: "InvalidTimer", timer }),
    onSome: (due) => Result.succeed({ _tag: "TimerSet", timer, setting: settings + 1, due })
  })
}

const cancelled = ({ setting, timer }: PendingTimer): ProcessEvent => ({
  _tag: "TimerCancelled",
  timer,
  setting
})
