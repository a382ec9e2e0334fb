/**
 * The handlers of the log: earlier events, the live log, and events that belong together.
 */
import * as LogApi from "@daybook/http/LogApi"
import { malformed, unavailable } from "@daybook/http/Problem"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import type { EventStore } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventLine, LogPage, Trail } from "../Answer.ts"
import { type LiveEvent, MAX_SEARCHED } from "../InspectorApi.ts"
import { type ByCategory, line } from "./eventLines.ts"
import { shown } from "./rights.ts"
import { searchLog } from "./searchLog.ts"

const DEFAULT_LIMIT = 100

interface Filter {
  readonly category?: ReadonlyArray<StreamId.Category>
  readonly type?: ReadonlyArray<string>
  readonly actor?: ReadonlyArray<string>
  readonly notCategory?: ReadonlyArray<StreamId.Category>
  readonly notType?: ReadonlyArray<string>
  readonly notActor?: ReadonlyArray<string>
}

interface Show {
  readonly data?: boolean
  readonly show?: boolean
}

/** Returns the test of a filter, whose conditions must all hold. */
const matcher = (filter: Filter): ((event: RecordedEvent) => boolean) => {
  const { actor, category, notActor = [], notCategory = [], notType = [], type } = filter
  return (event) => {
    const by = event.metadata.actor
    const of = StreamId.category(event.streamId)
    return (
      (type?.includes(event.type) ?? true) &&
      (category?.includes(of) ?? true) &&
      (actor === undefined || (by !== undefined && actor.includes(by))) &&
      !notType.includes(event.type) &&
      !notCategory.includes(of) &&
      (by === undefined || !notActor.includes(by))
    )
  }
}

export const make = Effect.fnUntraced(function* ({
  presented,
  store
}: {
  readonly store: EventStore["Service"]
  readonly presented: ByCategory
}) {
  const follow = yield* LogApi.follow

  const page = Effect.fnUntraced(function* ({
    query
  }: {
    readonly query: Filter &
      Show & {
        readonly below?: Position.Position
        readonly above?: Position.Position
        readonly limit?: number
      }
  }) {
    const { above, below, data, limit = DEFAULT_LIMIT, show } = query
    const { events: isShown } = yield* shown(["log"], show, { log: below ?? "head" })
    const head = yield* Effect.catchTag(store.head, "EventStoreError", unavailable)
    const takes = matcher(query)
    const { kept, next, searched } = yield* searchLog(store, {
      above,
      // The first page ends exactly at `head`, where the live log goes on.
      below: below ?? Position.make(head + 1n),
      limit,
      keep: (event) =>
        takes(event) ? line(presented, event, { shown: isShown, data }) : undefined,
      bytesOf: (one) => (one.data === undefined ? 0 : one.bytes)
    }).pipe(Effect.catchTag("EventStoreError", unavailable))
    const answer: LogPage = {
      events: kept,
      head,
      searched,
      ...(next === undefined ? {} : { next }),
      withheld: !isShown
    }
    return answer
  })

  const live = Effect.fnUntraced(function* ({
    headers,
    query
  }: {
    readonly headers: { readonly "last-event-id"?: string }
    readonly query: Filter & Show & { readonly after?: string }
  }) {
    const { after = "head", category, data, show, type } = query
    const { events: isShown } = yield* shown(["log"], show, { log: "live" })
    const followed = yield* follow({
      headers,
      query: {
        after,
        ...(category === undefined ? {} : { category }),
        ...(type === undefined ? {} : { type })
      }
    })
    const takes = matcher(query)
    return followed.pipe(
      Stream.filter((one) => one.event === "heartbeat" || takes(one.data)),
      Stream.map((one): LiveEvent =>
        one.event === "heartbeat"
          ? one
          : { ...one, data: line(presented, one.data, { shown: isShown, data }) }
      )
    )
  })

  const trail = Effect.fnUntraced(function* ({
    query: { cause, command, correlation, near, show }
  }: {
    readonly query: {
      readonly correlation?: string
      readonly command?: string
      readonly cause?: string
      readonly near?: Position.Position
      readonly show?: boolean
    }
  }) {
    if (correlation === undefined && command === undefined && cause === undefined) {
      return yield* Effect.fail(malformed(["query"], "has none of correlation, command and cause"))
    }
    const { events: isShown } = yield* shown(["log"], show, { correlation, command, cause })
    const begun = yield* Clock.currentTimeMillis
    const belongs = ({ metadata }: RecordedEvent) =>
      (correlation !== undefined && metadata.correlationId === correlation) ||
      (command !== undefined && metadata.commandId === command) ||
      (cause !== undefined && metadata.causationId === cause)
    const head = yield* Effect.catchTag(store.head, "EventStoreError", unavailable)
    const middle = near ?? head
    // What one request set in motion stands close together: half of the search lies after it.
    const half = Math.floor(MAX_SEARCHED / 2)
    const side = Effect.fnUntraced(
      function* (direction: "forward" | "backward") {
        const found: Array<EventLine> = []
        let read = 0
        let last = middle
        yield* store
          .readAll({
            direction,
            limit: half,
            ...(direction === "forward" ? { after: middle } : { upTo: middle })
          })
          .pipe(
            Stream.runForEachWhile((event) =>
              Effect.sync(() => {
                read += 1
                last = event.position
                if (belongs(event)) found.push(line(presented, event, { shown: isShown }))
                return found.length < MAX_TRAIL
              })
            )
          )
        return { found, read, last, isWhole: read < half && found.length < MAX_TRAIL }
      },
      Effect.catchTags({ InvalidReadOption: Effect.die, EventStoreError: unavailable })
    )
    const before = yield* side("backward")
    const after = yield* side("forward")
    // Each side begins with the event next to the middle. A short side leaves room to the other.
    const share = Math.max(MAX_TRAIL / 2, MAX_TRAIL - after.found.length)
    const earlier = before.found.slice(0, share).toReversed()
    const later = after.found.slice(0, MAX_TRAIL - earlier.length)
    const [isCutBefore, isCutAfter] = [
      earlier.length < before.found.length,
      later.length < after.found.length
    ]
    const answer: Trail = {
      events: [...earlier, ...later],
      complete: before.isWhole && after.isWhole && !isCutBefore && !isCutAfter,
      from: isCutBefore
        ? beneath(earlier[0]?.position ?? middle)
        : before.isWhole
          ? Position.start
          : beneath(before.last),
      to: isCutAfter ? (later.at(-1)?.position ?? middle) : after.isWhole ? head : after.last,
      searched: {
        events: before.read + after.read,
        millis: (yield* Clock.currentTimeMillis) - begun
      },
      withheld: !isShown
    }
    return answer
  })

  return { page, live, trail }
})

/** The position below one that an event stands at. */
const beneath = (position: Position.Position) => Position.make(position - 1n)

/** The most events of a trail: those next to the event that it begins at. */
const MAX_TRAIL = 500
