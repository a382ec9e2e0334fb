/**
 * Serves an API in the process: requests go through its router and its middleware, and no socket.
 */
import * as Host from "@daybook/http/Host"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"

export const ORIGIN = "http://localhost"

/** The handler of commands on a log in memory. */
export const memory = CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

export interface Served {
  /** Sends a request as a browser or `curl` would; JSON unless `init` says otherwise. */
  readonly send: (method: string, path: string, init?: Sent) => Effect.Effect<Answer>
  /** The client that a typed client of an API is made of. */
  readonly client: Layer.Layer<HttpClient.HttpClient>
  readonly fetch: (request: Request) => Promise<Response>
}

interface Sent {
  readonly headers?: Record<string, string>
  readonly json?: unknown
  readonly body?: string | Uint8Array<ArrayBuffer>
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON, or undefined. */
  readonly json: unknown
}

type Needs = HttpRouter.HttpRouter | Layer.Success<typeof HttpServer.layerServices>

export const serve = <E>(routes: Layer.Layer<never, E, Needs>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        HttpRouter.toWebHandler(Layer.provide(routes, HttpServer.layerServices), {
          disableLogger: true,
          routerConfig: Host.routerConfig
        })
      ),
      ({ dispose }) => Effect.promise(dispose)
    ),
    ({ handler }): Served => {
      const fetch = (request: Request) => handler(request)
      return {
        fetch,
        send: (method, path, { body, headers = {}, json } = {}) =>
          Effect.promise(async () => {
            const answer = await fetch(
              new Request(`${ORIGIN}${path}`, {
                method,
                headers:
                  json === undefined ? headers : { "content-type": "application/json", ...headers },
                ...(json === undefined
                  ? body === undefined
                    ? {}
                    : { body }
                  : { body: JSON.stringify(json) })
              })
            )
            const text = await answer.text()
            return { status: answer.status, headers: answer.headers, text, json: parsed(text) }
          }),
        client: FetchHttpClient.layer.pipe(
          Layer.provide(
            Layer.succeed(FetchHttpClient.Fetch, (input, init) => fetch(new Request(input, init)))
          )
        )
      }
    }
  )

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
