import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Runs an effect and gives what it printed beside what it gave. */
export const captured = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly canColor: boolean }
) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    return effect.pipe(
      Effect.provideService(Console.Console, {
        ...globalThis.console,
        log: (...parts) => void lines.push(parts.join(" "))
      }),
      Effect.provideService(TerminalCapabilities, {
        canColor: options?.canColor ?? false,
        canAnimate: false,
        canPrompt: false
      }),
      Effect.map((value) => ({ value, lines }))
    )
  })
