/**
 * The ids of the events of a command, derived from its own id.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { StreamId } from "@daybook/kernel/StreamId"
import { v5 as uuidV5 } from "uuid"

/**
 * Derives the id of event number `index` of a command on a stream: a UUID of version 5 (RFC 9562,
 * section 5.5). Its namespace is the command id, or, for a command of several streams, a
 * {@link partId}.
 *
 * The name includes the stream, so that one command id can serve several streams. A number contains
 * no space, so a name belongs to one number and stream.
 */
export const eventId = (namespace: string, streamId: StreamId, index: number): EventId.EventId =>
  EventId.make(derived(`${index} ${streamId}`, namespace))

/**
 * Derives the namespace of the events of call number `index` on each stream of a command that is
 * executed on all of `streamIds` together.
 *
 * The name includes all streams, so that the same command id with other streams is another command.
 * No stream id contains a line break, so a name belongs to one number and set of streams.
 */
export const partId = (
  commandId: string,
  streamIds: ReadonlyArray<StreamId>,
  index: number
): string => derived(`${index}\n${streamIds.toSorted().join("\n")}`, commandId)

/** The namespace is passed as bytes: as text it would need a version that the RFC knows. */
const derived = (name: string, namespace: string): string =>
  uuidV5(name, Buffer.from(namespace.replaceAll("-", ""), "hex"))
