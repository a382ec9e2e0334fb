/**
 * Writes the new versions of Order's events into its lock file; refuses if a released version has
 * changed.
 */
import { codec } from "@daybook/order/OrderEvent"
import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
import * as Effect from "effect/Effect"

const file = new URL("../../events.lock.json", import.meta.url)

const program = SchemaLockFile.write(codec, file).pipe(
  Effect.map((added) =>
    added.length === 0
      ? `${codec.name}: nothing new\n`
      : added.map(({ schemaVersion, type }) => `${type} version ${schemaVersion}\n`).join("")
  ),
  Effect.match({
    onSuccess: (lines) => process.stdout.write(lines),
    onFailure: (error) => {
      process.exitCode = 1
      return process.stderr.write(`${error.message}\n`)
    }
  })
)

void Effect.runPromise(program)
