/**
 * Starts a server, says so, and goes on until it is killed.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

Effect.runFork(
  Effect.andThen(Console.log("started"), Effect.never).pipe(
    Effect.provide(PostgresServer.PostgresServer.layerEmbedded)
  )
)
// Nothing else keeps the process alive.
process.stdin.resume()
