import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NatsBroker from "../src/NatsBroker.ts"
import { inboxCases } from "./inboxCases.ts"
import { freshSource, Nats } from "./nats.ts"
import { publisherCases } from "./publisherCases.ts"

const broker = Layer.unwrap(Effect.map(Nats, ({ servers }) => NatsBroker.layer({ servers })))

const services = Layer.provideMerge(broker, Nats.layer)

LawSuite.suite("NatsBroker", BrokerLaws.laws({ fresh: freshSource }), services)

publisherCases("Publishers on Nats", freshSource, services)

inboxCases("Inboxes on Nats", freshSource, services)
