/**
 * The handler of the log as a stream of events.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import type { Category } from "@daybook/kernel/StreamId"
import { Checkpoint, isCheckpoint } from "@daybook/store/Checkpoint"
import { EventStore } from "@daybook/store/EventStore"
import type { SubscriptionPage } from "@daybook/store/Subscription"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { FollowerSettings, LogEvent } from "../LogApi.ts"
import { CurrentCaller } from "../Authenticator.ts"
import {
  type Busy,
  type Malformed,
  malformed,
  OtherHistory,
  type Unavailable,
  unavailable
} from "../Problem.ts"
import { Closing } from "./closing.ts"
import { paced } from "./paced.ts"
import * as Places from "./places.ts"

const EVENTS_AT_ONCE = 16

export interface FollowRequest {
  readonly query: {
    readonly category?: ReadonlyArray<Category>
    readonly type?: ReadonlyArray<string>
    readonly after?: string
  }
  readonly headers: { readonly "last-event-id"?: string }
}

/** Events that go to a client together, and the place after them. */
interface Sent {
  readonly events: ReadonlyArray<LogEvent>
  readonly place: string
}

/** Answers a request with the events that it asks for, in a place of the followers. */
export type Follow = (
  request: FollowRequest
) => Effect.Effect<
  Stream.Stream<LogEvent>,
  OtherHistory | Malformed | Busy | Unavailable,
  Scope.Scope
>

export const make = Effect.fnUntraced(function* (
  followerSettings: typeof FollowerSettings
): Effect.fn.Return<Follow, never, EventStore> {
  const store = yield* EventStore
  const settings = yield* followerSettings
  const closing = yield* Closing
  const places = Places.make(settings)

  const startOf = Effect.fnUntraced(
    function* (place: string, path: ReadonlyArray<string>) {
      if (place === "head") return yield* store.checkpoint
      const after = yield* Effect.mapError(Effect.fromResult(parse(place)), () =>
        malformed(path, "is not a place in a log")
      )
      yield* store.verify(after)
      return after
    },
    Effect.catchTags({
      CheckpointMismatch: ({ reason }) => Effect.fail(new OtherHistory({ reason })),
      EventStoreError: unavailable
    })
  )

  return Effect.fnUntraced(function* ({ headers, query }: FollowRequest) {
    const last = headers["last-event-id"]
    // A client that reconnects repeats its first query.
    const after = yield* last === undefined
      ? startOf(query.after ?? "0", ["query", "after"])
      : startOf(last, ["headers", "last-event-id"])
    const caller = yield* CurrentCaller
    yield* places.enter(caller?.actor)
    const end = yield* Effect.forkScoped(
      Effect.raceFirst(closing, Effect.sleep(settings.lifetimeMillis))
    )
    let reached = idOf(after)
    const pages = store
      .subscribePages({
        after,
        ...(query.category === undefined ? {} : { categories: query.category }),
        ...(query.type === undefined ? {} : { types: query.type })
      })
      .pipe(
        Stream.map((page): Sent => ({ place: idOf(page.checkpoint), events: eventsOf(page) })),
        Stream.filter(({ events: some, place }) => {
          if (some.length > 0) return true
          // An empty page only moves the place: the next heartbeat has it.
          reached = place
          return false
        })
      )
    const heartbeat = (): Sent => ({
      place: reached,
      events: [{ event: "heartbeat", id: reached, data: "{}" }]
    })
    // A client that loses the connection before the first event would ask for another head.
    const first = last === undefined && query.after === "head" ? heartbeat().events : []
    return paced(pages, heartbeat, settings, Fiber.join(end)).pipe(
      Stream.flatMap(({ events: some, place }) => {
        // Here and not where it is read: a heartbeat meanwhile must not stand after the page.
        reached = place
        // A client has a few encoded events on their way, not a page of them.
        return Stream.fromArrays(...Arr.chunksOf(some, EVENTS_AT_ONCE))
      }),
      (following) => Stream.concat(Stream.fromIterable(first), following),
      // The answer has begun: the client reconnects, and learns of a fault that lasts.
      Stream.catchCause((cause) =>
        Cause.hasInterrupts(cause)
          ? Stream.fromEffect(Effect.interrupt)
          : Stream.fromEffectDrain(Effect.logWarning("A stream of events ended", cause))
      )
    )
  })
})

/** The events of a page; the place after each is a checkpoint at it. */
const eventsOf = ({ checkpoint, events }: SubscriptionPage): ReadonlyArray<LogEvent> =>
  events.map((recorded) => ({
    event: "recorded",
    id: idOf({
      log: checkpoint.log,
      position: recorded.position,
      event: EventMark.of(recorded)
    }),
    data: recorded
  }))

const CheckpointText = Schema.fromJsonString(Schema.toCodecJson(Checkpoint))
const encode = Schema.encodeSync(CheckpointText)
const decode = Schema.decodeUnknownResult(CheckpointText)
const decodePosition = Schema.decodeUnknownResult(Schema.toCodecJson(Position.Position))

const idOf = (place: Checkpoint | Position.Position): string =>
  isCheckpoint(place) ? Base64Url.encode(encode(place)) : String(place)

const parse = (place: string): Result.Result<Checkpoint | Position.Position, unknown> => {
  if (/^\d+$/.test(place)) return decodePosition(place)
  const text = Base64Url.decodeString(place)
  return Result.isFailure(text) ? Result.fail(text.failure) : decode(text.success)
}
