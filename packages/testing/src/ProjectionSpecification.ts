/**
 * Specifications of read models by example: given events, then rows.
 *
 * The given events are recorded in a log in memory, and the rows are folded from it as in a store:
 * events are decoded by the codecs of their streams and upcast, and each row passes through its
 * stored form, in one run between any two events and in another only at the end.
 *
 * **Example** (A word is there for as long as it is said more often than taken back)
 *
 * ```ts
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as Projection from "@daybook/kernel/Projection"
 * import * as StreamId from "@daybook/kernel/StreamId"
 * import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"
 * import { Schema } from "effect"
 *
 * const events = Schema.TaggedUnion({ Said: { word: Schema.String }, Unsaid: { word: Schema.String } })
 * const talk = { category: StreamId.Category.make("talk"), codec: EventCodec.make({ name: "talk", events }) }
 * const words = Projection.define({
 *   name: "words",
 *   version: 1,
 *   from: [talk],
 *   row: Schema.Struct({ word: Schema.String, times: Schema.Int }),
 *   primaryKey: ["word"]
 * }).fold({
 *   keys: ({ word }) => [{ word }],
 *   initial: ({ word }) => ({ word, times: 0 }),
 *   apply: ({ times, word }, { _tag }) =>
 *     _tag === "Said" ? { word, times: times + 1 } : times > 1 ? { word, times: times - 1 } : undefined
 * })
 *
 * const one = ProjectionSpecification.stream(talk, "1")
 * const said = (word: string) => ({ _tag: "Said", word }) as const
 * ProjectionSpecification.assert(
 *   ProjectionSpecification.make("words", words, (given) => ({
 *     "are counted": given(one.events(said("yes"), said("no"), said("yes"))).then([
 *       { word: "yes", times: 2 },
 *       { word: "no", times: 1 }
 *     ]),
 *     "are gone when they are taken back": given(
 *       one.events(said("yes"), { _tag: "Unsaid", word: "yes" })
 *     ).then([ProjectionSpecification.noRow({ word: "yes" })])
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { EncodedEvent, EventCodec } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Projection } from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ExampleLaws from "./internal/exampleLaws.ts"
import { failureText, labelled } from "./internal/labelled.ts"
import * as Examples from "./internal/projectionExample.ts"
import { render } from "./internal/render.ts"
import type * as Law from "./Law.ts"

/**
 * The facts of an event besides its data.
 *
 * @category types
 * @since 0.1.0
 */
export interface Circumstances {
  /** Defaults to the {@link occurredAt} of the event's place in the example. */
  readonly occurredAt?: DateTime.Utc
  /** Defaults to the {@link eventId} of the event's place in the example. */
  readonly id?: EventId.EventId
  /** Empty by default. */
  readonly metadata?: EventMetadata
}

/**
 * A given event of a stream.
 *
 * @category types
 * @since 0.1.0
 */
export interface Happened<out Event> extends Circumstances {
  readonly streamId: StreamId.StreamId
  /** The event as failures show it: of the newest shape, or as stored. */
  readonly shown: Event | EncodedEvent
  readonly encode: () => Result.Result<EncodedEvent, unknown>
}

/**
 * A stream that builds given events.
 *
 * @category types
 * @since 0.1.0
 */
export interface Stream<in out Event> {
  /** Builds events of the newest shape, as they are recorded today. */
  readonly events: (...events: ReadonlyArray<Event>) => ReadonlyArray<Happened<Event>>
  /** Builds events from their stored form, of an old version or the newest. */
  readonly stored: (...stored: ReadonlyArray<EncodedEvent>) => ReadonlyArray<Happened<Event>>
  /** Returns the same stream, whose events have other circumstances. */
  readonly with: (circumstances: Circumstances) => Stream<Event>
}

/**
 * An expectation that no row has this key, because it never had or was deleted.
 *
 * @category types
 * @since 0.1.0
 */
export class NoRow<out Key> {
  readonly key: Key
  constructor(key: Key) {
    this.key = key
  }
}

/**
 * One example: after the events `given`, in that order in the log, the read model has these rows
 * and no others.
 *
 * @category types
 * @since 0.1.0
 */
export interface Example<out Event, out Key, out Row> {
  readonly given: ReadonlyArray<Happened<Event>>
  readonly rows: ReadonlyArray<Row | NoRow<Key>>
}

/**
 * Begins an example: `given(one.events(...), another.events(...)).then(rows)`, with the rows in any
 * order.
 *
 * @category types
 * @since 0.1.0
 */
export type Given<Event, Key, Row> = (
  ...happened: ReadonlyArray<ReadonlyArray<Happened<Event>>>
) => {
  readonly then: (rows: ReadonlyArray<Row | NoRow<Key>>) => Example<Event, Key, Row>
}

/**
 * The examples of a read model, each under the sentence that it demonstrates.
 *
 * @category types
 * @since 0.1.0
 */
export interface ProjectionSpecification<in out Event, in out Key, in out Row> {
  readonly name: string
  readonly projection: Projection<Event, Key, Row>
  readonly examples: { readonly [sentence: string]: Example<Event, Key, Row> }
  /** Tags of events that no example has. */
  readonly uncovered: ReadonlyArray<string>
}

/**
 * An example got other rows.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExampleFailed extends Data.TaggedError("ExampleFailed")<{
  readonly sentence: string
  readonly given: ReadonlyArray<Happened<unknown>>
  /**
   * The differing lines, by the keys of the rows: expected ones after "-", actual ones after "+".
   */
  readonly difference: string
}> {
  override get message() {
    const given = Examples.linesOf(this.given)
    return [this.sentence, ...labelled("given", given), ...labelled("then", this.difference)].join(
      "\n"
    )
  }
}

/**
 * Some examples got other rows, or some tags have no example.
 *
 * @category errors
 * @since 0.1.0
 */
export class SpecificationFailed extends Data.TaggedError("SpecificationFailed")<{
  readonly specification: string
  readonly failures: ReadonlyArray<ExampleFailed>
  /** Tags of events that no example has. */
  readonly uncovered: ReadonlyArray<string>
}> {
  override get message() {
    return failureText(this)
  }
}

/**
 * The default time of the `n`th event of an example, counted from 1: `n` minutes into 2026, in UTC.
 * The event is recorded at that time in any case.
 *
 * @category getters
 * @since 0.1.0
 */
export const occurredAt = (n: number): DateTime.Utc =>
  DateTime.makeUnsafe(Date.UTC(2026, 0, 1, 0, n))

/**
 * The default id of the `n`th event of an example, counted from 1.
 *
 * @category getters
 * @since 0.1.0
 */
export const eventId = (n: number): EventId.EventId =>
  EventId.make(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`)

/**
 * Builds a stream of an aggregate, or of another source that can encode. Throws unless `id` is
 * valid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <Event>(
  source: { readonly category: StreamId.Category; readonly codec: EventCodec<Event> },
  id: string,
  circumstances: Circumstances = {}
): Stream<Event> => {
  const happened = {
    ...circumstances,
    streamId: Result.getOrThrow(StreamId.make(source.category, id))
  }
  return {
    events: (...events) =>
      events.map((shown) => ({ ...happened, shown, encode: () => source.codec.encode(shown) })),
    stored: (...stored) =>
      stored.map((shown) => ({ ...happened, shown, encode: () => Result.succeed(shown) })),
    with: (others) => stream(source, id, { ...circumstances, ...others })
  }
}

/**
 * Expects that a key has no row. A key that an example does not name must have none either.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noRow = <Key>(key: Key): NoRow<Key> => new NoRow(key)

/**
 * Builds a specification of `projection`, and infers its types.
 *
 * **Details**
 * `covers`: cases of tagged unions, such as `OrderEvent.cases`. Each tag needs an event in some
 * example, given directly or decoded from a stored one, so that a new event without an example is
 * found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Event, Key extends object, Row extends object>(
  name: string,
  projection: Projection<Event, Key, Row>,
  examples: (given: Given<NoInfer<Event>, NoInfer<Key>, NoInfer<Row>>) => {
    readonly [sentence: string]: Example<NoInfer<Event>, NoInfer<Key>, NoInfer<Row>>
  },
  options: { readonly covers?: ReadonlyArray<object> } = {}
): ProjectionSpecification<Event, Key, Row> => {
  const all = examples((...happened) => ({
    // `then` is the word of given and then. An awaited example throws the error below.
    // oxlint-disable-next-line unicorn/no-thenable
    then: (rows) => {
      if (!Array.isArray(rows))
        throw new Error("an example was awaited before its `then` was given")
      return { given: happened.flat(), rows }
    }
  }))
  const covered = new Set(
    Object.values(all).flatMap(({ given }) => given.flatMap((one) => tagsOf(projection, one)))
  )
  const wanted = (options.covers ?? []).flatMap((cases) => Object.keys(cases))
  return { name, projection, examples: all, uncovered: wanted.filter((tag) => !covered.has(tag)) }
}

/**
 * Lists the examples as laws of the projection, and a law that each tag of `covers` is in one.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Event, Key extends object, Row extends object>(
  specification: ProjectionSpecification<Event, Key, Row>
): ReadonlyArray<Law.Law> =>
  ExampleLaws.laws(specification, ([sentence, example]) =>
    Effect.sync(() => fold(specification.projection, sentence, example))
  )

/**
 * Folds the events of every example.
 *
 * **Details**
 * Errors: `SpecificationFailed`, whose message shows the differing rows by example. An example
 * fails when its event is refused by the codec or the log, is of a category that the projection
 * does not read, or can't be folded.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = <Event, Key extends object, Row extends object>(
  specification: ProjectionSpecification<Event, Key, Row>
): Result.Result<void, SpecificationFailed> => {
  const { examples, name, projection, uncovered } = specification
  const failures = Object.entries(examples).flatMap(([sentence, example]) => {
    const failure = fold(projection, sentence, example)
    return failure === undefined ? [] : [failure]
  })
  return failures.length === 0 && uncovered.length === 0
    ? Result.void
    : Result.fail(new SpecificationFailed({ specification: name, failures, uncovered }))
}

/**
 * Folds the events of every example and throws the `SpecificationFailed`, under any test runner or
 * none.
 *
 * @category operations
 * @since 0.1.0
 */
export const assert = <Event, Key extends object, Row extends object>(
  specification: ProjectionSpecification<Event, Key, Row>
): void => Result.getOrThrow(check(specification))

/** Folds the events of one example; returns its failure, or `undefined` when the rows are right. */
const fold = <Event, Key extends object, Row extends object>(
  projection: Projection<Event, Key, Row>,
  sentence: string,
  example: Example<Event, Key, Row>
): ExampleFailed | undefined => {
  const { given } = example
  const failed = (difference: string) => new ExampleFailed({ sentence, given, difference })
  const table = ReadModelTable.make(projection)
  if (Result.isFailure(table)) return failed(table.failure.message)
  const rows = example.rows.filter((row): row is Row => !(row instanceof NoRow))
  const absent = example.rows.flatMap((row) => (row instanceof NoRow ? [row.key] : []))
  const expected = Examples.expect(table.success, rows, absent)
  if (Result.isFailure(expected)) return failed(`invalid expected rows: ${expected.failure}`)
  const recordings: Array<Examples.Recording> = []
  for (const [index, one] of given.entries()) {
    const encoded = one.encode()
    if (Result.isFailure(encoded)) return failed(`the failure ${render(encoded.failure, 8)}`)
    recordings.push(recording(one, encoded.success, index + 1))
  }
  const issue = Examples.issueOf(projection, recordings)
  if (issue !== undefined) return failed(`invalid given events: ${issue}`)
  for (const { pages, rows } of Examples.fold(projection, recordings)) {
    if (Result.isFailure(rows)) return failed(`the failure ${render(rows.failure, 8)}, ${pages}`)
    const lines = Examples.difference(table.success, expected.success, rows.success)
    if (lines !== undefined) return failed(`${lines}\n(${pages})`)
  }
  return undefined
}

const recording = <Event>(
  { id, metadata, occurredAt: at, streamId }: Happened<Event>,
  encoded: EncodedEvent,
  n: number
): Examples.Recording => ({
  streamId,
  event: {
    ...encoded,
    id: id ?? eventId(n),
    metadata: metadata ?? {},
    occurredAt: at ?? occurredAt(n)
  },
  recordedAtMillis: DateTime.toEpochMillis(occurredAt(n))
})

/** The tag of an event, or the tags of the events that a stored one decodes to. */
const tagsOf = <Event, Key, Row>(
  projection: Projection<Event, Key, Row>,
  one: Happened<Event>
): ReadonlyArray<string> => {
  const tags = tagOf(one.shown)
  const encoded = one.encode()
  return tags.length > 0 || Result.isFailure(encoded)
    ? tags
    : Examples.decode(projection, recording(one, encoded.success, 1)).flatMap(tagOf)
}

const tagOf = (event: unknown): ReadonlyArray<string> =>
  Predicate.hasProperty(event, "_tag") && typeof event._tag === "string" ? [event._tag] : []
