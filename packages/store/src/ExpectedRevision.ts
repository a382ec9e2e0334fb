/**
 * What an append expects of its stream: the optimistic concurrency check.
 *
 * @since 0.1.0
 */
import { Revision } from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"

/**
 * `Any`: no check. `NoStream`: no event yet. `Exists`: at least one event. `Exactly`: this revision,
 * where 0 says the same as `NoStream`.
 *
 * @category types
 * @since 0.1.0
 */
export const ExpectedRevision = Schema.TaggedUnion({
  Any: {},
  NoStream: {},
  Exists: {},
  Exactly: { revision: Revision }
})

/**
 * @category types
 * @since 0.1.0
 */
export type ExpectedRevision = typeof ExpectedRevision.Type

/**
 * No check.
 *
 * @category constructors
 * @since 0.1.0
 */
export const any: ExpectedRevision = { _tag: "Any" }

/**
 * No event yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noStream: ExpectedRevision = { _tag: "NoStream" }

/**
 * One event at least.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exists: ExpectedRevision = { _tag: "Exists" }

/**
 * This revision, 0 when there is no event yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exactly = (revision: Revision): ExpectedRevision => ({ _tag: "Exactly", revision })

/**
 * Whether a stream at `actual` is what was expected.
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
 * A stream that is not as expected; `place`: of the appends and then the checks of a call, counted from 0.
 *
 * @category types
 * @since 0.1.0
 */
export const Unmet = Schema.Struct({
  place: Schema.Int,
  streamId: StreamId,
  expected: ExpectedRevision,
  actual: Revision
})

/**
 * @category types
 * @since 0.1.0
 */
export type Unmet = typeof Unmet.Type

/**
 * Both revisions in words, for messages.
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
 * The expectation in words, for messages.
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
