/**
 * The event store in memory: the reference that says what every other store answers, and the store
 * for tests and for trying things out. What it holds is gone with its process.
 *
 * @since 0.1.0
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as LogId from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type AppendRefused, EventStore, type InvalidReadOption } from "./EventStore.ts"
import { encodeAppend, encodeAppends, type EncodedAppend } from "./internal/driver/encodeAppends.ts"
import { instrument } from "./internal/driver/instrument.ts"
import * as Follow from "./internal/memory/follow.ts"
import * as Log from "./internal/memory/log.ts"
import * as Streams from "./internal/memory/streams.ts"
import {
  eventIds,
  readOptions,
  streamsOptions,
  validInstant,
  validStreamId
} from "./internal/driver/readOptions.ts"
import * as Subscription from "./internal/driver/subscription.ts"
import * as WakeUps from "./internal/driver/wakeUps.ts"
import type { PassOverRefused } from "./PassOverRefused.ts"

/**
 * What is asked with the events that an append is about to record, and then does its part in the same step as the append: so that
 * both happen or neither, and nobody sees one without the other. Nothing unless provided around an append.
 *
 * **Details**
 * Not asked for an append that is refused or repeated. A failure takes the place of the append.
 *
 * @category references
 * @since 0.1.0
 */
export const BeforeCommit = Context.Reference<Log.BeforeCommit | undefined>(
  "@daybook/store/EventStoreMemory/BeforeCommit",
  { defaultValue: () => undefined }
)

/**
 * The id of the logs that are built; each draws its own unless one is provided.
 *
 * **Details**
 * For a log that is to stand for another one, such as the same log after it was restored to an earlier time.
 *
 * @category references
 * @since 0.1.0
 */
export const Identity = Context.Reference<LogId.LogId | undefined>(
  "@daybook/store/EventStoreMemory/Identity",
  { defaultValue: () => undefined }
)

/**
 * Takes a log back to what it was at a position, as restoring a backup beneath those who use it does, and gives the events that are lost
 * by that.
 *
 * **Details**
 * Of an append that the position is in the middle of, nothing is left. Whoever waits for events is woken, and finds out.
 *
 * @category types
 * @since 0.1.0
 */
export type Restore = (upTo: Position) => Effect.Effect<ReadonlyArray<RecordedEvent>>

/**
 * Makes readers of a log pass over an event, as `PostgresPassOver` does; in memory nothing records who wanted it.
 *
 * @category types
 * @since 0.1.0
 */
export type PassOver = (given: {
  readonly position: Position
  readonly eventId: EventId
  readonly actor: string
  readonly reason: string
}) => Effect.Effect<void, PassOverRefused>

/**
 * Is given by each log that is built how to take it back, and how to have its readers pass over an event. Nothing unless provided.
 *
 * **Details**
 * For tests of what hosts, subscribers and read models do when a backup is restored or an event can't be read; no caller of a
 * store can do it.
 *
 * @category references
 * @since 0.1.0
 */
export const OnBuilt = Context.Reference<
  ((restore: Restore, passOver: PassOver) => void) | undefined
>("@daybook/store/EventStoreMemory/OnBuilt", { defaultValue: () => undefined })

/**
 * An empty log of its own; nothing is shared between two of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<EventStore["Service"]> = Effect.map(
  Effect.all([Identity, OnBuilt]),
  ([identity, onBuilt]) => build(identity, onBuilt)
)

const build = (
  identity: LogId.LogId | undefined,
  onBuilt: ((restore: Restore, passOver: PassOver) => void) | undefined
): EventStore["Service"] => {
  // A seeded generator would give two logs of one test the same id.
  const log = Log.empty(identity ?? LogId.make(SecureRandom.uuidV4Unsafe()))
  const wakeUps = WakeUps.make()
  onBuilt?.(
    (upTo) =>
      Effect.sync(() => {
        const lost = Log.restore(log, upTo)
        wakeUps.wakeAllUnsafe()
        return lost
      }),
    (given) => Effect.suspend(() => Effect.fromResult(Log.passOver(log, given)))
  )
  const source: Subscription.Source<never> = {
    look: (after, options) =>
      Effect.suspend(() => Effect.fromResult(Follow.look(log, after, options))),
    join: wakeUps.join,
    // Nobody else can append to this log, so there is nothing to look for without a wake-up.
    wait: (latch) => latch.await,
    alone: Effect.succeed(true)
  }

  // Deciding, writing and waking are one synchronous step: no other fiber gets in between.
  const write = (
    encode: () => Result.Result<Arr.NonEmptyReadonlyArray<EncodedAppend>, AppendRefused>
  ) =>
    Effect.withFiber((fiber): ReturnType<EventStore["Service"]["appendAll"]> => {
      const clock = fiber.getRef(Clock.Clock)
      const encoded = encode()
      if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
      const now = clock.currentTimeMillisUnsafe()
      const answers = Log.append(log, encoded.success, now, fiber.getRef(BeforeCommit))
      wakeUps.wakeAllUnsafe()
      return Effect.fromResult(answers)
    })

  return instrument("memory", {
    append: (append) =>
      Effect.map(
        write(() => Result.map(encodeAppend(append), Arr.of)),
        ([appended]) => appended
      ),
    appendAll: ({ appends, checks = [] }) => write(() => encodeAppends(appends, checks)),
    read: (streamId, options = {}) =>
      pages(readOptions(options, streamId), (checked) => Log.readStream(log, streamId, checked)),
    readAll: (options = {}) => pages(readOptions(options), (checked) => Log.readAll(log, checked)),
    subscribePages: (options = {}) => Subscription.pages(source, options),
    head: Effect.sync(() => Follow.head(log)),
    positionAt: ({ recordedAt }) =>
      Effect.map(Effect.fromResult(validInstant("recordedAt", recordedAt)), (instant) =>
        Streams.positionAt(log, instant)
      ),
    streams: (options = {}) =>
      Stream.unwrap(
        Effect.map(Effect.fromResult(streamsOptions(options)), (checked) =>
          Stream.suspend(() => Stream.fromIterable(Streams.streams(log, checked)))
        )
      ),
    stream: (streamId) =>
      Effect.suspend(() =>
        Effect.fromResult(
          Result.map(validStreamId(streamId), (checked) => Streams.stream(log, checked))
        )
      ),
    backlog: (options = {}) =>
      Effect.suspend(() =>
        Effect.fromResult(
          Result.map(readOptions(options), (checked) => Follow.backlog(log, checked))
        )
      ),
    find: (ids) =>
      Effect.suspend(() =>
        Effect.fromResult(Result.map(eventIds(ids), (checked) => Log.find(log, checked)))
      ),
    identity: Effect.succeed(log.id),
    checkpoint: Effect.sync(() => Follow.checkpoint(log)),
    verify: (given) => Effect.suspend(() => Effect.fromResult(Follow.verify(log, given))),
    inTransaction: Effect.succeed(false)
  })
}

/**
 * Each event store that this layer builds is an empty log.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventStore> = Layer.effect(EventStore, make)

/** Reads nothing before the first pull, then a page for each. */
const pages = <Options>(
  options: Result.Result<Options, InvalidReadOption>,
  read: (options: Options) => Log.Page
): Stream.Stream<Log.Page["events"][number], InvalidReadOption> =>
  Stream.unwrap(
    Effect.map(Effect.fromResult(options), (checked) =>
      Stream.paginate(
        (): Log.Page => read(checked),
        (next) =>
          Effect.sync(() => {
            const page = next()
            return [page.events, Option.fromUndefinedOr(page.next)] as const
          })
      )
    )
  )
