import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KafkaBroker from "../src/KafkaBroker.ts"
import { freshSource, Kafka } from "./kafka.ts"

const broker = Layer.unwrap(Effect.map(Kafka, ({ brokers }) => KafkaBroker.layer({ brokers })))

LawSuite.suite(
  "KafkaBroker",
  BrokerLaws.laws({ fresh: freshSource }),
  Layer.provideMerge(broker, Kafka.layer)
)
