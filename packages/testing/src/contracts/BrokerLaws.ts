/**
 * The contract of brokers and of their sources as laws. Run it on your own broker, as Daybook runs
 * it on Kafka and NATS.
 *
 * **Example** (A test file of a broker)
 *
 * ```ts test
 * import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
 * import { Effect } from "effect"
 *
 * const laws = BrokerLaws.laws({
 *   fresh: Effect.map(BrokerMemory.BrokerMemory, (broker) => {
 *     const topic = `topic-${Math.random()}`
 *     return { topic, source: (group) => broker.source({ group, topic }) }
 *   })
 * })
 *
 * LawSuite.suite("BrokerMemory", laws, BrokerMemory.layer)
 * ```
 *
 * @since 0.1.0
 */
import type { Broker } from "@daybook/publishing/Broker"
import { brokerCases, type Topics } from "../internal/contracts/broker.ts"
import { lawsOf } from "../internal/contracts/cases.ts"
import type { Law } from "../Law.ts"

export type { Topic, Topics } from "../internal/contracts/broker.ts"

/**
 * A law for each rule of `Broker` and of `MessageSource`.
 *
 * **Details**
 * Each uses topics of its own, so the broker may be in use.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <R>(topics: Topics<R>): ReadonlyArray<Law<Broker | R>> =>
  lawsOf(brokerCases(topics))
