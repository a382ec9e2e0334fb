import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NatsBroker from "../src/NatsBroker.ts"
import { freshSource, Nats } from "./nats.ts"

const broker = Layer.unwrap(Effect.map(Nats, ({ servers }) => NatsBroker.layer({ servers })))

LawSuite.suite(
  "NatsBroker",
  BrokerLaws.laws({ fresh: freshSource }),
  Layer.provideMerge(broker, Nats.layer)
)
