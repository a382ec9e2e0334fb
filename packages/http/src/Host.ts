/**
 * An API on a router: its parts, its OpenAPI document, its reference page, and answers to requests
 * that no endpoint takes.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiError from "effect/http-api/HttpApiError"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiScalar from "effect/http-api/HttpApiScalar"
import type { FileSystem } from "effect/FileSystem"
import type * as Etag from "effect/http/Etag"
import type * as FindMyWay from "effect/http/FindMyWay"
import type { HttpPlatform } from "effect/http/HttpPlatform"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type { Path } from "effect/Path"
import { observed } from "./internal/observed.ts"
import { ofSchemaError } from "./internal/schemaErrors.ts"
import type { Middleware } from "./Part.ts"
import { Broken, Malformed, Unknown } from "./Problem.ts"

/**
 * Serves an API on a router: the endpoints of `parts`, `/openapi.json` and `/docs`.
 *
 * **Details**
 * Groups of your own in the same API: provide their layers to this one. CORS is closed; put
 * `HttpRouter.cors` beside this layer to open it. Make the router with {@link routerConfig}.
 *
 * @see `NodeHost`, which also listens.
 * @category layers
 * @since 0.1.0
 */
export const layer = <
  ApiId extends string,
  Groups extends HttpApiGroup.Constraint,
  const Parts extends ReadonlyArray<AnyPart>
>(
  api: HttpApi.HttpApi<ApiId, Groups>,
  parts: Parts
): Layer.Layer<
  never,
  never,
  Requirements<ApiId, Groups, Parts> | HttpRouter.HttpRouter | Platform
> => {
  const endpoints = parts.reduce<Layer.Layer<never, never, unknown>>(
    (served, part) => Layer.provide(served, part.layer(api as never)),
    HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" })
  )
  return Layer.mergeAll(
    // Each part provides its group and requires what its type says.
    endpoints as unknown as Layer.Layer<never, never, Requirements<ApiId, Groups, Parts>>,
    Layer.provide(
      HttpApiScalar.layer(api, { path: "/docs", scalar: { withDefaultFonts: false } }),
      selfContained
    ),
    answerEverything
  )
}

/**
 * The configuration of the router of a host: one path names one thing, and an id has its full
 * length. Pass it to `HttpRouter.serve` or `HttpRouter.toWebHandler`.
 *
 * **Details**
 * The schema of a parameter bounds its length, so that an id that is too long is answered with its
 * fault; Node bounds the path before that.
 *
 * @category models
 * @since 0.1.0
 */
export const routerConfig: Partial<FindMyWay.RouterConfig> = {
  caseSensitive: true,
  ignoreDuplicateSlashes: false,
  ignoreTrailingSlash: false,
  maxParamLength: 16_384
}

/**
 * A part of any group.
 *
 * @category types
 * @since 0.1.0
 */
export interface AnyPart {
  readonly group: HttpApiGroup.Constraint
  readonly "~Services"?: unknown
  readonly layer: (api: never) => Layer.Layer<never, never, unknown>
}

/**
 * The platform services that an API needs, such as those of `NodeHttpServer.layer`.
 *
 * @category types
 * @since 0.1.0
 */
export type Platform = Etag.Generator | FileSystem | HttpPlatform | Path

type Identifier<Parts extends ReadonlyArray<AnyPart>> = Parts[number]["group"]["identifier"]

type Services<P> = P extends { readonly "~Services"?: infer R } ? R : never

/**
 * The services that the parts need, the middleware on them, and the groups that no part implements.
 *
 * @category types
 * @since 0.1.0
 */
export type Requirements<
  ApiId extends string,
  Groups extends HttpApiGroup.Constraint,
  Parts extends ReadonlyArray<AnyPart>
> =
  | Services<Parts[number]>
  | Middleware<Groups, Identifier<Parts>>
  | HttpApiGroup.ToService<ApiId, Exclude<Groups, { readonly identifier: Identifier<Parts> }>>

/** Keeps the reference page from other hosts, whatever its script would load. */
const selfContained = HttpRouter.middleware(
  Effect.map(
    HttpServerResponse.setHeader(
      "content-security-policy",
      "default-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
  )
).layer

/**
 * Answers what no endpoint has answered with a problem, and sets the headers of every answer;
 * observes every request.
 */
const answerEverything: Layer.Layer<never, never, HttpRouter.HttpRouter> = HttpRouter.middleware(
  (httpEffect) =>
    httpEffect.pipe(
      Effect.catchCause((cause) =>
        Cause.hasInterrupts(cause) ? Effect.failCause(cause) : answerOf(Cause.squash(cause))
      ),
      Effect.map((response) =>
        HttpServerResponse.setHeaders(response, { ...HEADERS, ...cacheControl(response) })
      ),
      observed
    ),
  { global: true }
)

/** No sniffing of types, and no copies of states in caches on the way. */
const HEADERS = { "x-content-type-options": "nosniff", "cache-control": "no-store" }

/** A route of the host's own, such as one of static files, may say how it is cached. */
const cacheControl = ({ headers }: HttpServerResponse.HttpServerResponse) => {
  const own = headers["cache-control"]
  return own === undefined ? {} : { "cache-control": own }
}

/** Returns the answer that an error has itself, or else the problem that it is. */
const answerOf = (error: unknown): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed(error)
  const isEffects =
    HttpServerError.isHttpServerError(error) || HttpApiError.HttpApiSchemaError.is(error)
  return !isEffects && HttpServerRespondable.isRespondable(error)
    ? HttpServerRespondable.toResponse(error)
    : Effect.flatMap(problemOf(error), HttpServerRespondable.toResponse)
}

const problemOf = (error: unknown): Effect.Effect<Unknown | Malformed | Broken> => {
  if (HttpApiError.HttpApiSchemaError.is(error)) return Effect.flip(ofSchemaError(error))
  if (HttpServerError.isHttpServerError(error)) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") {
      return Effect.succeed(
        new Unknown({ detail: "There is no such path, or it has no such method" })
      )
    }
    if (reason._tag === "RequestParseError") {
      const errors = [{ path: ["payload"], message: "the body can't be read" }]
      return Effect.succeed(new Malformed({ errors }))
    }
  }
  return Effect.as(Effect.logError("A request failed", error), new Broken())
}
