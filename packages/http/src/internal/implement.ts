/**
 * Makes a part of a group and its handlers.
 */
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Part } from "../Part.ts"
import { RequestGuard } from "../RequestGuard.ts"

/** Handlers by the identifiers of their endpoints; each takes the decoded request. */
export interface Handlers {
  readonly [identifier: string]: (
    request: never
  ) => Effect.Effect<unknown, unknown, HttpServerRequest | Scope.Scope>
}

type AnyApi<Identifier extends string> = HttpApi.HttpApi<
  string,
  HttpApiGroup.HttpApiGroup<Identifier, HttpApiEndpoint.Top>
>

/** A builder whose endpoints all have handlers. */
type Complete = HttpApiBuilder.Handlers<never, {}, never>

export const implement = <Group extends HttpApiGroup.Constraint, R>(
  group: Group,
  handlers: Effect.Effect<Handlers, never, R>
): Part<Group, R> => ({
  group,
  layer: (api) => {
    const { identifier } = group
    type Return = ReturnType<Part<Group, R>["layer"]>
    // The endpoints of a group that depends on a schema of the user have no static types here:
    // each handler states the request that its endpoint decodes.
    const built = HttpApiBuilder.group(api as unknown as AnyApi<string>, identifier, (builder) =>
      Effect.map(handlers, (all) => {
        for (const [name, handler] of Object.entries(all)) {
          builder.handle(name as never, handler as never)
        }
        const handled: unknown = builder
        return handled as Complete
      })
    )
    return Layer.provide(built as Layer.Layer<never, never, R>, RequestGuard.layer) as Return
  }
})
