import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Layer from "effect/Layer"
import { importCases } from "./importCases.ts"
import { partition } from "./postgresLayers.ts"

const server = PostgresServer.layerClient({ maxConnections: 12 }).pipe(
  Layer.provide(PostgresServer.PostgresServer.layer)
)

importCases("An import on a server", server)
importCases("An import into partitions on a server", server, partition)
importCases("An import into an embedded log", EmbeddedPostgres.layer())
