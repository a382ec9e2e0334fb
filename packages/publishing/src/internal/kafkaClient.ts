/**
 * The options of a Kafka client, and the errors of the client as those of a broker.
 */
import { findErrorBy, type BaseOptions, type ConnectionOptions } from "@platformatic/kafka"
import * as Effect from "effect/Effect"
import { BrokerUnavailable, type RefusalReason } from "../Broker.ts"

/** The address of a cluster, and the way into it. */
export interface KafkaConnection {
  /** Addresses of some brokers of the cluster, such as `localhost:9092`. */
  readonly brokers: ReadonlyArray<string>
  /** The name of this client in the logs of the cluster; `daybook` by default. */
  readonly clientId?: string
  readonly tls?: NonNullable<ConnectionOptions["tls"]>
  readonly sasl?: NonNullable<ConnectionOptions["sasl"]>
}

export const baseOptions = (connection: KafkaConnection) => {
  const { brokers, clientId = "daybook", sasl, tls } = connection
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    // The client's own retries would repeat a request behind a later one.
    retries: false,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl })
  } satisfies BaseOptions
}

/** Calls the client; what it fails with is the cause of a `BrokerUnavailable`. */
export const call = <A>(
  operation: BrokerUnavailable["operation"],
  evaluate: () => PromiseLike<A>
): Effect.Effect<A, BrokerUnavailable> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new BrokerUnavailable({ broker: "kafka", operation, cause })
  })

/**
 * Returns the text of a message; the empty text for a tombstone, which has no value although the
 * client's type says so.
 */
export const bodyOf = (value: Buffer | null | undefined): string => value?.toString() ?? ""

const holds = (cause: unknown, property: string, value: unknown): boolean =>
  cause instanceof Error && findErrorBy(cause, property, value) !== null

const isAnyOf = (cause: unknown, ids: ReadonlyArray<string>): boolean =>
  ids.some((id) => holds(cause, "apiId", id))

/** Returns true when a request was larger than its topic or broker allows. */
export const isTooLarge = (cause: unknown): boolean =>
  isAnyOf(cause, ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"])

/** Returns the reason for which the cluster will not accept a request, if it is one. */
export const refusalOf = (cause: unknown): RefusalReason | undefined => {
  if (isUnknownTopic(cause)) return { _tag: "UnknownTopic" }
  if (isAnyOf(cause, ["TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"])) {
    return { _tag: "NotAuthorized" }
  }
  const rejected = ["INVALID_TOPIC_EXCEPTION", "INVALID_RECORD", "POLICY_VIOLATION"].find((id) =>
    holds(cause, "apiId", id)
  )
  return rejected === undefined ? undefined : { _tag: "Rejected", issue: rejected }
}

/**
 * Returns true when the cluster did not know a topic of a request. The client states it in its
 * message only.
 */
export const isUnknownTopic = (cause: unknown): boolean =>
  isAnyOf(cause, ["UNKNOWN_TOPIC_OR_PARTITION"]) ||
  (cause instanceof Error && cause.message.startsWith("Unknown topic "))
