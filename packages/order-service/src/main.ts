/**
 * The entry point of `pnpm demo`.
 *
 * @since 0.1.0
 */
// Compiles all schemas at run time, as codecs do with those of events: decoding takes half the time.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as process from "node:process"
import * as Cli from "./Cli.ts"

// A reader that has seen enough, such as `head`, neither breaks an import nor makes it a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
})

NodeRuntime.runMain(Effect.provide(Cli.run, NodeServices.layer), { disableErrorReporting: true })
