/**
 * A NATS server with JetStream for tests.
 *
 * The binary is the one that `DAYBOOK_NATS_SERVER` names, or else `nats-server` on the path. It
 * runs for this process alone: server and data are gone when the scope closes or the process dies,
 * however it dies.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { freePort } from "./internal/server/freePort.ts"
import * as Supervised from "./internal/server/supervised.ts"

/**
 * The server did not start or stop.
 *
 * @category errors
 * @since 0.1.0
 */
export class NatsServerError extends Data.TaggedError("NatsServerError")<{
  readonly cause: unknown
}> {
  override get message() {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `NATS did not start: ${cause}`
  }
}

/**
 * A server that can be killed and started again, on the same data and port.
 *
 * @category types
 * @since 0.1.0
 */
export interface NatsServer {
  /** Its address, such as `127.0.0.1:4222`. */
  readonly address: string
  /** Ends the server at once, as `kill -9` does. */
  readonly kill: Effect.Effect<void, NatsServerError>
  readonly start: Effect.Effect<void, NatsServerError>
}

/**
 * Starts a server on a free port. It writes each message to disk before it acknowledges it: by its
 * default settings a killed machine may lose the messages of two minutes.
 *
 * @category resources
 * @since 0.1.0
 */
export const start: Effect.Effect<NatsServer, NatsServerError | Config.ConfigError, Scope.Scope> =
  Effect.suspend(() => launch({ name: "nats" }))

/**
 * Starts servers that form a JetStream cluster; a stream on it may have as many replicas. Its
 * servers elect a leader after they have started, so the first requests may fail.
 *
 * @category resources
 * @since 0.1.0
 */
export const startCluster = (
  names: ReadonlyArray<string>
): Effect.Effect<
  Readonly<Record<string, NatsServer>>,
  NatsServerError | Config.ConfigError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const ports = yield* failed(Effect.forEach(names, () => freePort))
    const members = names.map((name, index) => ({
      name,
      cluster: { port: ports[index] ?? 0, routes: ports }
    }))
    const servers = yield* Effect.forEach(
      members,
      (member) => Effect.map(launch(member), (server) => [member.name, server] as const),
      { concurrency: "unbounded" }
    )
    return Object.fromEntries(servers)
  })

interface Member {
  readonly name: string
  readonly cluster?: { readonly port: number; readonly routes: ReadonlyArray<number> }
}

const failed = Effect.mapError((cause: unknown) => new NatsServerError({ cause }))

const launch = Effect.fnUntraced(function* (member: Member) {
  const binary = yield* Config.String("DAYBOOK_NATS_SERVER").pipe(Config.withDefault("nats-server"))
  const folder = yield* failed(Supervised.makeFolder("nats"))
  const port = yield* failed(freePort)
  const file = Path.join(folder, "nats.conf")
  yield* failed(Effect.tryPromise(() => Fs.writeFile(file, configuration(member, port, folder))))
  const server = yield* failed(
    Supervised.start({ command: [binary, "-c", file], ready: "Server is ready", folder })
  )
  return {
    address: `127.0.0.1:${port}`,
    kill: failed(server.kill),
    start: failed(server.start)
  } satisfies NatsServer
})

const configuration = ({ cluster, name }: Member, port: number, folder: string): string => `
host: "127.0.0.1"
port: ${port}
server_name: ${JSON.stringify(name)}
jetstream { store_dir: ${JSON.stringify(Path.join(folder, "data"))}, sync_interval: always }
${cluster === undefined ? "" : clusterOf(cluster)}
`

const clusterOf = ({ port, routes }: NonNullable<Member["cluster"]>): string => `
cluster {
  name: "tests"
  listen: "127.0.0.1:${port}"
  routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ")}]
}`
