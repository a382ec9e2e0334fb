/**
 * An aggregate as the inspector shows it: its fold, and pure functions that put its events and
 * states into words.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"
import type { At, CommandHandler, LoadError, Loaded } from "@daybook/store/CommandHandler"
import type { InvalidReadOption } from "@daybook/store/EventStore"
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The words for an aggregate; each of them is optional.
 *
 * @category types
 * @since 0.1.0
 */
export interface Presenter<in Event, in State> {
  /** Returns a sentence for an event, such as `4 x White metal lantern at GBP 3.39`. */
  readonly describe?: (event: Event) => string
  /** A figure of the state after an event, in the last column of a stream. */
  readonly figure?: {
    /** The head of the column, such as `Order after`. */
    readonly head: string
    /** Returns the figure with its unit, such as `GBP 13.56`; empty for none. */
    readonly of: (state: State) => string
  }
  /**
   * The fields that identify an element of a list of the state, by the path of the list:
   * `{ lines: ["productId", "unitPriceMinor"] }`. Other lists are compared by place.
   */
  readonly lists?: { readonly [path: string]: ReadonlyArray<string> }
}

/** A state of an aggregate, whose type is its own. */
declare const StateOf: unique symbol
interface OpaqueState {
  readonly [StateOf]: never
}

/**
 * An aggregate with its presenter, of any types; made by {@link make}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Presented {
  readonly category: Category
  readonly codec: Pick<EventCodec.EventCodec<unknown>, "name" | "types" | "versions">
  /** The head of the column of figures. */
  readonly figureHead: string | undefined
  readonly lists: { readonly [path: string]: ReadonlyArray<string> }
  /** Decodes an event to the JSON forms of the events of today that it stands for. */
  readonly today: (
    recorded: RecordedEvent
  ) => Result.Result<
    ReadonlyArray<{ readonly type: string; readonly data: Schema.Json }>,
    EventCodec.DecodeErrorReason
  >
  /** Returns a sentence for an event; undefined without a presenter, or if it can't be decoded. */
  readonly describe: (recorded: RecordedEvent) => string | undefined
  readonly initial: OpaqueState
  /** Evolves a state by a recorded event. */
  readonly evolve: (
    state: OpaqueState,
    recorded: RecordedEvent
  ) => Result.Result<OpaqueState, EventCodec.EventDecodeError>
  /** Returns the JSON form of a state. */
  readonly encode: (state: OpaqueState) => Schema.Json
  readonly figure: (state: OpaqueState) => string | undefined
  /** Loads a state as of a revision or an instant. */
  readonly loadAt: (
    handler: CommandHandler["Service"],
    id: string,
    at: At
  ) => Effect.Effect<Loaded<OpaqueState>, LoadError | InvalidReadOption>
}

/**
 * Presents an aggregate. Without a presenter, events and states are shown as names and JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  { describe, figure, lists = {} }: Presenter<NoInfer<Event>, NoInfer<State>> = {}
): Presented => {
  const { category, codec, decider } = aggregate
  const encodeEvent = Schema.encodeSync(Schema.toCodecJson(codec.events))
  const encodeState = Schema.encodeSync(Schema.toCodecJson(aggregate.state))
  // The only states that callers have are those that `initial`, `evolve` and `loadAt` returned.
  const opened = (state: OpaqueState): State => state as unknown as State
  const closed = (state: State): OpaqueState => state as unknown as OpaqueState
  return {
    category,
    codec,
    figureHead: figure?.head,
    lists,
    today: (recorded) =>
      Result.map(codec.decode(recorded), (events) =>
        events.map((event) => tagged(encodeEvent(event)))
      ),
    describe: (recorded) => {
      if (describe === undefined) return undefined
      const decoded = codec.decode(recorded)
      return Result.isFailure(decoded) || decoded.success.length === 0
        ? undefined
        : decoded.success.map(describe).join("; ")
    },
    initial: closed(decider.initialState),
    evolve: (state, recorded) =>
      Result.map(EventCodec.decodeRecorded(codec, recorded), (events) =>
        closed(Decider.fold(decider, events, opened(state)))
      ),
    encode: (state) => encodeState(opened(state)),
    figure: (state) => figure?.of(opened(state)),
    loadAt: (handler, id, at) =>
      handler.loadAt(aggregate, id, at) as unknown as ReturnType<Presented["loadAt"]>
  }
}

/** Separates the tag of an event from its data, as a log does. */
const tagged = (encoded: unknown): { readonly type: string; readonly data: Schema.Json } => {
  if (!Predicate.isObject(encoded)) return { type: "", data: encoded as Schema.Json }
  const { _tag: type, ...data } = encoded as Record<string, Schema.Json>
  return { type: typeof type === "string" ? type : "", data }
}
