/**
 * A line of progress on standard error, if that is a terminal.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import process from "node:process"

export type Draw = (text: string) => Effect.Effect<void>

const CLEAR_LINE = "\r\u001b[K"

/** A line is drawn at most so often. */
const INTERVAL_MILLIS = 100

/** True while a line of progress stands on the terminal. */
let isDrawn = false

/** Clears the line of progress, before other output comes to the same terminal. */
export const clearUnsafe = (): void => {
  if (!isDrawn) return
  isDrawn = false
  process.stderr.write(CLEAR_LINE)
}

/** Runs `use` with a function that draws, and clears the line when `use` ends. */
export const withLine = <A, E, R>(
  quiet: boolean,
  use: (draw: Draw) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    if (quiet || !process.stderr.isTTY) return use(() => Effect.void)
    let drawn = -INTERVAL_MILLIS
    const draw: Draw = (text) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (now - drawn < INTERVAL_MILLIS) return
        drawn = now
        isDrawn = true
        process.stderr.write(`${CLEAR_LINE}${text}`)
      })
    return Effect.ensuring(use(draw), Effect.sync(clearUnsafe))
  })
