/** The live log: events as they settle, kept while a view follows it. */
import type { EventLine } from "@daybook/inspector/Answer"
import type { LiveEvent } from "@daybook/inspector/InspectorApi"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Host } from "./host.ts"
import type { LogFilter } from "./logFilter.ts"
import { queryOf } from "./logFilter.ts"

/** What came since the view began to follow. */
export interface Live {
  /** Newest first. */
  readonly events: ReadonlyArray<EventLine>
  readonly isConnected: boolean
}

/** More events than this are dropped from the end: the view reads them in pages when asked. */
const MAX_KEPT = 2000
const RECONNECT = Duration.seconds(2)

/** What the stream of the host says: an event, a beat, or the end of the connection. */
type Said = LiveEvent | "gone"

const following = (
  filter: LogFilter,
  show: { readonly show?: true }
): Stream.Stream<Said, never, Host> => {
  // The place after the last event: the next connection goes on there.
  let after: string | undefined
  const connect = Stream.unwrap(
    Effect.gen(function* () {
      const { log } = yield* Host
      return yield* log.live({
        query: { ...queryOf(filter), ...(after === undefined ? {} : { after }), ...show },
        headers: {}
      })
    })
  ).pipe(
    Stream.tap((said) =>
      Effect.sync(() => {
        after = said.id
      })
    ),
    Stream.catchCause(() => Stream.empty),
    Stream.concat(Stream.succeed("gone" as const))
  )
  return Stream.repeat(connect, Schedule.spaced(RECONNECT))
}

const none: Live = { events: [], isConnected: false }

const next = (live: Live, said: Said): Live =>
  said === "gone"
    ? { ...live, isConnected: false }
    : said.event === "heartbeat"
      ? { ...live, isConnected: true }
      : { events: [said.data, ...live.events].slice(0, MAX_KEPT), isConnected: true }

/** Returns an atom that follows the log while a view shows it. */
export const follow = (filter: LogFilter, show: { readonly show?: true }) =>
  Host.runtime.atom(following(filter, show).pipe(Stream.scan(() => none, next)), {
    initialValue: none
  })
