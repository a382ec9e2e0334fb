/**
 * The entry point of `pnpm start`: serves the shop over HTTP until a signal ends it.
 *
 * A host of yours has the same parts, from the database upwards: stores with their migrations, the
 * runner of read models, the handler of commands, reactors and processes, the API, and around them
 * telemetry and a process.
 *
 * @since 0.1.0
 */
// Compiles all schemas at run time, as codecs do for events: decoding takes half the time.
import "effect/schema/SchemaJITCompiler/enable"
import { Authentication } from "@daybook/http/Authenticator"
import * as Health from "@daybook/http/Health"
import * as NodeHost from "@daybook/http/NodeHost"
import * as NodeProcess from "@daybook/http/NodeProcess"
import * as Telemetry from "@daybook/http/Telemetry"
import * as Inspector from "@daybook/inspector/Inspector"
import * as ProjectionMetrics from "@daybook/projections/ProjectionMetrics"
import { Projections } from "@daybook/projections/Projections"
import * as ReactorMetrics from "@daybook/reactors/ReactorMetrics"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as CommandLine from "./CommandLine.ts"
import * as Processes from "./Processes.ts"
import * as ReadModels from "./ReadModels.ts"
import * as ServedPage from "./ServedPage.ts"
import * as Settings from "./Settings.ts"
import * as Shop from "./Shop.ts"
import * as ShopInspector from "./ShopInspector.ts"
import { StoreChecks } from "./StoreChecks.ts"
import * as Stores from "./Stores.ts"
import * as Tokens from "./Tokens.ts"

/** The log and all that is kept beside it: migrated, in the chosen database. */
const stores = ({ store }: Settings.Settings) =>
  Stores.layerWith(store, {
    memory: StoreChecks.layerMemory,
    postgres: StoreChecks.layerPostgres
  })

/** Executes commands, above the runner of read models: so these could also be inline. */
const domain = Layer.merge(
  CommandHandler.layerSnapshots(SnapshotPolicy.every(100)).pipe(
    Layer.provide(Layer.succeed(CachedStreams, 10_000))
  ),
  ProjectionMetrics.layer()
).pipe(Layer.provideMerge(Projections.layer({ async: ReadModels.all })))

/** Reacts to the log, beginning at its end of the first start, and shares that with other hosts. */
const processes = ReactorMetrics.layer({ groups: Processes.groups }).pipe(
  Layer.provide(Processes.layer())
)

/** Answers `/health/live` and `/health/ready`. */
const health = ({ readyLag }: Settings.Settings) =>
  Layer.unwrap(
    StoreChecks.useSync((own) => {
      const readModels = readyLag === undefined ? [] : [Health.readModels({ lag: readyLag })]
      return Health.layer({ checks: [Health.store, ...own, ...readModels] })
    })
  )

/** Listens, for callers with tokens if there are any: see `Shop.ts` for what it serves. */
const http = (settings: Settings.Settings) => {
  const { host, port, tokens } = settings
  const open = Layer.merge(health(settings), Telemetry.metrics)
  return tokens === undefined
    ? NodeHost.layer(Shop.api, Shop.parts, {
        host,
        port,
        routes: Layer.merge(open, Inspector.layerUnprotected(ShopInspector.options))
      })
    : NodeHost.layer(Shop.protectedApi, Shop.parts, {
        host,
        port,
        routes: Layer.merge(open, Inspector.layer(ShopInspector.options))
      }).pipe(Layer.provide(Authentication.layer), Layer.provide(Tokens.layer(tokens)))
}

/** The whole host: a layer is built after those that it is provided with, and closed before. */
const host = (settings: Settings.Settings) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpServer, ({ address }) => ServedPage.tell(settings, address))
  ).pipe(
    Layer.provide(http(settings)),
    Layer.provide(processes),
    Layer.catchTag("UnprotectedHost", Settings.openToNetwork),
    Layer.provide(domain),
    Layer.provide(stores(settings)),
    Layer.provide(Telemetry.layer)
  )

const command = Command.make(
  "shop",
  Settings.flags,
  Effect.fnUntraced(function* (flags) {
    const settings = yield* Settings.fromFlags(flags)
    yield* Layer.launch(host(settings))
  })
).pipe(
  Command.withDescription("Serves the shop over HTTP, on loopback unless callers have tokens."),
  Command.withExamples([
    { command: "pnpm start", description: "A log in ./shop-data, on port 3000" },
    { command: "pnpm start --store postgres", description: "A log on the server at DATABASE_URL" }
  ])
)

NodeProcess.run(Effect.provide(CommandLine.run(command), NodeServices.layer), { name: "shop" })
