/**
 * The relay: sends the commands that processes have issued.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as ProcessEvent from "@daybook/kernel/ProcessEvent"
import type { Targets } from "@daybook/kernel/ProcessManager"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { type CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { ProcessCommandUnreadable } from "../../ProcessRunner.ts"
import { causeOf, inputOfRejection, type Take } from "./step.ts"

/** The type of the events that issue commands. */
export const COMMAND_TYPES: ReadonlyArray<string> = ["CommandIssued"]

/**
 * Sends the command of an event. A rejection is an input of the process, taken in the same
 * transaction: otherwise the command could be sent again after the process has learnt of its
 * rejection, and be accepted.
 */
export const send = (
  handler: CommandHandler["Service"],
  process: { readonly name: string; readonly targets: Targets },
  take: Take<never>
) =>
  Effect.fnUntraced(function* (recorded: RecordedEvent) {
    const { id: issued, streamId } = recorded
    const [event] = yield* Effect.fromResult(decodeRecorded(ProcessEvent.codec, recorded))
    // An event that is passed over stands for none.
    if (event?._tag !== "CommandIssued") return
    const { command, id: instance, to } = event
    const unreadable = (issue: string) =>
      new ProcessCommandUnreadable({ process: process.name, streamId, eventId: issued, to, issue })
    const target = Object.hasOwn(process.targets, to) ? process.targets[to] : undefined
    if (target === undefined) return yield* unreadable("the process has no such target")
    const sent = target.decode(command, (aggregate, decoded) =>
      Effect.map(
        handler.executeAll(aggregate, instance, [
          { command: decoded, commandId: CommandId.make(issued) }
        ]),
        ([answer]) => (answer === undefined ? [] : rejectionsOf(answer))
      )
    )
    if (Result.isFailure(sent)) return yield* unreadable(sent.failure)
    const cause = causeOf(recorded)
    const rejections = yield* Effect.provideService(sent.success, CurrentMetadata, cause)
    for (const rejection of rejections) {
      const at = yield* DateTime.now
      const id = StreamId.id(streamId)
      yield* take(
        { _tag: "Rejection", id, at, issued, to, instance, command, rejection },
        inputOfRejection(issued),
        cause
      )
    }
  })

const rejectionsOf = (answer: Result.Result<unknown, unknown>): ReadonlyArray<unknown> =>
  Result.isFailure(answer) ? [answer.failure] : []
