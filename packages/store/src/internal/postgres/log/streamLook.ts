/**
 * Reads for a subscription to one stream in PostgreSQL.
 *
 * A stream has one writer at a time, until its transaction ends, so no revision can appear before
 * one that was seen: there is no open append to wait for.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import {
  type Checkpoint,
  type CheckpointMismatch,
  position as positionOf
} from "../../../Checkpoint.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { UnreadableEvent } from "../../../UnreadableEvent.ts"
import { pageSize } from "../../driver/pageSize.ts"
import { matchesNothing } from "./log.ts"
import { advancing } from "./page.ts"
import * as PostgresOrigin from "./origin.ts"
import {
  endOfStream,
  readRevisions,
  revisionAt,
  SEARCHED_REVISIONS,
  type Place,
  type StreamFilter
} from "./stream.ts"
import { ofCategories } from "../../driver/streamPrefix.ts"
import type { Filter, Look } from "../../driver/subscription.ts"

/** The limits on the time of the parts of a look. */
export interface Within {
  readonly end: Bounded
  readonly rows: Bounded
}

type Bounded = <A, E>(effect: Effect.Effect<A, E | SqlError>) => Effect.Effect<A, E | SqlError>

/** Makes the looks of one subscription. */
export const lookAtStream = (
  sql: SqlClient,
  schema: SchemaName,
  within: Within,
  { afterRevision, categories, ...filter }: Filter & StreamFilter
) => {
  const { streamId, types } = filter
  const read = readRevisions(sql, schema, filter)
  const nothingMatches = matchesNothing({ types }) || !ofCategories(streamId, categories)
  const size = { next: pageSize(0) }
  /** The revision up to which all events had been given at this position. */
  let known = { position: 0n, revision: 0 }
  return Effect.fnUntraced(function* (
    given: Position.Position | Checkpoint
  ): Effect.fn.Return<Look, SqlError | CheckpointMismatch | UnreadableEvent> {
    const after = positionOf(given)
    const { given_event, log, settled } = yield* within.end(PostgresOrigin.look(sql, schema, given))
    const at = ({ event, position }: Place): Checkpoint => ({
      log,
      position: Position.make(position),
      event
    })
    const nothing: Look = {
      events: [],
      // Not above the settled position: an open append may still add another last event up to the
      // position.
      checkpoint: settled >= after ? { log, position: after, event: given_event } : undefined,
      caughtUp: true,
      heldBack: false
    }
    const seen =
      known.position === after
        ? known.revision
        : yield* within.rows(revisionAt(sql, schema, streamId, after))
    const lowest = Math.max(seen, afterRevision ?? 0) + 1
    const end = yield* within.end(endOfStream(sql, schema, streamId))
    if (end.revision < lowest) return nothing
    if (nothingMatches) return { ...nothing, checkpoint: at(end) }
    const highest =
      types === undefined ? end.revision : Math.min(end.revision, lowest + SEARCHED_REVISIONS - 1)
    for (;;) {
      const asked = size.next
      const page = yield* within.rows(read(lowest, highest, "ASC", asked))
      const { cut, events, largest } = yield* advancing(page, asked)
      size.next = pageSize(largest)
      const last = events.at(-1)
      // The first event is too large for this page, and fits in the next.
      if (cut && last === undefined) continue
      const place: Place =
        last !== undefined && (cut || events.length === asked.rows)
          ? { ...last, event: EventMark.of(last) }
          : highest === end.revision
            ? end
            : yield* within.end(endOfStream(sql, schema, streamId, highest))
      if (place.position <= after) {
        // The subscription would read the same events for ever.
        return yield* new UnreadableEvent({
          position: place.position,
          eventId: place.event === null ? "" : EventMark.eventId(place.event),
          streamId,
          revision: place.revision,
          issue: `its revision comes after one at position ${after}`
        })
      }
      known = { position: place.position, revision: place.revision }
      return {
        events,
        checkpoint: at(place),
        caughtUp: place.revision === end.revision,
        heldBack: false
      }
    }
  })
}
