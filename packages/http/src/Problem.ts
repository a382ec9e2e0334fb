/**
 * The problems that a host answers with, as `application/problem+json` (RFC 9457): facts for the
 * client, and nothing internal.
 *
 * `type` identifies the kind of a problem and never changes; `detail` is for people. In the typed
 * client each problem is an error with a `_tag`.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { MismatchReason } from "@daybook/store/Checkpoint"
import * as Effect from "effect/Effect"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"

/**
 * 400: the request can't be decoded. `errors` has the path and the reason of every fault.
 *
 * **Details**
 * The first segment of a path is the part of the request: `params`, `query`, `headers` or
 * `payload`.
 *
 * @category problems
 * @since 0.1.0
 */
export class Malformed extends HttpApiError.Problem<Malformed>()(
  "Malformed",
  { type: "urn:daybook:problem:malformed", status: 400, title: "The request is malformed" },
  { errors: Schema.Array(HttpApiError.ProblemIssue) }
) {}

/**
 * 401: the request has no credential that the host accepts.
 *
 * @category problems
 * @since 0.1.0
 */
export class Unauthenticated extends HttpApiError.Problem<Unauthenticated>()("Unauthenticated", {
  type: "urn:daybook:problem:unauthenticated",
  status: 401,
  title: "The request has no accepted credential"
}) {}

/**
 * 403: the caller is known and lacks a permission.
 *
 * @category problems
 * @since 0.1.0
 */
export class Forbidden extends HttpApiError.Problem<Forbidden>()(
  "Forbidden",
  { type: "urn:daybook:problem:forbidden", status: 403, title: "The caller lacks a permission" },
  {
    /** The missing permission. */
    permission: Schema.String
  }
) {}

/**
 * 404: there is nothing of this name or id.
 *
 * @category problems
 * @since 0.1.0
 */
export class Unknown extends HttpApiError.Problem<Unknown>()("Unknown", {
  type: "urn:daybook:problem:unknown",
  status: 404,
  title: "There is nothing of this name"
}) {}

/**
 * 409: the position or cursor belongs to another log, or to a history that was replaced by a
 * restore.
 *
 * @category problems
 * @since 0.1.0
 */
export class OtherHistory extends HttpApiError.Problem<OtherHistory>()(
  "OtherHistory",
  {
    type: "urn:daybook:problem:other-history",
    status: 409,
    title: "The position belongs to another history"
  },
  { reason: MismatchReason }
) {}

/**
 * 409: the operation does not fit the state of the read model: `detail` has the reason.
 *
 * @category problems
 * @since 0.1.0
 */
export class NotPossible extends HttpApiError.Problem<NotPossible>()("NotPossible", {
  type: "urn:daybook:problem:not-possible",
  status: 409,
  title: "The operation is not possible now"
}) {}

/**
 * 412: the stream is not at the revision that `If-Match` or `If-None-Match` expects. Nothing was
 * recorded.
 *
 * @category problems
 * @since 0.1.0
 */
export class WrongRevision extends HttpApiError.Problem<WrongRevision>()(
  "WrongRevision",
  {
    type: "urn:daybook:problem:wrong-revision",
    status: 412,
    title: "The stream is at another revision"
  },
  {
    /** The revision of the stream now; 0 when it does not exist. */
    actual: Revision.Revision
  }
) {}

/**
 * 413: the request, or an event that it leads to, is larger than allowed.
 *
 * @category problems
 * @since 0.1.0
 */
export class TooLarge extends HttpApiError.Problem<TooLarge>()(
  "TooLarge",
  { type: "urn:daybook:problem:too-large", status: 413, title: "The request is too large" },
  {
    /** The largest allowed size, in bytes unless `detail` names another unit. */
    limit: Schema.Int
  }
) {}

/**
 * 415: the body of a request that changes something is `application/json`.
 *
 * **Details**
 * A web page can send other types to a host without its consent, and JSON it can't.
 *
 * @category problems
 * @since 0.1.0
 */
export class UnsupportedMediaType extends HttpApiError.Problem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  {
    type: "urn:daybook:problem:unsupported-media-type",
    status: 415,
    title: "The body is not application/json"
  }
) {}

/**
 * 421: the request names another host, as a page of another site does that has its name resolved to
 * this one.
 *
 * @category problems
 * @since 0.1.0
 */
export class Misdirected extends HttpApiError.Problem<Misdirected>()("Misdirected", {
  type: "urn:daybook:problem:misdirected",
  status: 421,
  title: "The request is for another host"
}) {}

/**
 * 422: another command was sent to this instance with the same `Idempotency-Key` by the same
 * caller, or with the same `X-Command-Id`. Nothing was recorded.
 *
 * @category problems
 * @since 0.1.0
 */
export class KeyReused extends HttpApiError.Problem<KeyReused>()("KeyReused", {
  type: "urn:daybook:problem:key-reused",
  status: 422,
  title: "The Idempotency-Key or X-Command-Id belongs to another request"
}) {}

/**
 * 422: the command was accepted, and no store can record its events: `detail` has the reason.
 *
 * @category problems
 * @since 0.1.0
 */
export class NotRecordable extends HttpApiError.Problem<NotRecordable>()("NotRecordable", {
  type: "urn:daybook:problem:not-recordable",
  status: 422,
  title: "The events of the command can't be recorded"
}) {}

/**
 * 500: the host has a fault, which its own log describes.
 *
 * @category problems
 * @since 0.1.0
 */
export class Broken extends HttpApiError.Problem<Broken>()("Broken", {
  type: "urn:daybook:problem:broken",
  status: 500,
  title: "The host has a fault"
}) {}

/**
 * 503: the host is at its limit and did nothing. Repeat the request after the seconds of
 * `Retry-After`.
 *
 * @category problems
 * @since 0.1.0
 */
export class Busy extends HttpApiError.Problem<Busy>()("Busy", {
  type: "urn:daybook:problem:busy",
  status: 503,
  title: "The host is at its limit"
}) {}

/**
 * 503: the database, or the service that knows the callers, can't be reached. A command may have
 * been recorded: repeat it with the same `Idempotency-Key` or `X-Command-Id`; after one that has
 * neither read the state first if there is no `Retry-After`.
 *
 * @category problems
 * @since 0.1.0
 */
export class Unavailable extends HttpApiError.Problem<Unavailable>()("Unavailable", {
  type: "urn:daybook:problem:unavailable",
  status: 503,
  title: "A service of the host can't be reached"
}) {}

/**
 * 503: the read model did not reach the position in time.
 *
 * @category problems
 * @since 0.1.0
 */
export class Behind extends HttpApiError.Problem<Behind>()(
  "Behind",
  {
    type: "urn:daybook:problem:behind",
    status: 503,
    title: "The read model has not reached the position"
  },
  { position: Position.Position, reached: Position.Position }
) {}

/**
 * 503: the read model has stopped before the position, or another version of it serves.
 *
 * @category problems
 * @since 0.1.0
 */
export class Stopped extends HttpApiError.Problem<Stopped>()("Stopped", {
  type: "urn:daybook:problem:stopped",
  status: 503,
  title: "The read model has stopped"
}) {}

/** The seconds of `Retry-After`: a burst is over, or a lease is taken over, in a second or so. */
const RETRY_AFTER = "1"

/**
 * Fails with a problem that passes, and tells the client when to try again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const passing = <Problem>(problem: Problem): Effect.Effect<never, Problem> =>
  Effect.withFiber((fiber) => {
    HttpEffect.appendPreResponseHandlerUnsafe(fiber.context, (_, response) =>
      Effect.succeed(
        response.status === 503
          ? HttpServerResponse.setHeader(response, "retry-after", RETRY_AFTER)
          : response
      )
    )
    return Effect.fail(problem)
  })

/**
 * Fails with {@link Unavailable}; the cause stays in the host's log.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unavailable = (cause: {
  readonly message: string
}): Effect.Effect<never, Unavailable> =>
  Effect.andThen(
    Effect.logWarning("The store failed", cause.message),
    passing(new Unavailable({ detail: "Repeat the request, a command with the same key" }))
  )

/**
 * Makes the problem of one fault at a path of the request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const malformed = (path: ReadonlyArray<string>, message: string): Malformed =>
  new Malformed({ errors: [{ path, message }] })
