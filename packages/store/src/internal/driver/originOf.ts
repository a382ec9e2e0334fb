/**
 * Proves that a position or checkpoint is of the history of a log.
 */
import type * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import { type Checkpoint, CheckpointMismatch, position as positionOf } from "../../Checkpoint.ts"
import type { Origin, Reads } from "../../driver/EventStoreDriver.ts"
import { judge } from "./judgeCheckpoint.ts"

/** Reads the origin of a position or checkpoint, and fails unless it is of the log's history. */
export const originOf = <E>(
  reads: Pick<Reads<E>, "origin">,
  given: Position.Position | Checkpoint
): Effect.Effect<Origin, E | CheckpointMismatch> =>
  Effect.flatMap(reads.origin(positionOf(given)), (origin) => judged(given, origin))

/** Returns the origin of a position or checkpoint, and fails unless it is of the log's history. */
export const judged = (
  given: Position.Position | Checkpoint,
  origin: Origin
): Effect.Effect<Origin, CheckpointMismatch> => {
  const { givenEvent: event, log, newest } = origin
  const reason = judge(given, { log, newest, event })
  return reason === undefined ? Effect.succeed(origin) : new CheckpointMismatch({ reason })
}
