/**
 * A connection to NATS whose server is new enough, and the errors of the client as those of a
 * broker.
 */
import {
  connect as connectNode,
  type NatsConnection,
  type NodeConnectionOptions,
  type ServerInfo
} from "@nats-io/transport-node"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { BrokerUnavailable, BrokerUnfit } from "../Broker.ts"

/** The oldest server that detects a repeated message in an atomic batch. */
const OLDEST_VERSION = "2.12.1"

/** Calls the client; what it fails with is the cause of a `BrokerUnavailable`. */
export const call = <A>(
  operation: BrokerUnavailable["operation"],
  evaluate: () => PromiseLike<A>
): Effect.Effect<A, BrokerUnavailable> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new BrokerUnavailable({ broker: "nats", operation, cause })
  })

/** Opens a connection that reconnects by itself until its scope closes. */
export const connect = (
  options: NodeConnectionOptions
): Effect.Effect<NatsConnection, BrokerUnavailable, Scope.Scope> =>
  Effect.acquireRelease(
    call("connect", () =>
      connectNode({ name: "daybook", maxReconnectAttempts: -1, reconnectTimeWait: 250, ...options })
    ),
    (connection) => Effect.ignore(Effect.promise(() => connection.close()))
  )

/**
 * Returns the server of the connection; fails unless it is new enough. Older ones ignore the
 * headers of later versions, and would store a batch message by message.
 */
export const requireVersion = ({
  info
}: Pick<NatsConnection, "info">): Effect.Effect<ServerInfo, BrokerUnfit | BrokerUnavailable> => {
  if (info === undefined) {
    // The client has no server while it reconnects.
    const cause = new Error("not connected")
    return Effect.fail(new BrokerUnavailable({ broker: "nats", operation: "connect", cause }))
  }
  if (isAtLeast(info.version, OLDEST_VERSION)) return Effect.succeed(info)
  const issue = `the server has version ${info.version}, at least ${OLDEST_VERSION} is needed`
  return Effect.fail(new BrokerUnfit({ broker: "nats", issue }))
}

/** Compares versions by their numbers; a preview counts as its version. */
export const isAtLeast = (version: string, oldest: string): boolean => {
  const numbers = numbersOf(version)
  const bounds = numbersOf(oldest)
  const differing = bounds.findIndex((bound, index) => numbers[index] !== bound)
  return differing === -1 || (numbers[differing] ?? 0) > (bounds[differing] ?? 0)
}

const numbersOf = (version: string): ReadonlyArray<number> =>
  (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number)

/**
 * The answer to a message that a stream stores.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference#publishing-to-streams
 */
const PublishAnswer = Schema.fromJsonString(
  Schema.Struct({
    error: Schema.optionalKey(
      Schema.Struct({ code: Schema.Int, err_code: Schema.Int, description: Schema.String })
    )
  })
)

/** A request that the server answered by an error. */
export class Refused extends Data.TaggedError("Refused")<{
  /** As in HTTP: below 500 when the request is at fault. */
  readonly status: number
  /** A number of `server/errors.json` of nats-server. */
  readonly code: number
  readonly description: string
}> {}

/** Reads the answer to a message. */
export const readAnswer = (text: string): Effect.Effect<void, Refused | BrokerUnavailable> =>
  Effect.matchEffect(Schema.decodeUnknownEffect(PublishAnswer)(text), {
    onFailure: (cause) =>
      Effect.fail(new BrokerUnavailable({ broker: "nats", operation: "send", cause })),
    onSuccess: ({ error }) =>
      error === undefined
        ? Effect.void
        : Effect.fail(
            new Refused({
              status: error.code,
              code: error.err_code,
              description: error.description
            })
          )
  })

const ATOMIC_PUBLISH_DISABLED = 10174
const ATOMIC_PUBLISH_INCOMPLETE = 10176
const ATOMIC_PUBLISH_TOO_MANY_INFLIGHT = 10210

/** Returns true when the stream of a batch does not allow atomic batches. */
export const isAtomicDisabled = ({ code }: Refused): boolean => code === ATOMIC_PUBLISH_DISABLED

/** Returns true when the server may accept the same request later. */
export const isTransient = ({ code, status }: Refused): boolean =>
  status >= 500 || code === ATOMIC_PUBLISH_INCOMPLETE || code === ATOMIC_PUBLISH_TOO_MANY_INFLIGHT
