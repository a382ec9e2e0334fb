/**
 * Brokers that break a rule each, and are caught by its law.
 */
import { Broker } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as Law from "@daybook/testing/Law"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { freshMemoryTopic } from "./memory.ts"

const laws = BrokerLaws.laws({ fresh: freshMemoryTopic })

/** The broker in memory with another way of sending. */
const broken = (twin: (send: Broker["Service"]["send"]) => Broker["Service"]["send"]) =>
  Layer.effect(
    Broker,
    Effect.map(Broker, ({ send }) => ({ name: "broken", send: twin(send) }))
  ).pipe(Layer.provideMerge(BrokerMemory.layer))

const breaks = (name: string, layer: ReturnType<typeof broken>) =>
  Effect.gen(function* () {
    const law = laws.find((one) => one.name === name)
    assert.isDefined(law)
    const caught = yield* Effect.flip(Effect.provide(Law.check(law), Layer.fresh(layer)))
    assert.strictEqual(caught._tag, "LawBroken")
  })

it.live("the laws catch a broker that sends the messages of a key in another order", () =>
  breaks(
    "keeps the order of each key, in a send and between sends",
    broken((send) => (messages) => send(Arr.reverse(messages)))
  )
)

it.live("the laws catch a broker that goes on behind a refused message", () =>
  breaks(
    "refuses a message that is too large, and sends no later one of its key",
    broken(
      (send) => (messages) =>
        Effect.forEach(messages, (message) => Effect.exit(send([message]))).pipe(
          Effect.flatMap((exits) => exits.find((exit) => exit._tag === "Failure") ?? Effect.void)
        )
    )
  )
)

it.live("the laws catch a broker that changes a message", () =>
  breaks(
    "delivers each message as it was sent",
    broken(
      (send) => (messages) =>
        send(Arr.map(messages, (message) => ({ ...message, body: message.body.replace("🐎", "") })))
    )
  )
)

it.live("the laws catch a broker that lists the refused message itself", () =>
  breaks(
    "lists messages beside a refused one only if they are stored",
    broken(
      (send) => (messages) =>
        Effect.catchTag(send(messages), "MessageRefused", (refused) =>
          Effect.fail(refused.withAcknowledged([refused.id]))
        )
    )
  )
)
