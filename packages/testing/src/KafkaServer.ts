/**
 * A Kafka broker for tests, one process that is its own controller (KRaft).
 *
 * It runs on the `java` of the path, from the jars that `DAYBOOK_KAFKA_CLASSPATH` lists as `java
 * -cp` takes them, for this process alone: server and data are gone when the scope closes or the
 * process dies, however it dies.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { freePort } from "./internal/server/freePort.ts"
import * as Supervised from "./internal/server/supervised.ts"

/**
 * The broker did not start or stop.
 *
 * @category errors
 * @since 0.1.0
 */
export class KafkaServerError extends Data.TaggedError("KafkaServerError")<{
  readonly cause: unknown
}> {
  override get message() {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `Kafka did not start: ${cause}`
  }
}

/**
 * A broker that can be killed and started again, on the same data and port.
 *
 * @category types
 * @since 0.1.0
 */
export interface KafkaServer {
  /** The address that clients are told to connect to, such as `127.0.0.1:9092`. */
  readonly address: string
  /** The port on which it listens itself. */
  readonly port: number
  /** Ends the broker at once, as `kill -9` does. */
  readonly kill: Effect.Effect<void, KafkaServerError>
  readonly start: Effect.Effect<void, KafkaServerError>
}

/** One process in a small heap. The C1 compiler alone: a test ends before the other has paid. */
const JVM = [
  "-Xmx384m",
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
  "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info"
]

const configuration = (options: {
  readonly port: number
  readonly controllerPort: number
  readonly advertisedPort: number
  readonly folder: string
}): string =>
  Object.entries({
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${options.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${options.port},CONTROLLER://127.0.0.1:${options.controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${options.advertisedPort}`,
    "controller.listener.names": "CONTROLLER",
    "log.dirs": Path.join(options.folder, "data"),
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false"
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("")

/**
 * Starts a broker on a free port.
 *
 * @category resources
 * @since 0.1.0
 */
export const start = (
  options: {
    /**
     * The port that clients are told to connect to; its own by default. For a proxy between them.
     */
    readonly advertisedPort?: number
  } = {}
): Effect.Effect<KafkaServer, KafkaServerError | Config.ConfigError, Scope.Scope> =>
  Effect.gen(function* () {
    const failed = Effect.mapError((cause: unknown) => new KafkaServerError({ cause }))
    const classpath = yield* Config.String("DAYBOOK_KAFKA_CLASSPATH")
    const folder = yield* failed(Supervised.makeFolder("kafka"))
    const port = yield* failed(freePort)
    const controllerPort = yield* failed(freePort)
    const advertisedPort = options.advertisedPort ?? port
    const file = Path.join(folder, "server.properties")
    const java = ["java", ...JVM, "-cp", classpath]
    // A cluster id is 16 bytes in base64 for URLs.
    const random = yield* SecureRandom.SecureRandom
    const uuid = yield* random.uuidV4()
    const clusterId = Buffer.from(uuid.replaceAll("-", ""), "hex").toString("base64url")
    yield* failed(
      Effect.tryPromise(async () => {
        await Fs.writeFile(file, configuration({ port, controllerPort, advertisedPort, folder }))
        // The id may begin with a dash.
        const format = [`--cluster-id=${clusterId}`, "--config", file]
        await run([...java, "kafka.tools.StorageTool", "format", ...format])
      })
    )
    const server = yield* failed(
      Supervised.start({
        command: [...java, "kafka.Kafka", file],
        ready: "Kafka Server started",
        folder
      })
    )
    return {
      address: `127.0.0.1:${advertisedPort}`,
      port,
      kill: failed(server.kill),
      start: failed(server.start)
    }
  }).pipe(Effect.provide(SecureRandom.layerWebCrypto))

const run = ([command = "", ...args]: ReadonlyArray<string>): Promise<void> =>
  new Promise((resolve, reject) => {
    ChildProcess.execFile(command, args, (error) => (error === null ? resolve() : reject(error)))
  })
