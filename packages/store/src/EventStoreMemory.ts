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
import type { Revision } from "@daybook/kernel/Revision"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PreventSchedulerYield } from "effect/Scheduler"
import type { EventStoreDriver, Reads } from "./driver/EventStoreDriver.ts"
import * as EventStoreService from "./driver/EventStoreService.ts"
import * as Polls from "./driver/Polls.ts"
import * as WakeUps from "./driver/WakeUps.ts"
import { EventStore, type EventStoreError } from "./EventStore.ts"
import * as Log from "./internal/memory/log.ts"
import * as Read from "./internal/memory/read.ts"
import type { PassOverRefused } from "./internal/driver/passOverRefused.ts"

/**
 * The event is not passed over, and the reason.
 *
 * @category errors
 * @since 0.1.0
 */
export { PassOverRefused } from "./internal/driver/passOverRefused.ts"

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
  return EventStoreService.make(driver(log, wakeUps))
}

/** Positions of the log have no gaps, so each is also the number of events up to it. */
const driver = (log: Log.Log, wakeUps: WakeUps.InProcess): EventStoreDriver<EventStoreError> => {
  const reads: Reads<EventStoreError> = {
    origin: (position) => Effect.sync(() => Read.origin(log, position)),
    log: (filter) => (range) =>
      Effect.sync(() =>
        Read.page(log, log.events, filter, range, (place) => BigInt(place) as Position)
      ),
    stream:
      ({ streamId, types }) =>
      (range) =>
        Effect.sync(() =>
          Read.page(
            log,
            log.streams.get(streamId) ?? [],
            { types },
            range,
            (place) => place as Revision
          )
        ),
    end: (streamId, upTo) => Effect.sync(() => Read.end(log, streamId, upTo)),
    revisionAsOf: (streamId, upTo, bound) =>
      Effect.sync(() => Read.revisionAsOf(log, streamId, upTo, bound))
  }
  return {
    ...reads,
    name: "memory",
    // Deciding, writing and waking are one synchronous step: no other fiber gets in between.
    append: (appends) =>
      Effect.withFiber((fiber) => {
        const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        const answers = Log.append(log, appends, now, fiber.getRef(BeforeCommit))
        wakeUps.wakeAllUnsafe()
        return Effect.fromResult(answers)
      }),
    settled: () => Effect.sync(() => Log.head(log)),
    find: (ids) => Effect.sync(() => Read.find(log, ids)),
    streams: (selection) => Effect.sync(() => Read.streams(log, selection)),
    wakeUps,
    // A poll is one step too: no restore gets in between its reads.
    polls: (filter) => {
      const poll = Polls.make(reads, filter)
      return (after) => Effect.provideService(poll(after), PreventSchedulerYield, true)
    },
    positionAsOf: (settled, instant) => Effect.sync(() => Read.positionAsOf(log, settled, instant)),
    count: (options) => Effect.sync(() => Read.count(log, options)),
    readsAhead: false
  }
}

/**
 * Builds an event store on an empty log of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EventStore> = Layer.effect(EventStore, make)
