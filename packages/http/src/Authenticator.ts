/**
 * The caller of a request: its credential, who it is, and what it may do.
 *
 * @since 0.1.0
 */
import { InstanceId } from "@daybook/kernel/StreamId"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { forbidden } from "./internal/problems.ts"
import { Forbidden, passing, Unauthenticated, Unavailable } from "./Problem.ts"

/**
 * The right that an endpoint requires: `command` changes instances, `read` reads states and rows,
 * `log` reads recorded events with their metadata, `operate` administers read models
 * and reactors, `inspect`
 * opens the inspector (`@daybook/inspector`). `import` beside `command` states the time of a change
 * (`X-Occurred-At`) and the id of a command (`X-Command-Id`).
 *
 * @category types
 * @since 0.1.0
 */
export const Permission = Schema.Literals([
  "command",
  "import",
  "read",
  "log",
  "operate",
  "inspect"
])

/**
 * @category types
 * @since 0.1.0
 */
export type Permission = typeof Permission.Type

/**
 * The name of a person or program that is recorded with events and acts.
 *
 * **Details**
 * Shape: 1 to 200 UTF-16 code units of well-formed Unicode, not blank, without control characters,
 * line separators and controls of direction.
 *
 * @category types
 * @since 0.1.0
 */
export const Actor = InstanceId.check(
  Schema.isPattern(/\S/, { expected: "an actor that is not blank" })
).pipe(Schema.brand("Actor"))

/**
 * @category types
 * @since 0.1.0
 */
export type Actor = typeof Actor.Type

/**
 * An authenticated person or program.
 *
 * @category types
 * @since 0.1.0
 */
export interface Caller {
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
}

/**
 * A secret as it came with the request: `Authorization: Bearer SECRET`, or `X-Api-Key: SECRET`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Credential {
  readonly scheme: "bearer" | "apiKey"
  readonly secret: Redacted.Redacted
}

/**
 * Knows the callers of a host by their credentials; a host implements it.
 *
 * **Details**
 * Compare digests of secrets, not secrets: the time of a comparison of texts reveals a prefix.
 *
 * @category services
 * @since 0.1.0
 */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    /**
     * Returns the caller with this credential, if there is one. Fails while the service that knows
     * the callers is away: the client is asked to repeat its request, and nothing was done.
     */
    readonly authenticate: (
      credential: Credential
    ) => Effect.Effect<Option.Option<Caller>, Unavailable>
  }
>()("@daybook/http/Authenticator") {}

/**
 * The caller of the request that runs; undefined on a host without {@link Authentication}.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentCaller = Context.Reference<Caller | undefined>(
  "@daybook/http/Authenticator/CurrentCaller",
  { defaultValue: () => undefined }
)

/**
 * The permission that an endpoint requires of its caller, as an annotation of it; `operate` for an
 * endpoint without one, so that one that was forgotten is closed.
 *
 * @category annotations
 * @since 0.1.0
 */
export const Requires = Context.Reference<Permission>("@daybook/http/Authenticator/Requires", {
  defaultValue: () => "operate"
})

/**
 * Lets a request through if its caller has the permission that the endpoint requires.
 *
 * **Details**
 * Put it on a whole API: `HttpApi.make("shop").add(orders.group).middleware(Authentication)`.
 *
 * @category middleware
 * @since 0.1.0
 */
export class Authentication extends HttpApiMiddleware.Service<Authentication>()(
  "@daybook/http/Authentication",
  {
    error: [Unauthenticated, Forbidden, Unavailable],
    security: {
      bearer: HttpApiSecurity.bearer,
      apiKey: HttpApiSecurity.apiKey({ key: "x-api-key" })
    }
  }
) {
  /** Asks the {@link Authenticator} of the host. */
  static readonly layer: Layer.Layer<Authentication, never, Authenticator> = Layer.effect(
    Authentication,
    Effect.map(Authenticator, ({ authenticate }) => {
      const by =
        (scheme: Credential["scheme"]) =>
        <E>(
          httpEffect: Effect.Effect<HttpServerResponse.HttpServerResponse, E>,
          options: {
            readonly credential: Redacted.Redacted
            readonly endpoint: { readonly annotations: Context.Context<never> }
          }
        ): Effect.Effect<HttpServerResponse.HttpServerResponse, E | Unauthenticated> =>
          // Where the caller is known, or can't be, it answers: after a failure the other scheme is
          // tried.
          Effect.gen(function* () {
            // No secret at all: the credential is of the other scheme, or absent.
            const found =
              Redacted.value(options.credential) === ""
                ? Result.succeed(Option.none<Caller>())
                : yield* Effect.result(authenticate({ scheme, secret: options.credential }))
            if (Result.isFailure(found)) {
              yield* Effect.logWarning("A caller can't be authenticated", found.failure)
              return yield* Effect.catch(passing(found.failure), HttpServerRespondable.toResponse)
            }
            const caller = found.success
            if (Option.isNone(caller)) {
              yield* challenge
              return yield* new Unauthenticated()
            }
            const permission = Context.get(options.endpoint.annotations, Requires)
            if (!caller.value.permissions.has(permission)) {
              return yield* HttpServerRespondable.toResponse(forbidden(permission))
            }
            return yield* Effect.provideService(httpEffect, CurrentCaller, caller.value)
          })
      return { bearer: by("bearer"), apiKey: by("apiKey") }
    })
  )
}

const challenge = Effect.withFiber<void>((fiber) => {
  HttpEffect.appendPreResponseHandlerUnsafe(fiber.context, (_, response) =>
    Effect.succeed(
      response.status === 401
        ? HttpServerResponse.setHeader(response, "www-authenticate", "Bearer")
        : response
    )
  )
  return Effect.void
})
