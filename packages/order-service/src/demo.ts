/**
 * The entry point of `pnpm demo`.
 *
 * @since 0.1.0
 */
// Compiles all schemas at run time, as codecs do for events: decoding takes half the time.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Os from "node:os"
import process from "node:process"
import * as Cli from "./Cli.ts"

// A reader that closes early, such as `head`, neither stops an import nor makes it a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
})

// A shell reports 128 plus the signal's number for a process that a signal ended. The program sees
// both signals as interruptions.
let isTerminated = false
process.once("SIGTERM", () => {
  isTerminated = true
})
const [INTERRUPTED, TERMINATED] = [
  128 + Os.constants.signals.SIGINT,
  128 + Os.constants.signals.SIGTERM
]

NodeRuntime.runMain(Effect.provide(Cli.run, NodeServices.layer), {
  disableErrorReporting: true,
  teardown: (exit, onExit) =>
    Runtime.defaultTeardown(exit, (code) =>
      onExit(code === INTERRUPTED && isTerminated ? TERMINATED : code)
    )
})
