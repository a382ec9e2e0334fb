import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import { command } from "../src/guard/command.ts"

/** Keeps the help to itself. */
const silent = Layer.succeed(CliOutput.Presenter, { present: () => Effect.void })

const cases: ReadonlyArray<readonly [name: string, args: ReadonlyArray<string>, error: string]> = [
  ["no commit", [], "base"],
  ["an option in the place of the commit", ["--no-such-option"], "no-such-option"],
  ["a ratio above 1", ["HEAD", "--allowed", "2"], "allowed"],
  ["a text that names no row", ["HEAD", "--only", "nonsense"], "only"],
  ["a turn of no time", ["HEAD", "--seconds", "0"], "seconds"],
  ["no rounds", ["HEAD", "--rounds", "0"], "rounds"]
]

for (const [name, args, expected] of cases) {
  it.effect(`refuses ${name}`, () =>
    Effect.gen(function* () {
      const run = Command.runWith(command, { version: "0", renderErrors: false })
      const error: unknown = yield* Effect.flip(run(args))
      const { errors } = error as CliError.ShowHelp
      assert.lengthOf(errors, 1)
      assert.include(errors[0]?.message, expected)
    }).pipe(Effect.provide([NodeServices.layer, Reactivity.layer, silent]))
  )
}
