/**
 * An aggregate as the inspector shows it: its fold, and pure functions that put its events and
 * states into words.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import { printableLine } from "@daybook/kernel/Printable"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"
import type { At, CommandHandler, LoadError, Loaded } from "@daybook/store/CommandHandler"
import type { InvalidReadOption } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
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
  /**
   * Returns a sentence for an event; undefined without a presenter, or if the event can't be
   * decoded. If the presenter throws, the sentence says so.
   */
  readonly describe: (recorded: RecordedEvent) => string | undefined
  readonly initial: OpaqueState
  /** Evolves a state by a recorded event. */
  readonly evolve: (
    state: OpaqueState,
    recorded: RecordedEvent
  ) => Result.Result<OpaqueState, EventCodec.EventDecodeError>
  /** Returns the JSON form of a state. */
  readonly encode: (state: OpaqueState) => Schema.Json
  /** Returns the figure of a state; if the presenter throws, the figure says so. */
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
  const { open, seal } = opaque<State>()
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
        : said("describe", () => decoded.success.map(describe).join("; "))
    },
    initial: seal(decider.initialState),
    evolve: (state, recorded) =>
      Result.map(EventCodec.decodeRecorded(codec, recorded), (events) =>
        seal(Decider.fold(decider, events, open(state)))
      ),
    encode: (state) => encodeState(open(state)),
    figure: (state) =>
      figure === undefined ? undefined : said("figure", () => figure.of(open(state))),
    loadAt: (handler, id, at) =>
      Effect.map(handler.loadAt(aggregate, id, at), (loaded) => ({
        ...loaded,
        state: seal(loaded.state)
      }))
  }
}

/**
 * Hides the type of the states of one aggregate. `open` is only ever given what its own `seal`
 * returned, since callers have no other states than those of `initial`, `evolve` and `loadAt`.
 */
const opaque = <State>() => ({
  seal: (state: State): OpaqueState => state as unknown as OpaqueState,
  open: (state: OpaqueState): State => state as unknown as State
})

/** The longest reason that stands in the place of a text, in UTF-16 code units. */
const MAX_REASON = 200

/** Returns the text of a presenter, or the reason why there is none: it is code of the host. */
const said = (name: "describe" | "figure", text: () => string): string =>
  Result.getOrElse(Result.try(text), (cause) =>
    printableLine(
      `${name} failed: ${Predicate.isError(cause) ? `${cause.name}: ${cause.message}` : "it threw"}`
    ).slice(0, MAX_REASON)
  )

/** Separates the tag of an event from its data, as a log does. */
const tagged = (encoded: Schema.Json): { readonly type: string; readonly data: Schema.Json } => {
  if (!isRecord(encoded)) return { type: "", data: encoded }
  const { _tag: type, ...data } = encoded
  return { type: typeof type === "string" ? type : "", data }
}

const isRecord = (json: Schema.Json): json is { readonly [field: string]: Schema.Json } =>
  Predicate.isObject(json)
