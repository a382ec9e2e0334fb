/**
 * Logs warnings that come in bursts: the first at once, the others as one line with their number.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { StreamId } from "@daybook/kernel/StreamId"
import { rootMessage } from "./rootMessage.ts"

/** The sentences of a fault, for one stream and for `count` more. */
export interface Warning {
  readonly of: (streamId: StreamId) => string
  readonly more: (count: number) => string
}

type Warn = (
  warning: Warning,
  streamId: StreamId,
  cause: Cause.Cause<unknown>
) => Effect.Effect<void>

/** The time for which further warnings are counted before they are logged. */
const WINDOW = Duration.seconds(10)

/** The warnings since the last line about one kind. */
interface Counted {
  count: number
  last: string
}

/**
 * Makes a logger of warnings. It logs the stacks too, at debug level, and the counted warnings when
 * the scope ends.
 */
export const make = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const open = new Map<Warning, Counted>()
  /** Logs the counted warnings, and returns true if there were any. */
  const tellMore = (warning: Warning, counted: Counted) =>
    Effect.suspend(() => {
      const { count, last } = counted
      if (count === 0) return Effect.succeed(false)
      counted.count = 0
      return Effect.as(
        Effect.logWarning(
          `${warning.more(count)} within ${Duration.format(WINDOW)}, the last of ${last}`
        ),
        true
      )
    })
  yield* Effect.addFinalizer(() =>
    Effect.forEach(open, ([warning, counted]) => tellMore(warning, counted), { discard: true })
  )
  const count = (warning: Warning, counted: Counted) =>
    Effect.sleep(WINDOW).pipe(
      Effect.andThen(tellMore(warning, counted)),
      Effect.repeat({ while: (told) => told }),
      Effect.andThen(Effect.sync(() => open.delete(warning)))
    )

  const warn: Warn = Effect.fnUntraced(function* (warning, streamId, cause) {
    const reason = rootMessage(Cause.squash(cause))
    yield* Effect.logDebug(warning.of(streamId), cause)
    const counted = open.get(warning)
    if (counted !== undefined) {
      counted.count++
      counted.last = `${streamId}: ${reason}`
      return
    }
    const fresh = { count: 0, last: "" }
    open.set(warning, fresh)
    yield* Effect.logWarning(`${warning.of(streamId)}: ${reason}`)
    yield* Effect.forkIn(count(warning, fresh), scope)
  })
  return warn
})
