/**
 * The revisions of a stream in short.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Revision from "@daybook/kernel/Revision"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { MAX_OUTLINE } from "../InspectorApi.ts"
import type { Outline } from "../StreamAnswer.ts"

/** Reads a stream from a revision on, and holds a few numbers of each event. */
export const outline = Effect.fnUntraced(function* <E>(
  from: Revision.Revision,
  read: (limit: number) => Stream.Stream<RecordedEvent, E>
): Effect.fn.Return<Outline, E> {
  const types = new Map<string, number>()
  const actors = new Map<string, number>()
  const events: Array<Outline["events"][number]> = []
  let next: Revision.Revision | undefined
  const add = (recorded: RecordedEvent) => {
    const { metadata, occurredAt, recordedAt, revision, schemaVersion, type } = recorded
    if (events.length === MAX_OUTLINE) {
      next = revision
      return
    }
    events.push([
      placeOf(types, type),
      metadata.actor === undefined ? -1 : placeOf(actors, metadata.actor),
      schemaVersion,
      occurredAt.epochMilliseconds,
      recordedAt.epochMilliseconds
    ])
  }
  // One more event tells that the stream goes on.
  yield* Stream.runForEachArray(read(MAX_OUTLINE + 1), (some) =>
    Effect.sync(() => some.forEach(add))
  )
  return {
    from,
    events,
    types: [...types.keys()],
    actors: [...actors.keys()],
    ...(next === undefined ? {} : { next })
  }
})

const placeOf = (among: Map<string, number>, text: string): number => {
  const place = among.get(text) ?? among.size
  among.set(text, place)
  return place
}
