/**
 * The end of a stream. It depends on the recorded events, so the log checks it.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import { AppendRefused, MAX_REVISION } from "../../EventStore.ts"

/** Refuses `count` more events on a stream at the revision `actual` if they go past its end. */
export const refuseFull = (
  streamId: StreamId,
  actual: number,
  count: number
): AppendRefused | undefined =>
  actual <= MAX_REVISION - count
    ? undefined
    : new AppendRefused({
        streamId,
        reason: { _tag: "StreamFull", actual, count, limit: MAX_REVISION }
      })
