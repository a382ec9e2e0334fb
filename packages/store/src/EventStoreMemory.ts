/**
 * The event store in memory: the reference that defines the answers of every other store, and the
 * store for tests and experiments. Its contents end with its process.
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
 * A hook that runs before an append is recorded; none unless provided around the append. The
 * function it returns commits in the same synchronous step, so both happen or neither, and no
 * reader sees only one of them.
 *
 * **Details**
 * A refused or repeated append does not run it. If it fails, the append fails with its error.
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
 * For a log that represents another one, such as the same log after it was restored to an earlier
 * time.
 *
 * @category references
 * @since 0.1.0
 */
export const Identity = Context.Reference<LogId.LogId | undefined>(
  "@daybook/store/EventStoreMemory/Identity",
  { defaultValue: () => undefined }
)

/**
 * Resets a log to its contents at a position, like restoring a backup beneath its users, and
 * returns the events that are lost by that.
 *
 * **Details**
 * An append that spans the position is removed whole. Waiting subscribers are woken and detect the
 * loss.
 *
 * @category types
 * @since 0.1.0
 */
export type Restore = (upTo: Position) => Effect.Effect<ReadonlyArray<RecordedEvent>>

/**
 * Makes readers of a log pass over an event, as `PostgresPassOver` does; memory records neither
 * actor nor reason.
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
 * A function that each new log calls with its {@link Restore} and {@link PassOver}; none unless
 * provided.
 *
 * **Details**
 * For tests of hosts, subscribers and read models after a restored backup or with an unreadable
 * event. Callers of a store have neither operation.
 *
 * @category references
 * @since 0.1.0
 */
export const OnBuilt = Context.Reference<
  ((restore: Restore, passOver: PassOver) => void) | undefined
>("@daybook/store/EventStoreMemory/OnBuilt", { defaultValue: () => undefined })

/**
 * Makes an empty log of its own; two of them share nothing.
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
    poll: (after, options) =>
      Effect.suspend(() => Effect.fromResult(Follow.poll(log, after, options))),
    join: wakeUps.join,
    // Only this process appends to this log, so without a wake-up there is nothing to poll for.
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
 * Builds an event store on an empty log of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventStore> = Layer.effect(EventStore, make)

/** Reads nothing before the first pull, then one page per pull. */
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
