/**
 * Runs a command on the arguments of the process. Its failures are left to its caller, wrong
 * invocations included, so that each is reported in one line.
 *
 * @since 0.1.0
 */
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * The arguments are wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidInvocation extends Data.TaggedError("InvalidInvocation")<{
  readonly problems: ReadonlyArray<string>
}> {
  override get message() {
    return `${this.problems.join("; ")} (see --help)`
  }
}

/**
 * Runs `command` on the arguments of the process, or fails with `InvalidInvocation`.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <const Name extends string, Input, E, R, ContextInput>(
  command: Command.Command<Name, Input, ContextInput, E, R>
) => orInvalid(Command.run(command, { version: VERSION }))

/**
 * Runs `command` on these arguments, as {@link run} does.
 *
 * @category running
 * @since 0.1.0
 */
export const runWith = <const Name extends string, Input, E, R, ContextInput>(
  command: Command.Command<Name, Input, ContextInput, E, R>,
  args: ReadonlyArray<string>
) => orInvalid(Command.runWith(command, { version: VERSION })(args))

const VERSION = "0.1.0"

const orInvalid = <A, E, R>(running: Effect.Effect<A, E, R>) =>
  running.pipe(
    Effect.mapError((error) =>
      CliError.isCliError(error) && error._tag === "ShowHelp"
        ? new InvalidInvocation({ problems: error.errors.map(({ message }) => message) })
        : error
    ),
    Effect.provide(
      Layer.mergeAll(
        CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] }),
        CliOutput.layerPresenter(presenter)
      )
    )
  )

/** Leaves wrong invocations to the caller; the built-in presenter prints the whole help first. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event)
}
