/**
 * Maintains the serving generation of a read model, if this host gets its claim.
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ReadModelStoreError } from "../../ReadModelError.ts"
import { type ClaimedModel, merge, type Page } from "./advance.ts"
import { makePageApplier } from "./applyPages.ts"
import { catchUpTo } from "./catchUp.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import * as History from "./history.ts"
import { type Followed, followed } from "./leases.ts"
import * as OffHistory from "./offHistory.ts"
import {
  categoriesOf,
  claimed,
  isOfOther,
  loadClaimed,
  lowest,
  mayClaim,
  type Runner,
  stop,
  underClaim
} from "./runner.ts"

/**
 * The number of pages that are read ahead, and folded in one step if they are ready: while catching
 * up, steps are large and few; at the head each page is a step of its own.
 */
const PAGES_AHEAD = 2

/**
 * Maintains the serving generation until nothing is left to do or another host has the claim.
 * Returns true if there was something to do.
 */
export const maintainServing = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  inline: boolean
): Effect.fn.Return<boolean, EventStoreError | ReadModelStoreError> {
  const { errors, lease, owner, stops, store } = runner
  const { name, version } = model.table
  const states = yield* runner.shared.statesOf(name)
  const serving = states.find(({ role }) => role === "serving")
  // Another version of the program maintains another version of the rows.
  if (serving === undefined || serving.version !== version) {
    yield* errors.idle(name, "serving", undefined)
    return false
  }
  if (isOfOther(serving, owner) && !runner.mismatches.has(name)) {
    yield* errors.idle(name, "serving", lowest(serving.checkpoints))
    return false
  }
  // Read before the comparison: a checkpoint of a log that is restored meanwhile must not replace
  // the one that reveals the restore.
  const end = serving.mode === "inline" && inline ? yield* runner.shared.end : undefined
  if (!(yield* OffHistory.fits(runner, serving))) return false
  if (serving.mode === "inline") {
    if (inline) {
      yield* errors.idle(name, "serving", undefined)
      const compared = History.first(History.reachedBy(serving))
      if (end !== undefined && end.position > compared.position) {
        const { generation } = serving
        yield* runner.shared.mark({ name, generation, compared, reached: end })
      }
      return false
    }
    // Appends of an earlier configuration maintained it, or those of another host still do; that
    // host must be configured likewise.
    yield* Effect.logWarning(
      `${name} is inline, and async on this host: a runner maintains it after the log from now on`
    )
    yield* store.makeAsync(name, History.settled(runner, name))
    return true
  }
  const poison = yield* stops.toTry(serving, "later")
  const claim = mayClaim(serving, owner, poison)
    ? yield* store.claim(serving, owner, lease, poison)
    : Option.none()
  if (Option.isNone(claim)) {
    yield* errors.idle(name, "serving", lowest(serving.checkpoints))
    return false
  }
  if (poison !== undefined) yield* stops.tries(name, poison)
  yield* claimed(name, "taken")
  const held = yield* loadClaimed(runner, model, claim.value)
  if (held === undefined) return false
  errors.holdsUnsafe(name, "serving", History.first(held.checkpoints).position)
  const following = followed(held)
  const maintained = (inline ? leaveToAppends(runner, held) : follow(runner, following)).pipe(
    Effect.catchTags({
      Stopped: (stopped) => stop(runner, claim.value, stopped),
      // The log was restored while it was followed.
      CheckpointMismatch: () => OffHistory.check(runner, held)
    })
  )
  const kept = { claim: claim.value, loop: "serving", followed: following } as const
  return yield* underClaim(runner, kept, maintained).pipe(
    Effect.as(true),
    Effect.catchTag("ClaimLost", () => Effect.as(claimed(name, "lost"), false))
  )
})

/**
 * Folds from the checkpoint to the head and then live; ends only by failing.
 *
 * A page without events costs no step: a renewal moves the checkpoint later, together with those of
 * the host's other read models.
 */
const follow = Effect.fnUntraced(function* (runner: Runner, following: Followed) {
  const { held } = following
  const { name } = held.model.table
  const take = yield* makePageApplier(runner, held, "serving")
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
        event: checkpoint.event
      })),
      Stream.buffer({ capacity: PAGES_AHEAD }),
      Stream.runForEachArray((pages) => {
        const page = merge(pages)
        return page.events.length === 0
          ? Effect.sync(() => {
              following.ahead = { position: page.position, event: page.event }
              runner.changes.notifyUnsafe(name, "step")
            })
          : following.moving.withPermit(
              Effect.suspend(() => {
                following.ahead = undefined
                return Effect.andThen(take(page), runner.errors.wentOn(name, "serving"))
              })
            )
      })
    )
})

/** Catches up, and hands the rows over to the appends. */
const leaveToAppends = Effect.fnUntraced(function* (runner: Runner, held: ClaimedModel) {
  yield* catchUpTo(runner, held, { role: "serving" })
  yield* runner.leases.changing(
    runner.store.makeInline(
      held.claim,
      catchUpTo(runner, held, { role: "serving", inTransaction: true })
    )
  )
  runner.changes.notifyUnsafe(held.model.table.name, "state")
})
