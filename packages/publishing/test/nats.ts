/**
 * The NATS server of the tests: that of `NATS_URL`, or one that is started for them.
 */
import * as NatsServer from "@daybook/testing/NatsServer"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as NatsSource from "../src/NatsSource.ts"

export class Nats extends Context.Service<Nats, { readonly servers: string }>()(
  "@daybook/publishing/test/Nats"
) {
  static readonly layer = Layer.effect(
    Nats,
    Effect.gen(function* () {
      const given = yield* Config.option(Config.String("NATS_URL"))
      if (Option.isSome(given)) return { servers: given.value }
      const { address } = yield* NatsServer.start
      return { servers: address }
    })
  )
}

let streams = 0

/** Makes a stream with one subject, which has its name. */
export const freshStream = Effect.fnUntraced(function* (
  servers: string,
  options: { readonly allowAtomic: boolean } = { allowAtomic: true }
) {
  const name = `stream-${process.pid}-${streams++}`
  yield* Effect.acquireUseRelease(
    Effect.tryPromise(() => connect({ servers })),
    (connection) =>
      Effect.tryPromise(async () => {
        const manager = await jetstreamManager(connection)
        await manager.streams.add({
          name,
          subjects: [name],
          ...(options.allowAtomic ? { allow_atomic: true } : {})
        })
      }),
    (connection) => Effect.promise(() => connection.close())
  )
  return name
})

export const freshSource = Effect.gen(function* () {
  const { servers } = yield* Nats
  const stream = yield* freshStream(servers)
  return {
    topic: stream,
    source: (group: string) =>
      NatsSource.make({ connection: { servers }, stream, durable: `${stream}-${group}` })
  }
})
