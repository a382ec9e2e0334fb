/**
 * The laws of polls, whether followers share their reads or not, with broken logs that they catch.
 * Followers of different filters come and go while appends begin and end in a generated order, and
 * while the log is restored and passes over events.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { type Checkpoint, isCheckpoint, position as positionOf } from "@daybook/store/Checkpoint"
import type { Filter, Origin, Poll, Reads } from "@daybook/store/driver/EventStoreDriver"
import * as Polls from "@daybook/store/driver/Polls"
import { assert, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as ModelLog from "./modelLog.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const Move = Schema.TaggedUnion({
  Begin: { stream: upTo(2), types: Schema.NonEmptyArray(Schema.Literals(["A", "B"])) },
  End: { of: upTo(2), state: Schema.Literals(["committed", "committed", "undone"]) },
  PassOver: { of: upTo(3) },
  Restore: { lost: upTo(3) },
  /** A follower goes, and comes back with the checkpoint that it had. */
  Return: { follower: upTo(9) },
  Pause: { turns: upTo(6) }
})
type Move = typeof Move.Type

const [ring, , bell] = ModelLog.streams
const filters: ReadonlyArray<Filter> = [
  {},
  {},
  { categories: [StreamId.Category.make("ring")] },
  { categories: [StreamId.Category.make("bell")], types: ["B"] },
  { types: ["A"] },
  { types: ["A", "daybook.passed-over"] },
  { types: [] },
  ...(ring === undefined || bell === undefined
    ? []
    : [{ streamId: ring }, { streamId: ring, types: ["B"] }, { streamId: bell }])
]

type MakePolls = (
  reads: Reads<never>
) => (filter: Filter) => ReturnType<ReturnType<typeof Polls.makeShared<never>>>

const alone: MakePolls = (reads) => (filter) => Polls.make(reads, filter)
const shared: MakePolls = (reads) => Polls.makeShared(reads)

/** Numbers below `bound` that look random, from a seed. */
const dice = (seed: number) => {
  let state = seed + 1
  return (bound: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % bound
  }
}

const turns = (count: number) => Effect.replicateEffect(Effect.yieldNow, count, { discard: true })

/** Plays the moves, and returns the laws that do not hold. */
const violations = (
  makePolls: MakePolls,
  moves: ReadonlyArray<Move>,
  seed: number
): Effect.Effect<ReadonlySet<string>> =>
  Effect.gen(function* () {
    const broken = new Set<string>()
    const law = (name: string, holds: boolean) => void (holds || broken.add(name))
    const roll = dice(seed)
    const log = ModelLog.make({
      pageEvents: 4,
      travel: Effect.suspend(() => turns(roll(3)))
    })
    const polls = makePolls(log.reads)
    const latches = filters.map(() => Latch.makeUnsafe())
    const places: Array<Position.Position | Checkpoint> = filters.map(() => Position.start)
    const wakeAll = () => latches.forEach((latch) => latch.openUnsafe())

    const matchingEvents = ({ streamId, ...filter }: Filter) =>
      log.visible(filter).filter((event) => streamId === undefined || event.streamId === streamId)
    /** The position up to which a poll has to read if it catches up. */
    const endOf = (filter: Filter) =>
      filter.streamId === undefined
        ? log.settled()
        : (matchingEvents({ streamId: filter.streamId }).at(-1)?.position ?? Position.start)

    const checkPage = (
      filter: Filter,
      after: Position.Position,
      { caughtUp, checkpoint, events }: Poll,
      began: ReturnType<typeof look>
    ) => {
      const at = checkpoint?.position ?? after
      const passed = log.passedOver()
      const passedMeanwhile = ({ position }: RecordedEvent) =>
        passed.has(position) && !began.passed.has(position)
      const ids = (of: ReadonlyArray<RecordedEvent>) =>
        of.filter((event) => !passedMeanwhile(event)).map(({ id }) => id)
      const expected = matchingEvents(filter).filter(
        ({ position }) => position > after && position <= at
      )
      law(
        "a page has the matching events up to its end",
        Arr.makeEquivalence(Object.is)(ids(events), ids(expected))
      )
      law(
        "an event that was passed over before a poll is given as such",
        events.every(
          ({ position, type }) => !began.passed.has(position) || type === "daybook.passed-over"
        )
      )
      law(
        "a poll that catches up reads all that there was when it began",
        !caughtUp || at >= began.end || (checkpoint === undefined && events.length === 0)
      )
      law(
        "the checkpoint of a page fits",
        checkpoint === undefined || checkpoint.event === log.markAt(checkpoint.position)
      )
      law("no page ends before its beginning", at >= after)
    }
    const look = (filter: Filter) => ({
      epoch: log.epoch(),
      end: endOf(filter),
      passed: log.passedOver()
    })

    const follow = (index: number): Effect.Effect<void> =>
      Effect.gen(function* () {
        const filter = Arr.getUnsafe(filters, index)
        const latch = Arr.getUnsafe(latches, index)
        let poll = polls(filter)
        let caughtUp = false
        for (;;) {
          if (caughtUp) yield* latch.await
          latch.closeUnsafe()
          const given = Arr.getUnsafe(places, index)
          const after = positionOf(given)
          const began = look(filter)
          const exit = yield* Effect.exit(poll(given))
          const fits = isCheckpoint(given)
            ? given.event === log.markAt(after) && after <= log.newest()
            : after <= log.newest()
          if (Exit.isFailure(exit)) {
            law("a checkpoint that fits is accepted", !fits || began.epoch !== log.epoch())
            places[index] = Position.start
            poll = polls(filter)
            caughtUp = false
            continue
          }
          const polled = exit.value
          if (began.epoch === log.epoch()) {
            law("a checkpoint of another history is refused", fits)
            if (fits) checkPage(filter, after, polled, began)
          }
          caughtUp = polled.caughtUp
          places[index] = polled.checkpoint ?? given
          // Every other one is slow.
          yield* turns(roll(index % 2 === 0 ? 4 : 40))
        }
      })

    const fibers = yield* Effect.forEach(filters, (_, index) => Effect.forkChild(follow(index)))
    for (const move of moves) {
      switch (move._tag) {
        case "Begin":
          log.begin(Arr.getUnsafe(ModelLog.streams, move.stream), move.types)
          break
        case "End":
          log.end(move.of, move.state)
          wakeAll()
          break
        case "PassOver":
          log.passOver(move.of)
          break
        case "Restore":
          log.restore(move.lost)
          wakeAll()
          break
        case "Return": {
          const { follower } = move
          yield* Fiber.interrupt(Arr.getUnsafe(fibers, follower))
          fibers[follower] = yield* Effect.forkChild(follow(follower))
          break
        }
        case "Pause":
          yield* turns(move.turns)
      }
    }
    for (let open = 0; open < 20; open++) log.end(0, "committed")
    wakeAll()
    // Until no follower reads any more.
    for (let before = -1; before !== log.statements();) {
      before = log.statements()
      yield* turns(100)
    }
    filters.forEach((filter, index) => {
      const place = positionOf(Arr.getUnsafe(places, index))
      law("each follower gets to the end", place >= endOf(filter))
    })
    yield* Fiber.interruptAll(fibers)
    return broken
  })

const moves = Schema.Array(Move).check(Schema.isMaxLength(60))
const seed = upTo(1_000_000)

for (const [name, makePolls] of [
  ["each for itself", alone],
  ["with others", shared]
] as const) {
  it.effect.prop(`Followers that read ${name} keep the laws`, { moves, seed }, ({ moves, seed }) =>
    Effect.map(violations(makePolls, moves, seed), (broken) =>
      assert.deepStrictEqual([...broken], [])
    )
  )
}

const begin = (
  stream: number,
  ...types: readonly ["A" | "B", ...ReadonlyArray<"A" | "B">]
): Move => ({
  _tag: "Begin",
  stream,
  types
})
const commit: Move = { _tag: "End", of: 0, state: "committed" }
const commitLater: Move = { _tag: "End", of: 1, state: "committed" }
const pause: Move = { _tag: "Pause", turns: 6 }
const pauses = Arr.replicate(pause, 10)

/** Moves of all kinds, enough to expose each broken log. */
const eventful: ReadonlyArray<Move> = [
  begin(0, "A", "B"),
  commit,
  ...pauses,
  begin(1, "B"),
  begin(2, "A", "B"),
  commitLater,
  pause,
  commit,
  ...pauses,
  begin(0, "A", "A", "B", "A", "B", "A"),
  commit,
  pause,
  { _tag: "PassOver", of: 0 },
  begin(2, "B"),
  commit,
  { _tag: "Return", follower: 1 },
  ...pauses,
  { _tag: "PassOver", of: 1 },
  { _tag: "Return", follower: 0 },
  begin(1, "A"),
  commit,
  ...pauses,
  // Wakes the followers in vain.
  commit,
  ...pauses,
  { _tag: "Restore", lost: 2 },
  begin(1, "B"),
  commit,
  begin(2, "B"),
  commit,
  ...pauses,
  begin(1, "A"),
  begin(0, "B"),
  commitLater,
  ...pauses,
  { _tag: "Restore", lost: 1 },
  ...pauses,
  begin(0, "A"),
  commit,
  ...pauses
]

const ofSeeds = (makePolls: MakePolls) =>
  Effect.map(
    Effect.forEach(Arr.range(0, 39), (seed) => violations(makePolls, eventful, seed)),
    (all) => new Set(all.flatMap((broken) => [...broken]))
  )

it.effect("Followers keep the laws on a log where they don't on a broken one", () =>
  Effect.gen(function* () {
    for (const makePolls of [alone, shared]) {
      assert.deepStrictEqual([...(yield* ofSeeds(makePolls))], [])
    }
  })
)

const twins: Record<string, readonly [law: string, broken: (reads: Reads<never>) => Reads<never>]> =
  {
    "answers by a look that is under way": [
      "a poll that catches up reads all that there was when it began",
      (reads) => {
        let underWay: Deferred.Deferred<Origin> | undefined
        return {
          ...reads,
          origin: (position) =>
            Effect.suspend(() => {
              if (underWay !== undefined) return Deferred.await(underWay)
              const own = (underWay = Deferred.makeUnsafe<Origin>())
              return Effect.onExit(reads.origin(position), (exit) =>
                Effect.suspend(() => {
                  underWay = undefined
                  return Deferred.done(own, exit)
                })
              )
            })
        }
      }
    ],
    "gives events as it has read them before": [
      "an event that was passed over before a poll is given as such",
      (reads) => {
        const known = new Map<string, RecordedEvent>()
        return {
          ...reads,
          log: (filter) => {
            const read = reads.log(filter)
            return (range) =>
              Effect.map(read(range), (page) => ({
                ...page,
                events: page.events.map((event) => {
                  const found = known.get(event.id) ?? event
                  known.set(event.id, found)
                  return found
                })
              }))
          }
        }
      }
    ],
    "does not look at a checkpoint again": [
      "a checkpoint of another history is refused",
      (reads) => {
        const known = new Map<Position.Position, Origin["givenEvent"]>()
        return {
          ...reads,
          origin: (position) =>
            Effect.map(reads.origin(position), (origin) => {
              const givenEvent = known.get(position) ?? origin.givenEvent
              known.set(position, givenEvent)
              return { ...origin, givenEvent }
            })
        }
      }
    ],
    "takes what is committed for settled": [
      "a page has the matching events up to its end",
      (reads) => ({
        ...reads,
        origin: (position) =>
          Effect.map(reads.origin(position), (origin) => ({ ...origin, settled: origin.newest }))
      })
    ],
    "takes a part of a page for the whole": [
      "a page has the matching events up to its end",
      (reads) => ({
        ...reads,
        log: (filter) => {
          const read = reads.log(filter)
          return (range) => Effect.map(read(range), (page) => ({ ...page, readTo: range.highest }))
        }
      })
    ]
  }

for (const [name, [law, twin]] of Object.entries(twins)) {
  it.effect(`Catches a log that ${name}`, () =>
    Effect.map(
      ofSeeds((reads) => shared(twin(reads))),
      (broken) => assert.include([...broken], law)
    )
  )
}
