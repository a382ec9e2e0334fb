/**
 * Takes turns on one row, as the lines of the input ask for them.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createInterface } from "node:readline"
import type { Message } from "./Message.ts"

/** Works for some seconds, and returns the events per second. */
export type Turn = (seconds: number) => Effect.Effect<number>

/** Opens the row, and takes turns until the input ends. */
export const run = <E>(
  open: Effect.Effect<Turn, E, Scope.Scope>,
  say: (message: Message) => void
): Promise<void> =>
  Effect.gen(function* () {
    const opened = yield* Effect.exit(open)
    if (Exit.isFailure(opened)) {
      return say({ _tag: "NotOffered", reason: Cause.pretty(opened.cause) })
    }
    say({ _tag: "Opened" })
    yield* Stream.fromAsyncIterable(createInterface({ input: process.stdin }), String).pipe(
      Stream.runForEach((line) =>
        Effect.map(opened.value(Number(line)), (perSecond) => say({ _tag: "Took", perSecond }))
      )
    )
  }).pipe(Effect.scoped, Effect.orDie, Effect.runPromise)
