/**
 * Commands, states and history of an aggregate over HTTP.
 *
 * | Endpoint                     |                                                              |
 * | ---------------------------- | ------------------------------------------------------------ |
 * | `POST /NAME/{id}/commands`   | executes a command, the body                                 |
 * | `POST /NAME/{id}/TAG`        | instead, with `makeEach`: executes the command `TAG`         |
 * | `GET /NAME/{id}`             | the state now, at `?revision=`, or as of the instant `?at=`  |
 * | `GET /NAME/{id}/history`     | each event with the state after it, in pages                 |
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as Position from "@daybook/kernel/Position"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { Requires } from "./Authenticator.ts"
import * as AggregateHandlers from "./internal/aggregateHandlers.ts"
import { implement } from "./internal/implement.ts"
import * as Rejections from "./internal/rejections.ts"
import { CommandHeaders, ETag } from "./internal/requestHeaders.ts"
import {
  Busy,
  Forbidden,
  KeyReused,
  NotRecordable,
  TooLarge,
  Unavailable,
  Unknown,
  WrongRevision
} from "./Problem.ts"
import { guarded } from "./RequestGuard.ts"

/**
 * The most entries of a page of history.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ENTRIES = 100

/**
 * The answer to an accepted command.
 *
 * @category types
 * @since 0.1.0
 */
export const Executed = Schema.Struct({
  /** The revision of the instance after the command; also in `ETag`. */
  revision: Revision.Revision,
  /** The position to wait for until a read model reflects the command. */
  position: Position.Position,
  /** The number of events of the command; 0 when there was nothing to change. */
  events: Schema.Int,
  /** True when the key was recorded before, so this request recorded nothing. */
  repeated: Schema.Boolean
}).annotate({ identifier: "Executed" })

/**
 * The state of an instance, and the revision up to which it was folded.
 *
 * @category types
 * @since 0.1.0
 */
export interface Loaded<out State> {
  readonly revision: Revision.Revision
  readonly state: State
}

/**
 * A page of history: events as they are stored, each with the state after it.
 *
 * **Details**
 * Every revision has its entry. An event that is passed over, or that its codec retired, leaves the
 * state as it was.
 *
 * @category types
 * @since 0.1.0
 */
export interface History<out State> {
  readonly entries: ReadonlyArray<{ readonly event: RecordedEvent; readonly state: State }>
  /** Pass it as `after` for the next page; absent on the last page. */
  readonly next?: Revision.Revision
}

/**
 * A command was rejected, and nothing was recorded; with the rejection and its facts.
 *
 * @category problems
 * @since 0.1.0
 */
export interface Rejected<out Rejection> extends Error {
  readonly _tag: "Rejected"
  readonly status: 409 | 422
  readonly rejection: Rejection
}

/**
 * The statuses of rejections: 409 when the command does not fit the present state, 422 when it
 * can't be right in any.
 *
 * @category types
 * @since 0.1.0
 */
export type RejectionStatus = 409 | 422

/**
 * An aggregate as an API.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options<Name extends string, Rejection> {
  /** The first segment of its paths, and its name in the client: a plural, such as `orders`. */
  readonly name: Name
  /** The schema of its rejections; `Schema.Never` when it has none. */
  readonly rejection: Schema.Codec<Rejection, unknown>
  /** Returns the status of a rejection; 409 when absent. */
  readonly status?: (rejection: Rejection) => RejectionStatus
  /** Refuses commands that have neither an `Idempotency-Key` nor an `X-Command-Id`. */
  readonly requireKey?: boolean
}

/**
 * Makes an API whose commands are the body of one endpoint.
 *
 * **Example**
 *
 * ```ts
 * import * as AggregateApi from "@daybook/http/AggregateApi"
 * import { aggregate } from "@daybook/order/Order"
 * import { OrderCommand } from "@daybook/order/OrderCommand"
 * import { OrderRejection } from "@daybook/order/OrderRejection"
 *
 * export const orders = AggregateApi.make(aggregate, {
 *   name: "orders",
 *   command: OrderCommand,
 *   rejection: OrderRejection,
 *   status: ({ _tag }) => (_tag === "CurrencyMismatch" ? 422 : 409)
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Name extends string, Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  options: Options<Name, NoInfer<Rejection>> & {
    /** The schema of its commands. */
    readonly command: Schema.Codec<NoInfer<Command>, unknown>
  }
) => {
  const { command, name } = options
  const rejected = Rejections.make(options)
  const group = guarded(
    HttpApiGroup.make(name).add(
      executeEndpoint(
        "execute",
        `/${name}/:id/commands` as const,
        command,
        rejected,
        `Executes a command of ${name}`
      ),
      stateEndpoint(name, aggregate.state),
      historyEndpoint(name, aggregate.state)
    ),
    describe(name)
  )
  return implement(
    group,
    AggregateHandlers.make(
      aggregate,
      command,
      rejected,
      { execute: undefined },
      { maxEntries: MAX_ENTRIES, requireKey: options.requireKey ?? false }
    )
  )
}

/** The fields of a command without its tag, which stands in the path. */
type Untagged<Command> = Schema.Codec<Omit<Command, "_tag">, unknown>

/** The endpoints of the commands of a tagged union, one for each. */
type EachEndpoint<Name extends string, Command extends { readonly _tag: string }, Rejection> = {
  readonly [Tag in Command["_tag"]]: ReturnType<
    typeof executeEndpoint<
      Tag,
      `/${Name}/:id/${Tag}`,
      Untagged<Extract<Command, { readonly _tag: Tag }>>,
      Rejection
    >
  >
}[Command["_tag"]]

/**
 * Makes an API with an endpoint for each command, named by its tag: `POST /orders/7/ConfirmOrder`.
 *
 * **Details**
 * The body has the fields of the command without `_tag`. The tags `state` and `history` are names
 * of other endpoints: a command with one of them is refused here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeEach = <
  const Name extends string,
  Command extends { readonly _tag: string },
  State,
  Event,
  Rejection
>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  options: Options<Name, NoInfer<Rejection>> & {
    /** The schema of its commands. */
    readonly command: Schema.Codec<NoInfer<Command>, unknown> & {
      readonly cases: {
        readonly [Tag in NoInfer<Command>["_tag"]]: { readonly fields: Schema.Struct.Fields }
      }
    }
  }
) => {
  const { command, name } = options
  const rejected = Rejections.make(options)
  const cases: Record<string, { readonly fields: Schema.Struct.Fields }> = command.cases
  const taken = Object.keys(cases).filter((tag) => ["state", "history"].includes(tag))
  if (taken.length > 0) {
    throw new Error(`${name} has a command named as an endpoint: ${taken.join()}`)
  }
  const endpoints = Object.entries(cases).map(([tag, { fields }]) =>
    // A case of a tagged union is its fields and the tag.
    executeEndpoint(
      tag,
      `/${name}/:id/${tag}`,
      Schema.Struct(Struct.omit(fields, ["_tag"])) as Schema.Top as Schema.Codec<unknown, unknown>,
      rejected,
      `${tag} of ${name}`
    )
  )
  const group = guarded(
    HttpApiGroup.make(name).add(
      stateEndpoint(name, aggregate.state),
      historyEndpoint(name, aggregate.state),
      ...(endpoints as unknown as ReadonlyArray<EachEndpoint<Name, Command, Rejection>>)
    ),
    describe(name)
  )
  return implement(
    group,
    AggregateHandlers.make(
      aggregate,
      command,
      rejected,
      Object.fromEntries(Object.keys(cases).map((tag) => [tag, tag])),
      { maxEntries: MAX_ENTRIES, requireKey: options.requireKey ?? false }
    )
  )
}

const describe = (name: string) => `Commands, states and history of ${name}`

const params = { id: StreamId.InstanceId }

const executeEndpoint = <
  Identifier extends string,
  Path extends `/${string}`,
  Payload extends Schema.Codec<unknown, unknown>,
  Rejection
>(
  identifier: Identifier,
  path: Path,
  payload: Payload,
  rejected: Rejections.Rejections<Rejection>,
  summary: string
) =>
  HttpApiEndpoint.post(identifier, path, {
    params,
    headers: CommandHeaders,
    payload,
    success: HttpApiSchema.WithHeaders(Executed, { etag: ETag }),
    error: [
      ...rejected.problems,
      WrongRevision,
      KeyReused,
      NotRecordable,
      TooLarge,
      Forbidden,
      Busy,
      Unavailable
    ]
  })
    .annotate(Requires, "command")
    .annotate(OpenApi.Summary, summary)

const stateEndpoint = <Name extends string, State>(
  name: Name,
  state: Schema.Codec<State, unknown>
) =>
  HttpApiEndpoint.get("state", `/${name}/:id` as const, {
    params,
    query: {
      revision: Schema.optionalKey(Revision.Revision),
      at: Schema.optionalKey(Schema.DateTimeUtc)
    },
    success: HttpApiSchema.WithHeaders(
      Schema.Struct({ revision: Revision.Revision, state }) as Schema.Top as Schema.Codec<
        Loaded<State>,
        unknown
      >,
      { etag: ETag }
    ),
    error: [Unknown, Busy, Unavailable]
  })
    .annotate(Requires, "read")
    .annotate(OpenApi.Summary, `Returns the state of one of ${name}`)

const historyEndpoint = <Name extends string, State>(
  name: Name,
  state: Schema.Codec<State, unknown>
) =>
  HttpApiEndpoint.get("history", `/${name}/:id/history` as const, {
    params,
    query: {
      after: Schema.optionalKey(Revision.Revision),
      limit: Schema.optionalKey(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_ENTRIES }))
      )
    },
    success: Schema.Struct({
      entries: Schema.Array(Schema.Struct({ event: RecordedEvent, state })),
      next: Schema.optionalKey(Revision.Revision)
    }) as Schema.Top as Schema.Codec<History<State>, unknown>,
    error: [Unknown, Busy, Unavailable]
  })
    .annotate(Requires, "log")
    .annotate(OpenApi.Summary, `Returns the history of one of ${name}`)
