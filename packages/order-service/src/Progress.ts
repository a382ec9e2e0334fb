/**
 * A progress bar, on a terminal only.
 *
 * @since 0.1.0
 */
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"
import * as Output from "./Output.ts"

/**
 * Draws the amount done.
 *
 * @category types
 * @since 0.1.0
 */
export type Draw = (done: number) => Effect.Effect<void>

const CELLS = 30
const CLEAR_LINE = "\r\u001b[K"

/**
 * Runs `use` with a bar, and clears the bar when `use` ends, fails or is interrupted.
 *
 * @category operations
 * @since 0.1.0
 */
export const withBar = <A, E, R>(total: number, use: (draw: Draw) => Effect.Effect<A, E, R>) =>
  withPercent((draw) =>
    use((done) =>
      draw(
        total === 0 ? 100 : Math.floor((100 * done) / total),
        `${Output.number(done)} of ${Output.count(total, "row")}`
      )
    )
  )

/**
 * Runs `use` with a bar as {@link withBar} does, for progress as a fraction of 1, with a name
 * beside the bar.
 *
 * @category operations
 * @since 0.1.0
 */
export const withFraction = <A, E, R>(name: string, use: (draw: Draw) => Effect.Effect<A, E, R>) =>
  withPercent((draw) => use((fraction) => draw(Math.floor(100 * fraction), name)))

const withPercent = Effect.fnUntraced(function* <A, E, R>(
  use: (draw: (percent: number, beside: string) => Effect.Effect<void>) => Effect.Effect<A, E, R>
) {
  const { canAnimate } = yield* TerminalCapabilities
  if (!canAnimate) return yield* use(() => Effect.void)
  const terminal = yield* Terminal.Terminal
  const style = yield* Output.style
  // A closed terminal ends the bar, not the work.
  const display = (text: string) => Effect.ignore(terminal.display(text))
  let shown = -1
  const draw = (percent: number, beside: string) =>
    Effect.suspend(() => {
      if (percent === shown) return Effect.void
      shown = percent
      const full = Math.round((CELLS * percent) / 100)
      const bar = style.cyan("█".repeat(full)) + style.dim("░".repeat(CELLS - full))
      return display(`${CLEAR_LINE}${bar} ${Output.pad(`${percent}%`, 4, "right")}  ${beside}`)
    })
  return yield* Effect.ensuring(use(draw), display(CLEAR_LINE))
})
