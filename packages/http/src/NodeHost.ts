/**
 * Serves an API on a port of Node, and refuses to be open to a network by accident.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import { load, type MissingPeer } from "@daybook/store/MissingPeer"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { HttpServer } from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Authentication } from "./Authenticator.ts"
import * as Host from "./Host.ts"
import { Closing } from "./internal/closing.ts"
import { isLoopback, nameOf } from "./internal/loopback.ts"
import * as Server from "./internal/server.ts"
import { Misdirected } from "./Problem.ts"

/** The most endpoints that the message of {@link UnprotectedHost} names. */
const MAX_NAMED = 3

/**
 * The host would listen on a network with endpoints that ask no caller for a credential.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnprotectedHost extends Schema.TaggedError<UnprotectedHost>()("UnprotectedHost", {
  /** The address on which it was to listen. */
  host: Schema.String,
  /** The endpoints without `Authentication`, such as `orders.execute`. */
  endpoints: Schema.Array(Schema.String)
}) {
  override get message() {
    const named = this.endpoints.slice(0, MAX_NAMED).join(", ")
    const more = this.endpoints.length - MAX_NAMED
    const open = more > 0 ? `${named} and ${more} more` : named
    return printableLine(`Cannot listen on ${this.host}: ${open} ask for no credential`)
  }
}

/**
 * The default of `maxConnections`: twice the default of `most` of `LogApi.FollowerSettings`, so
 * that followers leave room for other requests.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_MAX_CONNECTIONS = 2_000

/**
 * The address of a host, and its limits.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options<out R = never> {
  readonly port: number
  /** The address to listen on; `127.0.0.1` when absent. */
  readonly host?: string
  /**
   * The maximum number of open connections, those of followers of a log included; a further one is
   * closed at once. {@link DEFAULT_MAX_CONNECTIONS} when absent.
   */
  readonly maxConnections?: number
  /** The longest wait for requests that run when the host closes; 20 seconds when absent. */
  readonly shutdownTimeout?: Duration.Input
  /**
   * Further routes, such as those of `Health` and `Telemetry`: they ask for no credential. The host
   * requires what they require.
   */
  readonly routes?: Layer.Layer<never, never, R | HttpRouter.HttpRouter>
  /** The words that open a host without {@link Authentication} to a network. */
  readonly unprotected?: "everyone who reaches this host may do everything"
}

/**
 * Serves an API with its parts on a port; see `Host.layer` for what it serves.
 *
 * **Details**
 * Provide stores and handlers to this layer: they are built before it listens. A request whose
 * header or body does not arrive in time (10 and 30 seconds, and up to one more) is ended by Node,
 * and so is a connection after a minute of silence, as of a client that stops reading its answer or
 * of a handler that takes longer.
 * When the host closes, the followers of its log are sent the end, and requests that run are waited
 * for; each answer is then the last one on its connection.
 * On loopback, a host without `Authentication` answers only requests that name it by a loopback
 * name, so that no web page reaches it by a name of its own.
 * Errors: `UnprotectedHost`; `ServeError`, such as a port that is taken; `MissingPeer`,
 * `@effect/platform-node` is not installed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <
  ApiId extends string,
  Groups extends HttpApiGroup.Constraint,
  const Parts extends ReadonlyArray<Host.AnyPart>,
  R = never
>(
  api: HttpApi.HttpApi<ApiId, Groups>,
  parts: Parts,
  {
    host = "127.0.0.1",
    maxConnections = DEFAULT_MAX_CONNECTIONS,
    port,
    routes = Layer.empty,
    shutdownTimeout,
    unprotected
  }: Options<R>
): Layer.Layer<
  HttpServer,
  UnprotectedHost | ServeError | MissingPeer,
  Host.Requirements<ApiId, Groups, Parts> | Exclude<R, HttpRouter.HttpRouter | Host.Platform>
> => {
  const endpoints = openEndpoints(api)
  if (endpoints.length > 0 && unprotected === undefined && !isLoopback(host)) {
    return Layer.effectDiscard(new UnprotectedHost({ host, endpoints })) as Layer.Layer<
      HttpServer,
      UnprotectedHost
    >
  }
  const server = Layer.unwrap(
    Effect.map(loadServer, (NodeHttpServer) =>
      NodeHttpServer.layer(() => Server.make(maxConnections), {
        host,
        port,
        ...(shutdownTimeout === undefined ? {} : { gracefulShutdownTimeout: shutdownTimeout })
      })
    )
  )
  const local = endpoints.length > 0 && unprotected === undefined
  const served = Effect.map(Deferred.make<void>(), (closing) =>
    HttpRouter.serve(
      Layer.mergeAll(
        Host.layer(api, parts),
        routes,
        local ? loopbackNamesOnly : Layer.empty,
        lastOnConnections(closing)
      ).pipe(Layer.provide(Layer.succeed(Closing, Deferred.await(closing)))),
      { disableLogger: true, disableListenLog: true, routerConfig: Host.routerConfig }
    ).pipe(
      // Above the server, so that it tells before the server waits for its requests.
      (serving) =>
        Layer.provideMerge(
          Layer.effectDiscard(Effect.addFinalizer(() => Deferred.succeed(closing, undefined))),
          serving
        )
    )
  )
  // The server provides the platform; the rest is what the parts require.
  return Layer.unwrap(served).pipe(Layer.provideMerge(server)) as unknown as Layer.Layer<
    HttpServer,
    ServeError | MissingPeer,
    Host.Requirements<ApiId, Groups, Parts> | Exclude<R, HttpRouter.HttpRouter | Host.Platform>
  >
}

const loadServer = load(
  "@daybook/http/NodeHost",
  ["@effect/platform-node"],
  () => import("@effect/platform-node/NodeHttpServer")
)

const openEndpoints = <ApiId extends string, Groups extends HttpApiGroup.Constraint>({
  groups
}: HttpApi.HttpApi<ApiId, Groups>): ReadonlyArray<string> =>
  Object.values<HttpApiGroup.Constraint>(groups).flatMap(({ endpoints, identifier }) =>
    // Every endpoint is a whole one; groups are typed by the parts that handlers need.
    Object.values(endpoints as Record<string, HttpApiEndpoint.Top>)
      .filter(({ middlewares }) => !(middlewares as ReadonlySet<unknown>).has(Authentication))
      .map((endpoint) => `${identifier}.${endpoint.identifier}`)
  )

/**
 * Ends each connection with its next answer once the host closes: clients that go on sending on
 * their connections would hold it up for as long as it waits.
 */
const lastOnConnections = (closing: Deferred.Deferred<void>) =>
  HttpRouter.middleware(
    (httpEffect) =>
      Effect.map(httpEffect, (response) =>
        Deferred.isDoneUnsafe(closing)
          ? HttpServerResponse.setHeader(response, "connection", "close")
          : response
      ),
    { global: true }
  )

/** A page whose name was made to resolve to 127.0.0.1 still sends its own name. */
const loopbackNamesOnly = HttpRouter.middleware(
  (httpEffect) =>
    Effect.flatMap(HttpServerRequest, ({ headers }) =>
      isLoopback(nameOf(headers["host"] ?? ""))
        ? httpEffect
        : HttpServerRespondable.toResponse(new Misdirected())
    ),
  { global: true }
)
