/**
 * The entry point of `pnpm bench:guard`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { command } from "./command.ts"

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide([
    NodeServices.layer,
    Reactivity.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
  ]),
  NodeRuntime.runMain
)
