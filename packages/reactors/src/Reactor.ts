/**
 * A reactor: an effect for each event of the log, at least once, in the order of each key.
 *
 * **Example** (A reactor that sends mail)
 *
 * ```ts
 * import type { EventSource } from "@daybook/kernel/Projection"
 * import * as Reactor from "@daybook/reactors/Reactor"
 * import { Effect } from "effect"
 *
 * export const confirmations = (orders: EventSource<{ readonly _tag: "Placed" | "Shipped" }>) =>
 *   Reactor.make({
 *     name: "confirmations",
 *     from: "now",
 *     sources: [orders],
 *     react: (event, { effectKey, recorded }) =>
 *       event._tag === "Placed"
 *         ? Effect.log(`mail ${effectKey} to the customer of ${recorded.streamId}`)
 *         : Effect.void
 *   })
 * ```
 *
 * @since 0.1.0
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import type { EventOf, EventSource } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type ConsumerGroup, Name } from "./ConsumerGroup.ts"

/**
 * The event that a reaction is for.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reaction {
  readonly recorded: RecordedEvent
  /** The key of the group for which the event is handled: one of several, if it has several. */
  readonly key: string
  /**
   * The name of the reactor and the id of the event, and the key if the key function returns lists:
   * the same at each attempt. Pass it to systems that recognise repetitions, such as a payment
   * provider.
   */
  readonly effectKey: string
}

/**
 * The policy when an event still fails after its retries: `stop`, the range of the event waits;
 * `park`, the event and the later ones of its key wait and others go on; `skip`, the event is left
 * out, which is recorded among the acts.
 *
 * @category types
 * @since 0.1.0
 */
export type OnFailure = "stop" | "park" | "skip"

/**
 * The options of every reactor. Its `from`, `types` and `key` are those of its consumer group.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options<in Event, out R> extends Pick<
  ConsumerGroup,
  "name" | "from" | "types" | "key"
> {
  /** Reacts to an event. Failures and defects are retried, and then handled by `onFailure`. */
  readonly react: (event: Event, reaction: Reaction) => Effect.Effect<void, unknown, R>
  /** `stop` unless told. */
  readonly onFailure?: OnFailure | undefined
  /** The number of parked keys above which a further one stops its range; 100 unless told. */
  readonly maxParked?: number | undefined
  /** The retries of an event before `onFailure`: {@link defaultRetry} unless told. */
  readonly retry?: Schedule.Schedule<unknown, unknown> | undefined
  /**
   * Runs the database work of `react` in the transaction that moves the checkpoint, so that it
   * takes effect exactly once; events are handled one after another. Use the SQL client of the
   * groups.
   */
  readonly transactional?: boolean | undefined
  /** The number of keys that are handled at once on a host, in each range; 16 unless told. */
  readonly concurrency?: number | undefined
}

/**
 * Reactions to many events at once.
 *
 * @category types
 * @since 0.1.0
 */
export interface Together<out R> {
  /** The most events of a batch; at least 1. */
  readonly most: number
  /**
   * Returns the reaction to a batch of events, which are in position order and of any keys.
   *
   * **Details**
   * A pure function: it is called while the reaction to the batch before is under way, and what it
   * returns may not be run.
   * The reaction returns the events that are left: with an event also the later ones of its key. If
   * it fails, all are left. The reactor then reacts to each of these by itself, with its retries
   * and its policy.
   */
  readonly prepare: (
    events: Arr.NonEmptyReadonlyArray<RecordedEvent>
  ) => Effect.Effect<ReadonlySet<RecordedEvent>, unknown, R>
}

/**
 * A reactor, for `Reactors.layer`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reactor<out R> {
  readonly group: ConsumerGroup
  /** Decodes the event and reacts to it, for one of its keys. */
  readonly react: (event: RecordedEvent, key: string) => Effect.Effect<void, unknown, R>
  readonly onFailure: OnFailure
  readonly maxParked: number
  readonly retry: Schedule.Schedule<unknown, unknown>
  readonly transactional: boolean
  readonly concurrency: number
  /** Reacts to several events at once; none unless told. A transactional reactor has none. */
  readonly together?: Together<R> | undefined
}

/**
 * Three retries, after 100, 200 and 400 milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultRetry: Schedule.Schedule<unknown, unknown> = Schedule.exponential(
  "100 millis"
).pipe(Schedule.upTo({ times: 3 }))

/**
 * Makes a reactor of the events of `sources`, decoded, or else of recorded events as they are
 * stored. Throws unless the name is valid and the categories of `sources` differ.
 *
 * **Details**
 * A stored event that decodes to several of today's is reacted to as a whole: all of them again, if
 * one of them fails. An event that can't be decoded fails, and is handled by `onFailure`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <const Source extends EventSource<unknown>, R = never>(
    options: Options<EventOf<Source>, R> & { readonly sources: ReadonlyArray<Source> }
  ): Reactor<R>
  <R = never>(options: Options<RecordedEvent, R> & Pick<ConsumerGroup, "categories">): Reactor<R>
} = <R>(
  options: Options<never, R> & {
    readonly sources?: ReadonlyArray<EventSource<unknown>>
    readonly categories?: ConsumerGroup["categories"]
  }
): Reactor<R> => {
  const { from, key, name, sources, types } = options
  // The overloads tie the events of `react` to its sources.
  const react: (event: unknown, reaction: Reaction) => Effect.Effect<void, unknown, R> =
    options.react as Options<unknown, R>["react"]
  const isListed = (recorded: RecordedEvent): boolean =>
    key !== undefined && Array.isArray(key(recorded))
  const reactionTo = (recorded: RecordedEvent, of: string): Reaction => ({
    recorded,
    key: of,
    effectKey: `${name}:${recorded.id}${isListed(recorded) ? `:${of}` : ""}`
  })
  const categories = sources?.map(({ category }) => category)
  if (new Set(categories).size !== (categories?.length ?? 0)) {
    throw new Error(`two sources of reactor ${name} have one category`)
  }
  return {
    group: {
      name: Name.make(name),
      from,
      key,
      types,
      categories: categories ?? options.categories
    },
    react:
      sources === undefined
        ? (recorded, of) => react(recorded, reactionTo(recorded, of))
        : decoding(sources, (event, recorded, of) => react(event, reactionTo(recorded, of))),
    onFailure: options.onFailure ?? "stop",
    maxParked: options.maxParked ?? 100,
    retry: options.retry ?? defaultRetry,
    transactional: options.transactional ?? false,
    concurrency: options.concurrency ?? 16
  }
}

const decoding = <R>(
  sources: ReadonlyArray<EventSource<unknown>>,
  react: (event: unknown, recorded: RecordedEvent, key: string) => Effect.Effect<void, unknown, R>
) => {
  const codecs = new Map(sources.map(({ category, codec }) => [`${category}-`, codec]))
  return Effect.fnUntraced(function* (recorded: RecordedEvent, key: string) {
    const { streamId } = recorded
    const codec = codecs.get(streamId.slice(0, streamId.indexOf("-") + 1))
    if (codec === undefined) return yield* Effect.die(new Error(`${streamId} is of no source`))
    const events = yield* Effect.fromResult(EventCodec.decodeRecorded(codec, recorded))
    for (const event of events) yield* react(event, recorded, key)
  })
}
