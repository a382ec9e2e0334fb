/**
 * A part of an API: the group of endpoints that a client sees, and the layer that implements it.
 *
 * @since 0.1.0
 */
import type * as HttpApi from "effect/http-api/HttpApi"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as Layer from "effect/Layer"
import type { RequestGuard } from "./RequestGuard.ts"

/**
 * A group of endpoints with its implementation, for any API that the group is added to.
 *
 * @category types
 * @since 0.1.0
 */
export interface Part<Group extends HttpApiGroup.Constraint, out R> {
  /** Add it to an API: `HttpApi.make("shop").add(orders.group)`. */
  readonly group: Group
  /** The services that its handlers need; a type and no value. */
  readonly "~Services"?: R
  /**
   * Implements the group in `api`, with the middleware that the API put on it; `Host` calls it.
   */
  readonly layer: <ApiId extends string, Groups extends HttpApiGroup.Constraint>(
    api: HttpApi.HttpApi<ApiId, Groups>
  ) => Layer.Layer<
    HttpApiGroup.Service<ApiId, Group["identifier"]>,
    never,
    R | Middleware<Groups, Group["identifier"]>
  >
}

/**
 * The services of the middleware that an API has put on one of its groups.
 *
 * @category types
 * @since 0.1.0
 */
export type Middleware<Groups extends HttpApiGroup.Constraint, Identifier extends string> = Exclude<
  HttpApiEndpoint.Middleware<
    HttpApiGroup.Endpoints<HttpApiGroup.WithIdentifier<Groups, Identifier>>
  >,
  RequestGuard
>
