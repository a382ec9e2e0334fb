/**
 * Answers requests in the fiber of a test: by its clock, and into its metrics and logs.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { ORIGIN } from "./serve.ts"

type Platform = Layer.Success<typeof HttpServer.layerServices>

export const answering = <R>(
  routes: Layer.Layer<never, never, R | HttpRouter.HttpRouter | Platform>
) =>
  Effect.map(
    HttpRouter.toHttpEffect(Layer.provide(routes, HttpServer.layerServices)),
    (handled) =>
      (path: string, init: RequestInit = {}) =>
        Effect.gen(function* () {
          const request = HttpServerRequest.fromWeb(new Request(`${ORIGIN}${path}`, init))
          const response = yield* handled.pipe(
            Effect.provideService(HttpServerRequest.HttpServerRequest, request),
            Effect.scoped
          )
          const answer = HttpServerResponse.toWeb(response)
          const text = yield* Effect.promise(() => answer.text())
          return { status: response.status, headers: response.headers, text }
        })
  )
