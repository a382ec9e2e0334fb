console.log("begin", process.uptime())
import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as Law from "@daybook/testing/Law"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NatsBroker from "../src/NatsBroker.ts"
import * as KafkaBroker from "../src/KafkaBroker.ts"
import * as N from "./nats.ts"
import * as K from "./kafka.ts"
const which = process.argv[2]
const only = process.argv[3]
const go = <R, E>(laws: ReadonlyArray<Law.Law<R>>, layer: Layer.Layer<R, E>) =>
  Effect.forEach(
    laws.filter((l) => only === undefined || l.name.includes(only)),
    (law) =>
      Effect.gen(function* () {
        const t = Date.now()
        const r = yield* Effect.result(Effect.timeout(law.check(), "20 seconds"))
        console.log(
          r._tag,
          law.name,
          Date.now() - t,
          r._tag === "Failure"
            ? String(r.failure) +
                ("cause" in r.failure
                  ? String((r.failure.cause as any)?.stack ?? r.failure.cause)
                  : "")
            : ""
        )
      })
  ).pipe(Effect.provide(layer))
const nats = Layer.provideMerge(
  Layer.unwrap(Effect.map(N.Nats, ({ servers }) => NatsBroker.layer({ servers }))),
  N.Nats.layer
)
const kafka = Layer.provideMerge(
  Layer.unwrap(Effect.map(K.Kafka, ({ brokers }) => KafkaBroker.layer({ brokers }))),
  K.Kafka.layer
)
await Effect.runPromise(
  which === "nats"
    ? go(BrokerLaws.laws({ fresh: N.freshSource }), nats)
    : go(BrokerLaws.laws({ fresh: K.freshSource }), kafka)
)
console.log("end")
