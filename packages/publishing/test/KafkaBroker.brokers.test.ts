import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KafkaBroker from "../src/KafkaBroker.ts"
import { inboxCases } from "./inboxCases.ts"
import { freshSource, Kafka } from "./kafka.ts"
import { publisherCases } from "./publisherCases.ts"

const broker = Layer.unwrap(Effect.map(Kafka, ({ brokers }) => KafkaBroker.layer({ brokers })))

const services = Layer.provideMerge(broker, Kafka.layer)

LawSuite.suite("KafkaBroker", BrokerLaws.laws({ fresh: freshSource }), services)

publisherCases("Publishers on Kafka", freshSource, services)

inboxCases("Inboxes on Kafka", freshSource, services)
