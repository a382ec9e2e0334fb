/**
 * Finds the next event that rows lack: their checkpoint moves over events of other categories only
 * from time to time, so it need not be at a position for the rows to include all up to there.
 */
import type * as Position from "@daybook/kernel/Position"
import type { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AnyModel } from "../fold/rowFold.ts"
import { categoriesOf } from "./runner.ts"

/** The events of a read model in a range of the log. */
export interface Searched {
  /** The end of the range, at most the settled position. */
  readonly upTo: Position.Position
  /** The position of the first event in the range, if there is one. */
  readonly next: Position.Position | undefined
}

/** Searches the events after a checkpoint, up to a position. */
export const nextEvent = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  model: AnyModel,
  after: Position.Position,
  to: Position.Position
): Effect.fn.Return<Searched, EventStoreError> {
  // Unlike `head`, it does not wait for open appends.
  const { position: settled } = yield* events.checkpoint
  const upTo = settled < to ? settled : to
  if (upTo <= after) return { upTo, next: undefined }
  const found = yield* events
    .readAll({ after, upTo, categories: categoriesOf(model), limit: 1 })
    .pipe(Stream.runHead, Effect.catchTag("InvalidReadOption", Effect.die))
  return { upTo, next: Option.getOrUndefined(Option.map(found, ({ position }) => position)) }
})

/** Returns true if no event of the read model was found up to a position. */
export const excludes = ({ next, upTo }: Searched, position: Position.Position): boolean =>
  position <= upTo && (next === undefined || position < next)
