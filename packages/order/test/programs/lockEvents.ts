/**
 * Writes the new versions of the shop's events into their lock files; refuses if a released version
 * has changed.
 */
import * as Effect from "effect/Effect"
import { locks } from "../locks.ts"

const program = Effect.forEach(locks, ({ codec, write }) =>
  write.pipe(
    Effect.map((added) =>
      added.length === 0
        ? `${codec}: nothing new\n`
        : added
            .map(({ schemaVersion, type }) => `${codec}: ${type} version ${schemaVersion}\n`)
            .join("")
    )
  )
).pipe(
  Effect.match({
    onSuccess: (lines) => process.stdout.write(lines.join("")),
    onFailure: (error) => {
      process.exitCode = 1
      return process.stderr.write(`${error.message}\n`)
    }
  })
)

void Effect.runPromise(program)
