/**
 * The middleware of every endpoint of this package: bounds bodies, and makes a problem of every
 * fault.
 *
 * @since 0.1.0
 */
import { MAX_JSON_DEPTH } from "@daybook/store/EventStore"
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiError from "effect/http-api/HttpApiError"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as OpenApi from "effect/http-api/OpenApi"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMethod from "effect/http/HttpMethod"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import { nestingExceeds } from "./internal/nesting.ts"
import { ofSchemaError, STRICT } from "./internal/schemaErrors.ts"
import { Broken, Malformed, TooLarge, UnsupportedMediaType } from "./Problem.ts"

/**
 * The largest body of a request, in bytes; 1 MiB unless provided to the layer of a host.
 *
 * @category references
 * @since 0.1.0
 */
export const MaxBodyBytes = Context.Reference<number>("@daybook/http/RequestGuard/MaxBodyBytes", {
  defaultValue: () => 1_048_576
})

/**
 * Bounds bodies in size and depth, takes JSON only, and answers faults with problems.
 *
 * **Details**
 * A request that changes something needs `Content-Type: application/json`, so that no page of
 * another site can send it: a browser asks the host first, and the host does not allow it.
 *
 * @category middleware
 * @since 0.1.0
 */
export class RequestGuard extends HttpApiMiddleware.Service<RequestGuard>()(
  "@daybook/http/RequestGuard",
  { error: [Malformed, TooLarge, UnsupportedMediaType, Broken] }
) {
  /** Is part of the layer of every API of this package. */
  static readonly layer: Layer.Layer<RequestGuard> = Layer.succeed(
    RequestGuard,
    (httpEffect, { endpoint }) =>
      answerFaults(
        endpoint.payload.size > 0 && HttpMethod.hasBody(endpoint.method)
          ? Effect.andThen(acceptBody, httpEffect)
          : httpEffect
      )
  )
}

/**
 * Gives a group of endpoints the guard and strict parsing: an answer names every fault of a
 * request, and a field that no schema knows is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guarded = <Identifier extends string, Endpoints extends HttpApiEndpoint.Constraint>(
  group: HttpApiGroup.HttpApiGroup<Identifier, Endpoints>,
  description: string
) =>
  group
    .annotate(OpenApi.Description, description)
    .middleware(RequestGuard)
    .annotateMerge(
      // Headers have fields that no schema knows.
      Context.make(HttpApi.ParseOptions, { errors: "all" }).pipe(
        Context.add(HttpApi.QueryParseOptions, STRICT),
        Context.add(HttpApi.PayloadParseOptions, STRICT)
      )
    )

const answerFaults = <A, E, R>(
  httpEffect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Broken | Malformed, R> =>
  httpEffect.pipe(
    Effect.catch((error): Effect.Effect<never, E | Broken | Malformed> =>
      HttpApiError.HttpApiSchemaError.is(error) ? ofSchemaError(error) : Effect.fail(error)
    ),
    Effect.catchCauseIf(Cause.hasDies, (cause) =>
      Effect.andThen(Effect.logError("A request failed", cause), Effect.fail(new Broken()))
    )
  )

/** Reads the body within its limits; the decoder of the endpoint reads the same text after it. */
const acceptBody = Effect.gen(function* () {
  const request = yield* HttpServerRequest
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase()
  if (type !== "application/json") return yield* new UnsupportedMediaType()
  const limit = yield* MaxBodyBytes
  const tooLarge = () => new TooLarge({ limit })
  if (Number(request.headers["content-length"] ?? 0) > limit) return yield* tooLarge()
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(limit)),
    Effect.mapError(({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? tooLarge()
        : fault(["payload"], "the body can't be read")
    )
  )
  const text = yield* Effect.try({
    try: () => utf8.decode(bytes),
    catch: () => fault(["payload"], "is not UTF-8")
  })
  if (nestingExceeds(text, MAX_JSON_DEPTH)) {
    return yield* fault(["payload"], `nested deeper than ${MAX_JSON_DEPTH}`)
  }
})

/** Refuses bytes that the decoder of the endpoint would replace. */
const utf8 = new TextDecoder("utf-8", { fatal: true })

const fault = (path: ReadonlyArray<string>, message: string) =>
  new Malformed({ errors: [{ path, message }] })
