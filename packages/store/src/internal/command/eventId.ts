/**
 * The ids of the events of a command, derived from its own id.
 */
import type { CommandId } from "@daybook/kernel/CommandId"
import * as EventId from "@daybook/kernel/EventId"
import type { StreamId } from "@daybook/kernel/StreamId"
import { v5 as uuidV5 } from "uuid"

/**
 * Derives the id of event number `index` of a command on a stream: a UUID of version 5 (RFC 9562,
 * section 5.5).
 *
 * The name includes the stream, so that one command id can serve several streams. A number contains
 * no space, so a name belongs to one number and stream. The namespace is passed as bytes: as text
 * it would need a version that the RFC knows.
 */
export const eventId = (commandId: CommandId, streamId: StreamId, index: number): EventId.EventId =>
  EventId.make(uuidV5(`${index} ${streamId}`, Buffer.from(commandId.replaceAll("-", ""), "hex")))
