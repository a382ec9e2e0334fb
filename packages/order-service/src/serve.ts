/**
 * The entry point of `pnpm start`: serves the shop over HTTP until a signal ends it.
 *
 * A host of yours has the same parts, from the database upwards: stores with their migrations, the
 * runner of read models, the handler of commands, the API, and the process.
 *
 * @since 0.1.0
 */
// Compiles all schemas at run time, as codecs do for events: decoding takes half the time.
import "effect/schema/SchemaJITCompiler/enable"
import { Authentication } from "@daybook/http/Authenticator"
import * as NodeHost from "@daybook/http/NodeHost"
import * as NodeProcess from "@daybook/http/NodeProcess"
import { Projections } from "@daybook/projections/Projections"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as CommandLine from "./CommandLine.ts"
import * as ReadModels from "./ReadModels.ts"
import * as ServedPage from "./ServedPage.ts"
import * as Settings from "./Settings.ts"
import * as Shop from "./Shop.ts"
import * as Stores from "./Stores.ts"
import * as Tokens from "./Tokens.ts"

/** Executes commands, and maintains the read models after them. */
const domain = CommandHandler.layerSnapshots(SnapshotPolicy.every(100)).pipe(
  Layer.provide(Layer.succeed(CachedStreams, 10_000)),
  // Beneath the handler, so that read models could also be inline.
  Layer.provideMerge(Projections.layer({ async: ReadModels.all }))
)

/** Listens, for callers with tokens if there are any: see `Shop.ts` for what it serves. */
const http = ({ host, port, tokens }: Settings.Settings) =>
  tokens === undefined
    ? NodeHost.layer(Shop.api, Shop.parts, { host, port })
    : NodeHost.layer(Shop.protectedApi, Shop.parts, { host, port }).pipe(
        Layer.provide(Authentication.layer),
        Layer.provide(Tokens.layer(tokens))
      )

/** The whole host. A layer is built after those that it is provided with, and closed before them. */
const host = (settings: Settings.Settings) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpServer, ({ address }) => ServedPage.print(settings, address))
  ).pipe(
    Layer.provide(http(settings)),
    Layer.catchTag("UnprotectedHost", Settings.openToNetwork),
    Layer.provide(domain),
    Layer.provide(Stores.layer(settings.store))
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
