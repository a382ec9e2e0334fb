/**
 * The state of a stream that an append expects: the optimistic concurrency check.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { Revision } from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"

/**
 * The state of a stream that an append expects.
 *
 * @category types
 * @since 0.1.0
 */
export const ExpectedRevision = Schema.TaggedUnion({
  /** No check. */
  Any: {},
  /** The stream has no event yet. */
  NoStream: {},
  /** The stream has at least one event. */
  Exists: {},
  /** The stream is at this revision; 0 means the same as `NoStream`. */
  Exactly: { revision: Revision }
})

/**
 * @category types
 * @since 0.1.0
 */
export type ExpectedRevision = Named.Union<typeof ExpectedRevision>

/**
 * Expects nothing: no check.
 *
 * @category constructors
 * @since 0.1.0
 */
export const any: ExpectedRevision = { _tag: "Any" }

/**
 * Expects a stream without events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noStream: ExpectedRevision = { _tag: "NoStream" }

/**
 * Expects a stream with at least one event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exists: ExpectedRevision = { _tag: "Exists" }

/**
 * Expects a stream at this revision; 0 expects no event yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exactly = (revision: Revision): ExpectedRevision => ({ _tag: "Exactly", revision })

/**
 * Returns true if a stream at `actual` meets the expectation.
 *
 * @category operations
 * @since 0.1.0
 */
export const isMet = (expected: ExpectedRevision, actual: Revision): boolean =>
  ExpectedRevision.match(expected, {
    Any: () => true,
    NoStream: () => actual === 0,
    Exists: () => actual > 0,
    Exactly: ({ revision }) => actual === revision
  })

/**
 * A stream that is not as expected.
 *
 * @category types
 * @since 0.1.0
 */
export const Unmet = Schema.Struct({
  /** The index of the stream among the appends and then the checks of a call, from 0. */
  place: Schema.Int,
  streamId: StreamId,
  expected: ExpectedRevision,
  actual: Revision
})

/**
 * @category types
 * @since 0.1.0
 */
export type Unmet = Named.Struct<typeof Unmet>

/**
 * Returns both revisions in words, for messages.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describeUnmet = ({
  actual,
  expected,
  streamId
}: Pick<Unmet, "streamId" | "expected" | "actual">): string =>
  expected._tag === "Exactly" && expected.revision === actual
    ? `${streamId} is at revision ${actual} as expected, with another event than expected`
    : `${streamId} is at revision ${actual}, expected ${describe(expected)}`

/**
 * Returns the expectation in words, for messages.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (expected: ExpectedRevision): string =>
  ExpectedRevision.match(expected, {
    Any: () => "any revision",
    NoStream: () => "no stream",
    Exists: () => "a stream that exists",
    Exactly: ({ revision }) => `revision ${revision}`
  })
