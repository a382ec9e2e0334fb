/**
 * The NATS server of the tests: that of `NATS_URL`, or one that is started for them.
 */
import * as NatsServer from "@daybook/testing/NatsServer"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
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
  servers: string | Array<string>,
  options: { readonly allowAtomic?: boolean; readonly replicas?: number } = {}
) {
  const name = `stream-${process.pid}-${streams++}`
  yield* withManager(servers, (manager) =>
    manager.streams.add({
      name,
      subjects: [name],
      num_replicas: options.replicas ?? 1,
      ...((options.allowAtomic ?? true) ? { allow_atomic: true } : {})
    })
  )
  return name
})

/** Returns the name of the server that leads a stream. */
export const leaderOf = (servers: Array<string>, stream: string) =>
  withManager(servers, async (manager) => {
    const { cluster } = await manager.streams.info(stream)
    return cluster?.leader
  })

const SteppedDown = Schema.fromJsonString(Schema.Struct({ success: Schema.Literal(true) }))

/** Lets the leader of a stream give its part to another server. */
export const stepDown = (servers: Array<string>, stream: string) =>
  Effect.acquireUseRelease(
    Effect.tryPromise(() => connect({ servers })),
    (connection) =>
      Effect.tryPromise(() => connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`)).pipe(
        Effect.flatMap((answer) => Schema.decodeUnknownEffect(SteppedDown)(answer.string()))
      ),
    (connection) => Effect.promise(() => connection.close())
  )

const withManager = <A>(
  servers: string | Array<string>,
  use: (manager: JetStreamManager) => Promise<A>
) =>
  Effect.acquireUseRelease(
    Effect.tryPromise(() => connect({ servers })),
    (connection) => Effect.tryPromise(async () => use(await jetstreamManager(connection))),
    (connection) => Effect.promise(() => connection.close())
  )

export const freshSource = Effect.gen(function* () {
  const { servers } = yield* Nats
  const stream = yield* freshStream(servers)
  return {
    topic: stream,
    source: (group: string) =>
      NatsSource.make({ connection: { servers }, stream, durable: `${stream}-${group}` })
  }
})
