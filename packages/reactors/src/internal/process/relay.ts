/**
 * The relay: sends the commands that processes have issued, until they are answered.
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as CommandId from "@daybook/kernel/CommandId"
import * as ProcessEvent from "@daybook/kernel/ProcessEvent"
import type { Targets } from "@daybook/kernel/ProcessManager"
import type { Delivery } from "@daybook/kernel/ProcessStep"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { type CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Assignment } from "../../ConsumerGroups.ts"
import { ProcessCommandUnreadable } from "../../ProcessRunner.ts"
import { byKey } from "./byKey.ts"
import { forEachPage } from "./forEachPage.ts"
import { causeOf, inputOfRejection, type Take } from "./step.ts"

/** The type of the events that issue commands. */
export const COMMAND_TYPES: ReadonlyArray<string> = ["CommandIssued"]

/** The processes whose commands are sent at once. */
const AT_ONCE = 16

/** A rejection, which is an input of the process that issued the command. */
interface Rejected {
  readonly recorded: RecordedEvent
  readonly delivery: Delivery<never>
}

/**
 * Sends the commands of the processes of one range.
 *
 * A rejection is recorded in the transaction that moves the checkpoint past its command. Otherwise a
 * command could be sent again after the process has learnt of its rejection, and be accepted.
 */
export const runRelay = (
  handler: CommandHandler["Service"],
  process: { readonly name: string; readonly targets: Targets },
  take: Take<never>
) => {
  const send = sendOne(handler, process)
  return (assignment: Assignment) =>
    forEachPage(assignment, ({ checkpoint, events }) =>
      Effect.gen(function* () {
        const answers = yield* Effect.forEach(
          byKey(events, ({ streamId }) => streamId),
          (ofProcess) => Effect.forEach(ofProcess, send),
          { concurrency: AT_ONCE }
        )
        const rejected = answers.flat().flatMap((answer) => answer ?? [])
        if (rejected.length === 0) return yield* assignment.commit(checkpoint)
        yield* assignment.commitWith(
          checkpoint,
          Effect.forEach(
            rejected,
            ({ delivery, recorded }) =>
              take(delivery, inputOfRejection(recorded.id), causeOf(recorded)),
            { discard: true }
          )
        )
      })
    )
}

/** Sends the command of an event; returns its rejection, if it was rejected. */
const sendOne = (
  handler: CommandHandler["Service"],
  process: { readonly name: string; readonly targets: Targets }
) =>
  Effect.fnUntraced(function* (recorded: RecordedEvent) {
    const { id: issued, streamId } = recorded
    const [event] = yield* Effect.fromResult(decodeRecorded(ProcessEvent.codec, recorded))
    // An event that is passed over stands for none.
    if (event?._tag !== "CommandIssued") return undefined
    const { command, id: instance, to } = event
    const unreadable = (issue: string) =>
      new ProcessCommandUnreadable({ process: process.name, streamId, eventId: issued, to, issue })
    const target = Object.hasOwn(process.targets, to) ? process.targets[to] : undefined
    if (target === undefined) return yield* unreadable("the process has no such target")
    const sent = target.decode(command, (aggregate, decoded) =>
      handler
        .executeAll(aggregate, instance, [{ command: decoded, commandId: CommandId.make(issued) }])
        .pipe(
          Effect.map(([answer]): Option.Option<unknown> =>
            answer === undefined ? Option.none() : Result.getFailure(answer)
          )
        )
    )
    if (Result.isFailure(sent)) return yield* unreadable(sent.failure)
    const rejection = yield* Effect.provideService(sent.success, CurrentMetadata, causeOf(recorded))
    if (Option.isNone(rejection)) return undefined
    const rejected: Rejected = {
      recorded,
      delivery: {
        _tag: "Rejection",
        id: StreamId.id(streamId),
        at: yield* DateTime.now,
        issued,
        to,
        instance,
        command,
        rejection: rejection.value
      }
    }
    return rejected
  })
