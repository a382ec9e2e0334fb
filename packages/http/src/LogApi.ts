/**
 * The log as server-sent events: the recorded events after a place, then new ones as they settle.
 *
 * `GET /NAME?category=order&type=OrderShipped`. Each event has an `id`; a client that reconnects
 * with it in `Last-Event-ID`, as browsers do, goes on after it.
 *
 * @since 0.1.0
 */
import { EventType } from "@daybook/kernel/NewEvent"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Category } from "@daybook/kernel/StreamId"
import type { EventStore } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Requires } from "./Authenticator.ts"
import { implement } from "./internal/implement.ts"
import * as LogHandlers from "./internal/logHandlers.ts"
import { Busy, OtherHistory, Unavailable } from "./Problem.ts"
import { guarded } from "./RequestGuard.ts"

/**
 * The limits of the followers of a log, for the layer of a host.
 *
 * @category references
 * @since 0.1.0
 */
export const FollowerSettings = Context.Reference<{
  /** The most clients that follow at once; a further one is answered with 503. */
  readonly most: number
  /** The most clients of one actor; a host without `Authentication` has no actors. */
  readonly mostPerActor: number
  /**
   * The silence in milliseconds after which a heartbeat is sent. `NodeHost` closes a connection
   * after a minute of silence.
   */
  readonly heartbeatMillis: number
  /**
   * The time in milliseconds that a client may take for one page of events. A slower one is cut
   * off, and can resume.
   */
  readonly patienceMillis: number
  /**
   * The time in milliseconds after which an answer ends. A client resumes it by a further request,
   * whose caller is authenticated.
   */
  readonly lifetimeMillis: number
}>("@daybook/http/LogApi/FollowerSettings", {
  defaultValue: () => ({
    most: 1_000,
    mostPerActor: 100,
    heartbeatMillis: 15_000,
    patienceMillis: 60_000,
    lifetimeMillis: 3_600_000
  })
})

/**
 * An event of the stream. A heartbeat has no data; its `id` covers events that the filter left out.
 *
 * @category types
 * @since 0.1.0
 */
export const LogEvent = Schema.Union([
  Schema.Struct({
    event: Schema.Literal("recorded"),
    /** The place after the event: pass it as `Last-Event-ID`. */
    id: Schema.String,
    data: Schema.fromJsonString(Schema.toCodecJson(RecordedEvent))
  }),
  Schema.Struct({
    event: Schema.Literal("heartbeat"),
    id: Schema.String,
    data: Schema.Literal("{}")
  })
])

/**
 * @category types
 * @since 0.1.0
 */
export type LogEvent = typeof LogEvent.Type

const Place = Schema.String.check(
  Schema.isPattern(/^(?:head|\d{1,19}|[A-Za-z0-9_-]{1,500})$/, {
    expected: "head, a position, or the id of an event of this stream"
  })
)

/**
 * Makes an API of the whole log of a host.
 *
 * **Details**
 * It starts with the first event of the log, or after `?after=`: `head`, a position, or an id of
 * the stream. After `head` a heartbeat with the place comes at once. An id carries the log and the
 * event that it stands at, so that an id of another log, or of a history that a restore replaced,
 * is refused with 409.
 * The host holds one page of events for a client, and reads the next when that is sent. It ends the
 * stream after an hour, so that a caller who lost a permission does not follow for ever.
 *
 * **Example**
 *
 * ```ts
 * import * as LogApi from "@daybook/http/LogApi"
 *
 * export const log = LogApi.make({ name: "log" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Name extends string>({
  name
}: {
  /** Its path, and its name in the client. */
  readonly name: Name
}) => {
  const group = guarded(
    HttpApiGroup.make(name).add(
      HttpApiEndpoint.get("events", `/${name}` as const, {
        query: {
          category: Schema.optionalKey(Schema.Array(Category).check(Schema.isMaxLength(100))),
          type: Schema.optionalKey(Schema.Array(EventType).check(Schema.isMaxLength(100))),
          after: Schema.optionalKey(Place)
        },
        headers: { "last-event-id": Schema.optionalKey(Place) },
        success: HttpApiSchema.StreamSse({ events: LogEvent }),
        error: [OtherHistory, Busy, Unavailable]
      })
        .annotate(Requires, "log")
        .annotate(OpenApi.Summary, "Follows the log as server-sent events")
    ),
    "The log of recorded events"
  )
  return implement<typeof group, EventStore>(
    group,
    Effect.map(follow, (events) => ({ events }))
  )
}

/**
 * Makes the handler of the stream, for an endpoint that answers with the same events in another
 * form. Its followers are counted apart from those of other handlers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const follow: Effect.Effect<LogHandlers.Follow, never, EventStore> =
  LogHandlers.make(FollowerSettings)
