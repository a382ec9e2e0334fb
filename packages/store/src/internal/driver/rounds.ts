/**
 * Rounds of followers that have read everything: one look at the end of the log serves all that
 * wait for it, and one read of its events serves those that stand at the same place.
 *
 * 1. The look of a round begins after all its followers have joined, so it shows each of them
 *    whatever was settled before that.
 * 2. The events of a round are read after its look, and are given in no other round: a follower
 *    never gets an event that was read before it asked.
 * 3. One look is under way at a time. Followers that come meanwhile join the next round.
 * 4. A follower waits for its round's look, and for the read at its own place, and for no other
 *    follower.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import type { Origin, Reads } from "../../driver/EventStoreDriver.ts"
import { UnreadableEvent } from "../../EventStore.ts"
import * as Ends from "./ends.ts"
import { next } from "./read.ts"

/** The answer of a round to one of its followers. */
export interface Round {
  readonly end: Omit<Origin, "givenEvent">
  /**
   * The mark of the last event at or below the follower's place; undefined if the follower has to
   * read it.
   */
  readonly event: EventMark | null | undefined
  /**
   * All events of the log from the follower's place to the settled position; undefined if the
   * follower has to read those that it wants.
   */
  readonly events: ReadonlyArray<RecordedEvent> | undefined
}

/**
 * Waits for the answer of the next round to a follower that has read everything up to `place`.
 * Returns undefined for a follower that has to poll by itself.
 */
export type Join<E> = (place: Position.Position) => Effect.Effect<Round | undefined, E>

/**
 * The most events that are read together for each read that this saves: both take the server and
 * the host about as long. Where the log has grown by more, followers read what matches.
 */
const EVENTS_PER_READ = 64

/** The most events that are read together. */
const MAX_EVENTS = 1_000

interface Follower<E> {
  readonly place: Position.Position
  readonly answer: (exit: Exit.Exit<Round, E>) => void
}

/** The followers of one round. */
interface Gathering<E> {
  /** Those without an answer. */
  readonly followers: Set<Follower<E>>
  /** The context of the first of them, for the fiber of the round. */
  readonly context: Context.Context<never>
  /** Undefined while the look of the round before is under way. */
  fiber: Fiber.Fiber<void> | undefined
}

/** Leaves out the trace and the annotations of a follower, since a round is not its work alone. */
const ofNoFollower = Context.omit(
  Tracer.ParentSpan,
  References.TracerSpanAnnotations,
  References.TracerSpanLinks,
  References.CurrentLogAnnotations,
  References.CurrentLogSpans
)

/** `alone`: true if the caller's reads must stay on its own connection, as in its transaction. */
export const make = <E>(
  reads: Pick<Reads<E>, "log" | "origin">,
  alone: Effect.Effect<boolean>
): Join<E> => {
  let ends = Ends.none
  let isLooking = false
  /** The round that followers join; undefined if none has come since the last look began. */
  let gathering: Gathering<E> | undefined

  const start = (round: Gathering<E>) => {
    isLooking = true
    round.fiber = Effect.runForkWith(ofNoFollower(round.context))(run(round))
  }

  const run = (round: Gathering<E>): Effect.Effect<void> =>
    // Those that were woken by the same append join in the meantime.
    Effect.andThen(
      Effect.yieldNow,
      Effect.suspend(() => look(round))
    ).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          isLooking = false
          if (gathering !== undefined) start(gathering)
        })
      ),
      Effect.flatMap((origin) => answerAll(round, origin)),
      Effect.catchCause((cause) =>
        Effect.sync(() => {
          for (const { answer } of round.followers) answer(Exit.failCause(cause))
        })
      )
    )

  const look = ({ followers }: Gathering<E>) => {
    gathering = undefined
    const place = Ends.placeOfLook(
      ends,
      Array.from(followers, ({ place }) => place)
    )
    return Effect.map(reads.origin(place), (origin) => {
      ends = Ends.after(ends, place, origin)
      return origin
    })
  }

  const answerAll = (round: Gathering<E>, { log, newest, settled, settledEvent }: Origin) => {
    const { marks } = ends
    const end = { log, newest, settled, settledEvent }
    const answer = (follower: Follower<E>, read: Exit.Exit<Round["events"], E>) => {
      round.followers.delete(follower)
      const event = marks.get(follower.place)
      follower.answer(Exit.map(read, (events) => ({ end, event, events })))
    }
    const byPlace = new Map<Position.Position, Array<Follower<E>>>()
    for (const follower of round.followers) {
      const { place } = follower
      if (!marks.has(place) || place >= settled) {
        answer(follower, Exit.succeed(undefined))
        continue
      }
      const others = byPlace.get(place)
      if (others === undefined) byPlace.set(place, [follower])
      else others.push(follower)
    }
    return Effect.forEach(
      byPlace,
      ([place, followers]) =>
        Effect.map(Effect.exit(readTogether(place, settled, followers.length)), (read) => {
          for (const follower of followers) answer(follower, read)
        }),
      { concurrency: "unbounded", discard: true }
    )
  }

  const readTogether = (
    place: Position.Position,
    settled: Position.Position,
    followers: number
  ): Effect.Effect<Round["events"], E> =>
    followers === 1
      ? Effect.undefined
      : reads
          .log({})({
            lowest: next(place, 1),
            highest: settled,
            direction: "forward",
            limit: Math.min(MAX_EVENTS, EVENTS_PER_READ * (followers - 1))
          })
          .pipe(
            Effect.map(({ events, readTo }) => (readTo === settled ? events : undefined)),
            // Not all of them may ask for that event: each reads for itself.
            Effect.catch((error) =>
              error instanceof UnreadableEvent ? Effect.undefined : Effect.fail(error)
            )
          )

  const leave = (round: Gathering<E>, follower: Follower<E>): Effect.Effect<void> =>
    Effect.suspend(() => {
      round.followers.delete(follower)
      if (round.followers.size > 0) return Effect.void
      if (gathering === round) gathering = undefined
      return round.fiber === undefined ? Effect.void : Fiber.interrupt(round.fiber)
    })

  const join = (place: Position.Position): Effect.Effect<Round, E> =>
    Effect.withFiber(({ context }) =>
      Effect.callback((resume) => {
        const follower: Follower<E> = { place, answer: resume }
        const round = (gathering ??= { followers: new Set(), context, fiber: undefined })
        round.followers.add(follower)
        if (!isLooking) start(round)
        return leave(round, follower)
      })
    )
  return (place) => Effect.flatMap(alone, (isAlone) => (isAlone ? Effect.undefined : join(place)))
}
