/**
 * Where a subscription to one stream in PostgreSQL reads.
 *
 * One at a time writes a stream until its transaction ends, so that no revision can appear before one that is seen: there is
 * no open append to wait for.
 */
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"
import type { SubscribeOptions } from "../Subscription.ts"
import { pageSize } from "./pageSize.ts"
import { matchesNothing } from "./postgresLog.ts"
import {
  endOfStream,
  readRevisions,
  revisionAt,
  SEARCHED_REVISIONS,
  type Place,
  type StreamFilter
} from "./postgresStream.ts"
import { ofCategories } from "./streamPrefix.ts"
import type { Look } from "./subscription.ts"

/** How long parts of a look may take. */
export interface Within {
  readonly end: <A>(effect: Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>
  readonly rows: <A>(effect: Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>
}

/** Looks for one subscription. */
export const lookAtStream = (
  sql: SqlClient,
  schema: SchemaName,
  within: Within,
  { afterRevision, categories, ...filter }: SubscribeOptions & StreamFilter
) => {
  const { streamId, types } = filter
  const read = readRevisions(sql, schema, filter)
  const nothingMatches = matchesNothing({ types }) || !ofCategories(streamId, categories)
  const size = { next: pageSize(0) }
  /** Up to which revision everything was given when the position was. */
  let given = { position: 0n, revision: 0 }
  return Effect.fnUntraced(function* (after: Position.Position): Effect.fn.Return<Look, SqlError> {
    const nothing: Look = { events: [], position: after, caughtUp: true, heldBack: false }
    const seen =
      given.position === after
        ? given.revision
        : yield* within.rows(revisionAt(sql, schema, streamId, after))
    const lowest = Math.max(seen, afterRevision ?? 0) + 1
    const end = yield* within.end(endOfStream(sql, schema, streamId))
    if (end.revision < lowest) return nothing
    if (nothingMatches) return { ...nothing, position: Position.make(end.position) }
    const highest =
      types === undefined ? end.revision : Math.min(end.revision, lowest + SEARCHED_REVISIONS - 1)
    for (;;) {
      const asked = size.next
      const { cut, events, largest } = yield* within.rows(read(lowest, highest, "ASC", asked))
      size.next = pageSize(largest)
      const last = events.at(-1)
      // The first event is too large for the page that was asked for, and fits in the next.
      if (cut && last === undefined) continue
      const place: Place =
        last !== undefined && (cut || events.length === asked.rows)
          ? last
          : highest === end.revision
            ? end
            : yield* within.end(endOfStream(sql, schema, streamId, highest))
      given = { position: place.position, revision: place.revision }
      return {
        events,
        position: Position.make(place.position),
        caughtUp: place.revision === end.revision,
        heldBack: false
      }
    }
  })
}
