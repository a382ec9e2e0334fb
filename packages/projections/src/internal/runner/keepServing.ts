/**
 * Keeps the serving generation of a read model, if this host is the one to do it.
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ReadModelStoreError } from "../../ReadModelError.ts"
import { type Held, merge, type Page } from "./advance.ts"
import { catchUpTo } from "./catchUp.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import * as History from "../fold/history.ts"
import * as OffHistory from "./offHistory.ts"
import {
  categoriesOf,
  claimed,
  hold,
  lowest,
  type Runner,
  stop,
  taker,
  underClaim
} from "./runner.ts"

/**
 * How many pages are read ahead, and folded in one step when they are there: behind, steps are large and few; at the
 * head each page is a step of its own.
 */
const PAGES_AHEAD = 2

/** Whether there was something to do, until there was no more or another host had it. */
export const keepServing = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  inline: boolean
): Effect.fn.Return<boolean, EventStoreError | ReadModelStoreError> {
  const { errors, lease, owner, stops, store } = runner
  const { name, version } = model.table
  const states = yield* store.states(name)
  const serving = states.find(({ role }) => role === "serving")
  // Another version of the program keeps another version of the rows.
  if (serving === undefined || serving.version !== version) {
    yield* errors.idle(name, "serving", undefined)
    return false
  }
  // Before it is compared: one of a log that is restored meanwhile must not take the place of what tells so.
  const end = serving.mode === "inline" && inline ? yield* runner.events.checkpoint : undefined
  if (!(yield* OffHistory.fits(runner, serving))) return false
  if (serving.mode === "inline") {
    if (inline) {
      yield* errors.idle(name, "serving", undefined)
      if (end !== undefined && end.position > History.first(History.reachedBy(serving)).position) {
        yield* store.mark(serving, end)
      }
      return false
    }
    // It was kept by the appends of an earlier configuration, or is by those of another host, which has to be told so too.
    yield* Effect.logWarning(
      `${name} is kept by appends, and this host takes it back to keep it behind the log`
    )
    yield* store.demote(name, History.settled(runner, name))
    return true
  }
  const poison = yield* stops.toTry(serving, "later")
  const claim = yield* store.claim(serving, owner, lease, poison)
  if (Option.isNone(claim)) {
    yield* errors.idle(name, "serving", lowest(serving.checkpoints))
    return false
  }
  if (poison !== undefined) yield* stops.tries(name, poison)
  yield* claimed(name, "taken")
  const held = yield* hold(runner, model, claim.value)
  if (held === undefined) return false
  errors.holdsUnsafe(name, "serving", History.first(held.checkpoints).position)
  const kept = (inline ? handOver(runner, held) : follow(runner, held)).pipe(
    Effect.catchTags({
      Stopped: (stopped) => stop(runner, claim.value, stopped),
      // The log was restored beneath it.
      CheckpointMismatch: ({ reason }) => OffHistory.tell(runner, name, reason)
    })
  )
  return yield* underClaim(runner, claim.value, "serving", kept).pipe(
    Effect.as(true),
    Effect.catchTag("ClaimLost", () => Effect.as(claimed(name, "lost"), false))
  )
})

/** From the checkpoint to the head and then live; it ends only by failing. */
const follow = Effect.fnUntraced(function* (runner: Runner, held: Held) {
  const take = yield* taker(runner, held, "serving")
  yield* runner.events
    .subscribePages({
      after: History.resumeFrom(held.log, held.checkpoints),
      categories: categoriesOf(held.model)
    })
    .pipe(
      // The options above are built here, within their ranges.
      Stream.catchTag("InvalidReadOption", Stream.die),
      Stream.map(({ checkpoint, events, position }): Page => ({
        events,
        position,
        eventId: checkpoint.eventId
      })),
      Stream.buffer({ capacity: PAGES_AHEAD }),
      Stream.runForEachArray((pages) =>
        Effect.andThen(take(merge(pages)), runner.errors.wentOn(held.model.table.name, "serving"))
      )
    )
})

/** Catches up, and leaves the rows to the appends from then on. */
const handOver = Effect.fnUntraced(function* (runner: Runner, held: Held) {
  yield* catchUpTo(runner, held, { role: "serving" })
  yield* runner.store.promote(
    held.claim,
    catchUpTo(runner, held, { role: "serving", inTransaction: true })
  )
  runner.changes.tellUnsafe()
})
