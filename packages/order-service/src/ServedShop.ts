/**
 * A shop that is served elsewhere: its address, and the typed client of its API.
 *
 * @since 0.1.0
 */
import * as StartFailure from "@daybook/store/StartFailure"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import { type HttpClientError, isHttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Shop from "./Shop.ts"

/**
 * The address of a served shop, and the token of its caller.
 *
 * @category types
 * @since 0.1.0
 */
export interface Address {
  readonly url: string
  readonly token: Option.Option<Redacted.Redacted>
}

/**
 * A URL is not the address of a shop, or would show the token to others on the way.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnusableUrl extends Data.TaggedError("UnusableUrl")<{ readonly problem: string }> {
  override get message() {
    return `--url ${this.problem}`
  }
}

/** Matches the names of this machine as a URL has them. */
const LOOPBACK = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/

/**
 * Returns the address of a shop, perhaps below a path. A token is sent in clear to this machine
 * only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const addressOf = (
  url: URL,
  token: Option.Option<Redacted.Redacted>
): Result.Result<Address, UnusableUrl> => {
  const { hash, hostname, host, origin, pathname, password, protocol, search, username } = url
  const address = origin + pathname.replace(/\/+$/, "")
  const fail = (problem: string) => Result.fail(new UnusableUrl({ problem }))
  if (protocol !== "http:" && protocol !== "https:") {
    return fail(`has the scheme ${protocol} and needs http: or https:, as in http://localhost:3000`)
  }
  if (username !== "" || password !== "") {
    return fail(`has a user: give ${address}, and the token in DAYBOOK_TOKEN`)
  }
  if (search !== "" || hash !== "") {
    return fail(`has a query or a fragment: give ${address}`)
  }
  if (protocol === "http:" && Option.isSome(token) && !LOOPBACK.test(hostname)) {
    return fail(
      `would send DAYBOOK_TOKEN in clear to ${host}: give an https: URL, or leave DAYBOOK_TOKEN out`
    )
  }
  return Result.succeed({ url: address, token })
}

/**
 * A served shop could not be reached, or does not serve the caller. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ShopUnavailable extends Data.TaggedError("ShopUnavailable")<{
  readonly url: string
  readonly cause: unknown
}> {
  override get message() {
    return `cannot open the shop at ${this.url}: ${StartFailure.lineOf(this.cause)}`
  }
}

/** Retries of one request begin no later than this after its first failure. */
const RETRY_FOR_MILLIS = 30_000

const MAX_DELAY = Duration.seconds(5)

/**
 * Waits longer after each failure, up to a limit, and at random, so that clients which failed
 * together do not come back together. `retryTransient` waits as long as `Retry-After` says, if that
 * is longer.
 */
const schedule = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, MAX_DELAY))),
  Schedule.jittered,
  Schedule.setInputType<HttpClientResponse | HttpClientError>(),
  Schedule.while(({ elapsed, input, now }) => {
    const response = isHttpClientError(input) ? input.response : input
    // Other statuses that `retryTransient` repeats are faults, or never sent by a shop.
    if (response !== undefined && [408, 500].includes(response.status)) return false
    return elapsed + retryAfterMillis(response, now) < RETRY_FOR_MILLIS
  })
)

const retryAfterMillis = (response: HttpClientResponse | undefined, now: number): number =>
  Headers.parseRetryAfter(response?.headers["retry-after"] ?? "").pipe(
    Result.map((after) => Duration.toMillis(Headers.retryAfterDelay(after, now))),
    Result.getOrElse(() => 0)
  )

const make = (
  { token, url }: Address,
  transform: (http: HttpClient.HttpClient) => HttpClient.HttpClient
) =>
  HttpApiClient.make(Shop.protectedApi, {
    baseUrl: url,
    transformClient: (http) =>
      transform(
        Option.match(token, {
          onNone: () => http,
          onSome: (secret) => HttpClient.mapRequest(http, HttpClientRequest.bearerToken(secret))
        })
      )
  }).pipe(Effect.provide(FetchHttpClient.layer))

const retrying =
  (retryOn: "response-only" | "errors-and-responses") =>
  (http: HttpClient.HttpClient): HttpClient.HttpClient =>
    http.pipe(
      // A connection may also be lost within a body, which no answer of the shop lacks.
      HttpClient.transformResponse(Effect.tap(({ arrayBuffer }) => arrayBuffer)),
      HttpClient.retryTransient({
        retryOn,
        schedule,
        while: ({ reason }) => reason._tag === "DecodeError"
      })
    )

/**
 * Makes the client of a shop.
 *
 * **Details**
 * A request that meets 429, 502, 503 or 504, or loses its connection, is sent again for 30 seconds:
 * reads change nothing, and each command has a key or an id by which it takes effect once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const client = (address: Address) => make(address, retrying("errors-and-responses"))

/**
 * Makes the client of a shop for answers that do not end, such as the log's. They are passed on as
 * they come, so a lost connection is the caller's to see.
 *
 * @category constructors
 * @since 0.1.0
 */
export const follower = (address: Address) => make(address, (http) => http)

/**
 * Asks a shop for what the demo reads after its commands, so that a caller without the permission,
 * or a wrong address, is found out at once and before anything is recorded.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(
  function* (address: Address) {
    // A connection that is refused at the beginning is a wrong address: it is not tried again.
    const { orders } = yield* make(address, retrying("response-only"))
    const params = { id: "1" }
    // The order need not be there.
    const ignored = () => Effect.void
    yield* Effect.catchTag(orders.state({ params, query: {} }), "Unknown", ignored)
    yield* Effect.catchTag(orders.history({ params, query: { limit: 1 } }), "Unknown", ignored)
  },
  (checking, { url }) => Effect.mapError(checking, (cause) => new ShopUnavailable({ url, cause }))
)
