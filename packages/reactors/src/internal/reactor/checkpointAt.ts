import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { Assignment } from "../../ConsumerGroups.ts"

/** Returns the checkpoint after an event that was handed out: the log's last one up to there. */
export const checkpointAt = ({ checkpoint }: Assignment, event: RecordedEvent): Checkpoint => ({
  log: checkpoint.log,
  position: event.position,
  event: EventMark.of(event)
})
