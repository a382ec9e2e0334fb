#!/usr/bin/env node
/**
 * The entry point of `daybook`.
 */
// Compiles all schemas at run time: decoding takes half the time.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Os from "node:os"
import process from "node:process"
import { run } from "./command/daybook.ts"
import { lineOf, statusOf } from "./exit.ts"

// A write reports its own failure: see `stdout.ts`.
for (const output of [process.stdout, process.stderr]) {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
  })
}

// The program sees both signals as interruptions.
let signal: "SIGINT" | "SIGTERM" = "SIGINT"
process.once("SIGTERM", () => {
  signal = "SIGTERM"
})

NodeRuntime.runMain(Effect.provide(run, NodeServices.layer), {
  disableErrorReporting: true,
  teardown: (exit, onExit) => {
    if (Exit.isSuccess(exit)) return onExit(0)
    const line = lineOf(exit.cause)
    if (line !== undefined) process.stderr.write(`daybook: ${line}\n`)
    // As a shell reports a process that a signal ended.
    onExit(
      Cause.hasInterruptsOnly(exit.cause)
        ? 128 + Os.constants.signals[signal]
        : statusOf(exit.cause)
    )
  }
})
