/**
 * The reactors of a simulation: what they did, and their operator.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { keysOf } from "@daybook/reactors/ConsumerGroup"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { Reactor } from "@daybook/reactors/Reactor"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Reacted } from "../../simulation/Auditor.ts"
import { LOST } from "./lost.ts"
import type { Plan } from "./plan.ts"

class ReactionLost extends Data.TaggedError("ReactionLost")<{ readonly cause: Error }> {}

/** A reaction to an event, for one of its keys. */
export interface Observed {
  readonly event: RecordedEvent
  readonly key: string
}

/** Returns the reactor with the faults of its reactions; `reacted` gets those that took effect. */
export const faulty = <R>(
  reactor: Reactor<R>,
  plan: Plan,
  reacted: Array<Observed>
): Reactor<R> => ({
  ...reactor,
  react: (event, key) =>
    Effect.suspend((): Effect.Effect<void, unknown, R> => {
      const fails = plan.occasion("reaction-fails")
      const lost = new ReactionLost({ cause: LOST })
      const done = Effect.andThen(
        reactor.react(event, key),
        Effect.sync(() => {
          reacted.push({ event, key })
        })
      )
      if (fails === undefined) return done
      return fails.dice.chance(0.5) ? lost : Effect.andThen(done, lost)
    })
})

/** Returns the reactions for the audit, with the events that each reactor must react to. */
export const observed = (
  { group }: Pick<Reactor<never>, "group">,
  reacted: ReadonlyArray<Observed>,
  log: ReadonlyArray<RecordedEvent>
): Reacted => {
  const { categories, name, types } = group
  const isOwn = ({ streamId, type }: RecordedEvent) =>
    (categories?.includes(StreamId.category(streamId)) ?? true) && (types?.includes(type) ?? true)
  return {
    reactor: name,
    expected: log.filter(isOwn).flatMap((event) =>
      Result.getOrElse(keysOf(group, event), () => [event.streamId]).map((key) => ({
        event: EventMark.of(event),
        key
      }))
    ),
    // An event that a restore has lost may come again with the same id.
    reacted: reacted.map(({ event, key }) => ({ event: EventMark.of(event), key }))
  }
}

/**
 * Operates a group once: restarts it if the log has lost its history, and releases what is held.
 * Returns true if it has caught up.
 */
export const tend = (groups: ConsumerGroups["Service"], name: string) =>
  Effect.gen(function* () {
    const { held, lagEvents, state } = yield* groups.status(name)
    if (state === "off history") yield* groups.restart(name, { from: "beginning" })
    else if (held.length > 0) yield* groups.release(name)
    return state !== "off history" && held.length === 0 && lagEvents === 0
  }).pipe(
    // It has not begun yet, or its key was settled meanwhile.
    Effect.catchTag(["UnknownGroup", "KeyNotHeld"], () => Effect.succeed(false))
  )
