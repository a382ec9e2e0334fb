/**
 * Refuses commands with invalid ids. Event ids are derived from the bytes of command ids, so the
 * later check of the metadata would be too late.
 */
import { CommandId } from "@daybook/kernel/CommandId"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import { AppendRefused } from "../../EventStore.ts"

const isCommandId = Schema.is(CommandId)

export const refuseCommandIds = (
  streamId: StreamId,
  requests: ReadonlyArray<{ readonly commandId?: unknown }>
): AppendRefused | undefined => {
  const index = requests.findIndex(
    ({ commandId }) => commandId !== undefined && !isCommandId(commandId)
  )
  return index < 0
    ? undefined
    : new AppendRefused({ streamId, reason: { _tag: "InvalidCommandId", index } })
}
