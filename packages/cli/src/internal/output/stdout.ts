/**
 * Standard output, at the pace of its reader.
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { ReaderGone } from "../exit.ts"
import * as Progress from "./progress.ts"

/** Writes text, and waits until the output has taken it. */
export const write = (text: string): Effect.Effect<void, ReaderGone> =>
  text === ""
    ? Effect.void
    : Effect.callback((resume) => {
        Progress.clearUnsafe()
        process.stdout.write(text, (error) => {
          if (error === undefined || error === null) return resume(Effect.void)
          const isGone = "code" in error && error.code === "EPIPE"
          resume(isGone ? Effect.fail(new ReaderGone()) : Effect.die(error))
        })
      })

/** Writes lines. */
export const writeLines = (lines: ReadonlyArray<string>): Effect.Effect<void, ReaderGone> =>
  lines.length === 0 ? Effect.void : write(`${lines.join("\n")}\n`)
