/**
 * Stream names: `category-id`, where the category is the part before the first `-`.
 *
 * @since 0.1.0
 */
import * as CompiledSchema from "./CompiledSchema.ts"
import { printableLine, textOf } from "./Printable.ts"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The kind of thing a stream records, such as `order`.
 *
 * **Details**
 * Shape: a letter, then letters, digits and `_`, 64 characters at most; never a `-`.
 *
 * @category types
 * @since 0.1.0
 */
export const Category = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, {
    expected: "a category: a letter, then letters, digits or _, at most 64 characters"
  })
).pipe(Schema.brand("Category"))

/**
 * @category types
 * @since 0.1.0
 */
export type Category = typeof Category.Type

/**
 * The longest `id` part of a stream name, in UTF-16 code units. With its category, in UTF-8, a name
 * stays under 1 KiB, well below the longest B-tree entry of PostgreSQL (2,704 bytes).
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ID_LENGTH = 200

// All of Unicode but \p{Cc}, control characters, \p{Zl} and \p{Zp}, line separators,
// \p{Bidi_Control}, and \p{Cs}, unpaired surrogates. It is written in ranges, since
// `effect/Arbitrary` generates from ranges and not from properties.
const ID = String.raw`[ -~\u00a0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\u{10ffff}]{1,200}`

/**
 * The id of an instance: the part of a stream name after its category.
 *
 * **Details**
 * Shape: 1 to {@link MAX_ID_LENGTH} UTF-16 code units of well-formed Unicode without control
 * characters, line separators and controls of direction.
 *
 * @category types
 * @since 0.1.0
 */
export const InstanceId = Schema.String.check(
  Schema.isPattern(new RegExp(`^${ID}$`, "u"), {
    expected:
      "an id: 1 to 200 characters of Unicode without control characters, line separators and controls of direction"
  }),
  Schema.makeFilter((id: string) => id.length <= MAX_ID_LENGTH, {
    expected: `an id of at most ${MAX_ID_LENGTH} UTF-16 code units`
  })
)

/**
 * The name of one instance's history, such as `order-42`.
 *
 * **Details**
 * Shape: a category, `-`, then 1 to {@link MAX_ID_LENGTH} UTF-16 code units of well-formed Unicode
 * without control characters, line separators and controls of direction. The id may contain `-`.
 *
 * @category types
 * @since 0.1.0
 */
export const StreamId = Schema.String.check(
  Schema.isPattern(new RegExp(`^[A-Za-z][A-Za-z0-9_]{0,63}-${ID}$`, "u"), {
    expected:
      "a stream id: a category, -, then 1 to 200 characters of Unicode without control characters, line separators and controls of direction"
  }),
  Schema.makeFilter((id: string) => id.length - id.indexOf("-") - 1 <= MAX_ID_LENGTH, {
    expected: `an id of at most ${MAX_ID_LENGTH} UTF-16 code units`
  })
).pipe(Schema.brand("StreamId"))

/**
 * @category types
 * @since 0.1.0
 */
export type StreamId = typeof StreamId.Type

/**
 * The text is not a stream name.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidStreamId extends Schema.TaggedError<InvalidStreamId>()("InvalidStreamId", {
  input: Schema.String,
  issue: Schema.String
}) {
  override get message() {
    return printableLine(
      `Not a stream id: ${JSON.stringify(this.input.slice(0, 300))}: ${this.issue}`
    )
  }
}

const isStreamId = Schema.is(CompiledSchema.make(StreamId))
const decode = Schema.decodeUnknownResult(StreamId)

/**
 * Parses a whole stream name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromString = (input: string): Result.Result<StreamId, InvalidStreamId> =>
  isStreamId(input)
    ? Result.succeed(input)
    : Result.mapError(
        decode(input),
        (error) => new InvalidStreamId({ input: textOf(input), issue: error.message })
      )

/**
 * Joins a category and an id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (category: Category, id: string): Result.Result<StreamId, InvalidStreamId> =>
  typeof id === "string"
    ? fromString(`${category}-${id}`)
    : Result.fail(
        new InvalidStreamId({ input: textOf(id), issue: "the id of an instance is a text" })
      )

/**
 * Returns the category of a stream: the part before the first `-`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const category = (streamId: StreamId): Category =>
  // A valid stream id starts with a valid category.
  streamId.slice(0, streamId.indexOf("-")) as Category

/**
 * Returns the id of a stream: the part after the first `-`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const id = (streamId: StreamId): string => streamId.slice(streamId.indexOf("-") + 1)
