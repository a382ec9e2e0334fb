/**
 * The administration of reactors, process managers and other consumer groups over HTTP, for callers
 * with the permission `operate`.
 *
 * | Endpoint                           |                                                          |
 * | ---------------------------------- | -------------------------------------------------------- |
 * | `GET /NAME`, `GET /NAME/{group}`   | state, lag, ranges with their hosts, held keys           |
 * | `GET /NAME/{group}/acts`           | the acts on it, with actor and reason                    |
 * | `POST /NAME/{group}/release`       | handles the event of a held key again, or of all of them |
 * | `POST /NAME/{group}/drop`          | leaves out the event of a held key                       |
 * | `POST /NAME/{group}/restart`       | goes on from another place of the log                    |
 * | `POST /NAME/{group}/forget`        | deletes the progress of a group that no host runs        |
 *
 * @since 0.1.0
 */
import { Position } from "@daybook/kernel/Position"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { GroupStatus } from "@daybook/reactors/GroupStatus"
import { Act } from "@daybook/reactors/HeldKey"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Requires } from "./Authenticator.ts"
import { implement } from "./internal/implement.ts"
import * as ReactorsHandlers from "./internal/reactorsHandlers.ts"
import { Reason, Why } from "./internal/why.ts"
import { NotPossible, Unavailable, Unknown } from "./Problem.ts"
import { guarded } from "./RequestGuard.ts"

const params = { group: Schema.String.check(Schema.isMaxLength(100)) }

/** A stream by default, or what a function of the event returns. */
const Key = Schema.String.check(Schema.isMaxLength(10_000))

const error = [Unknown, NotPossible, Unavailable] as const

/**
 * Makes an API that administers the consumer groups of a log.
 *
 * **Details**
 * Groups of process managers have the names that `groupNames` of `ProcessRunner` returns.
 * `release` and `drop` are carried out by the host of the key: the status that they return, with
 * 202, may still have the key, with the act that is `asked`.
 *
 * **Example**
 *
 * ```ts
 * import * as ReactorsApi from "@daybook/http/ReactorsApi"
 *
 * export const reactors = ReactorsApi.make({ name: "reactors" })
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
  const asked = GroupStatus.pipe(HttpApiSchema.status(202))
  const group = guarded(
    HttpApiGroup.make(name)
      .add(
        HttpApiEndpoint.get("statuses", `/${name}` as const, {
          success: Schema.Array(GroupStatus),
          error
        }).annotate(OpenApi.Summary, "Returns the status of every consumer group"),
        HttpApiEndpoint.get("status", `/${name}/:group` as const, {
          params,
          success: GroupStatus,
          error
        }).annotate(OpenApi.Summary, "Returns the status of a consumer group"),
        HttpApiEndpoint.get("acts", `/${name}/:group/acts` as const, {
          params,
          success: Schema.Array(Act),
          error
        }).annotate(OpenApi.Summary, "Returns the acts on a consumer group"),
        HttpApiEndpoint.post("release", `/${name}/:group/release` as const, {
          params,
          payload: Schema.Struct({
            ...Why.fields,
            /** All held keys when absent. */
            key: Schema.optionalKey(Key)
          }),
          success: asked,
          error
        }).annotate(OpenApi.Summary, "Handles the event of a held key again, or of all of them"),
        HttpApiEndpoint.post("drop", `/${name}/:group/drop` as const, {
          params,
          payload: Schema.Struct({ key: Key, reason: Reason }),
          success: asked,
          error
        }).annotate(OpenApi.Summary, "Leaves out the event of a held key"),
        HttpApiEndpoint.post("restart", `/${name}/:group/restart` as const, {
          params,
          payload: Schema.Struct({
            /** The place after which the group goes on. */
            from: Schema.Union([Schema.Literals(["beginning", "now"]), Position]),
            reason: Reason
          }),
          success: GroupStatus,
          error
        }).annotate(OpenApi.Summary, "Goes on from another place of the log"),
        HttpApiEndpoint.post("forget", `/${name}/:group/forget` as const, {
          params,
          payload: Schema.Struct({ reason: Reason }),
          /** The acts on the group, which stay. */
          success: Schema.Array(Act),
          error
        }).annotate(OpenApi.Summary, "Deletes the progress of a consumer group that no host runs")
      )
      .annotateEndpoints(Requires, "operate"),
    "The administration of consumer groups"
  )
  return implement<typeof group, ConsumerGroups>(group, ReactorsHandlers.make)
}
