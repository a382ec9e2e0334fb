/**
 * The administration of read models over HTTP, for callers with the permission `operate`.
 *
 * | Endpoint                              |                                            |
 * | ------------------------------------- | ------------------------------------------ |
 * | `GET /NAME`, `GET /NAME/{model}`      | position, lag, state, the event it stopped at |
 * | `GET /NAME/{model}/acts`              | the acts on it, with actor and reason      |
 * | `POST /NAME/{model}/pause`, `/resume` | stops folding, and goes on                 |
 * | `POST /NAME/{model}/skip`             | skips the event at a position              |
 * | `POST /NAME/{model}/rebuild`          | begins a rebuild beside the serving rows   |
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import type { Projections } from "@daybook/projections/Projections"
import { Status } from "@daybook/projections/ProjectionStatus"
import { Act } from "@daybook/projections/ReadModelAct"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Requires } from "./Authenticator.ts"
import { implement } from "./internal/implement.ts"
import * as OperationsHandlers from "./internal/operationsHandlers.ts"
import { Reason, Why } from "./internal/why.ts"
import { NotPossible, Unavailable, Unknown } from "./Problem.ts"
import { guarded } from "./RequestGuard.ts"

/**
 * A rebuild that has begun: it ends when the rows up to `target` are compared and serve.
 *
 * @category types
 * @since 0.1.0
 */
export const Rebuilding = Schema.Struct({
  generation: Schema.Int,
  /** The position of the rebuilt rows. */
  position: Position.Position,
  /** The position at which the rebuild would end now. */
  target: Position.Position
}).annotate({ identifier: "Rebuilding" })

const params = { model: Schema.String.check(Schema.isMaxLength(100)) }

const error = [Unknown, NotPossible, Unavailable] as const

/**
 * Makes an API that administers the read models of a host.
 *
 * **Example**
 *
 * ```ts
 * import * as OperationsApi from "@daybook/http/OperationsApi"
 *
 * export const operations = OperationsApi.make({ name: "read-models" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Name extends string>({
  name
}: {
  /** The first segment of its paths, and its name in the client. */
  readonly name: Name
}) => {
  const group = guarded(
    HttpApiGroup.make(name)
      .add(
        HttpApiEndpoint.get("statuses", `/${name}` as const, {
          success: Schema.Array(Status),
          error
        }).annotate(OpenApi.Summary, "Returns the status of every read model"),
        HttpApiEndpoint.get("status", `/${name}/:model` as const, {
          params,
          success: Status,
          error
        }).annotate(OpenApi.Summary, "Returns the status of a read model"),
        HttpApiEndpoint.get("acts", `/${name}/:model/acts` as const, {
          params,
          success: Schema.Array(Act),
          error
        }).annotate(OpenApi.Summary, "Returns the acts on a read model"),
        HttpApiEndpoint.post("pause", `/${name}/:model/pause` as const, {
          params,
          payload: Why,
          success: Status,
          error
        }).annotate(OpenApi.Summary, "Stops folding into a read model"),
        HttpApiEndpoint.post("resume", `/${name}/:model/resume` as const, {
          params,
          payload: Why,
          success: Status,
          error
        }).annotate(OpenApi.Summary, "Ends a pause, and tries a stopped read model again"),
        HttpApiEndpoint.post("skip", `/${name}/:model/skip` as const, {
          params,
          payload: Schema.Struct({ position: Position.Position, reason: Reason }),
          success: Status,
          error
        }).annotate(OpenApi.Summary, "Skips the event at a position"),
        HttpApiEndpoint.post("rebuild", `/${name}/:model/rebuild` as const, {
          params,
          payload: Schema.Struct({
            ...Why.fields,
            /** Lets the rebuilt rows serve although they differ. */
            accept: Schema.optionalKey(Schema.Boolean),
            parallelism: Schema.optionalKey(
              Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))
            )
          }),
          success: Rebuilding.pipe(HttpApiSchema.status(202)),
          error
        }).annotate(OpenApi.Summary, "Begins a rebuild of a read model")
      )
      .annotateEndpoints(Requires, "operate"),
    "The administration of read models"
  )
  return implement<typeof group, Projections>(group, OperationsHandlers.make)
}
