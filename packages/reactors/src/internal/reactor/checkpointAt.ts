import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { Assignment } from "../../ConsumerGroups.ts"

/** The time after which a checkpoint moves that only passed events of others. */
export const IDLE = "1 second"

/** Returns the checkpoint after an event that was handed out: the log's last one up to there. */
export const checkpointAt = (
  { checkpoint }: Pick<Assignment, "checkpoint">,
  event: RecordedEvent
): Checkpoint => ({
  log: checkpoint.log,
  position: event.position,
  event: EventMark.of(event)
})
