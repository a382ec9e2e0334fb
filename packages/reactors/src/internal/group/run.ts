/**
 * The part of one host in a group: renews its leases, and runs a consumer for each range.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { EventStore } from "@daybook/store/EventStore"
import type { SubscriptionPage } from "@daybook/store/Subscription"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type ConsumerGroup,
  ConsumerGroupsError,
  GroupOffHistory,
  includes,
  keysOf,
  LeaseLost,
  Name,
  SLOTS,
  slotOf
} from "../../ConsumerGroup.ts"
import type { Assignment, Page } from "../../ConsumerGroups.ts"
import type { GroupDriver, Lease, Ticked } from "../../driver/GroupDriver.ts"
import type { HeldKey } from "../../HeldKey.ts"
import { neighbours, type RangeRow } from "./assign.ts"
import { eventsOf } from "./eventsOf.ts"
import { within } from "./within.ts"

export interface Hosting {
  readonly driver: GroupDriver
  readonly events: EventStore["Service"]
  /** The length of a lease, in milliseconds. */
  readonly lease: number
  readonly owner: string
  /** Opened when something of the group may have changed in this process. */
  readonly poked: Latch.Latch
}

/**
 * The largest distance to the head of ranges that are joined: a range that is far behind would hold
 * its neighbour back meanwhile.
 */
const NEAR = 1_000n

/** A range with its consumer. */
interface Holding {
  readonly row: RangeRow
  /** Completed when the range is to be given up. */
  readonly leaving: Deferred.Deferred<void>
  /** Completed when no further page is to be read: later, if ranges end at a common place. */
  readonly drain: Deferred.Deferred<void>
  readonly asks: Queue.Queue<HeldKey>
  fiber: Fiber.Fiber<void> | undefined
  isDraining: boolean
  /** The place at which the pages end; set while neighbouring ranges are being joined. */
  end: Checkpoint | undefined
  /** The ranges that are given up together with this one. */
  together: ReadonlyArray<Holding>
  /** The position up to which pages were emitted, and the one that is committed. */
  emitted: Position.Position
  committed: Position.Position
  hasStopped: boolean
  /** The time at which the consumer ended, by the monotonic clock. */
  endedAt: number | undefined
}

/**
 * Returns milliseconds of a clock that no one sets. A clock that goes back would let a host believe
 * that it still has leases which have ended.
 */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Takes part in a group until it is interrupted or a consumer fails. */
export const run = Effect.fnUntraced(function* <E, R>(
  hosting: Hosting,
  group: ConsumerGroup,
  consume: (assignment: Assignment) => Effect.Effect<void, E, R>
): Effect.fn.Return<never, Exclude<E, LeaseLost>, R> {
  const { driver, lease, owner, poked } = hosting
  const holdings = new Map<number, Holding>()
  /** The consumers of lost ranges that still end: their slots get no other consumer until then. */
  const ending = new Set<Holding>()
  const failed = Deferred.makeUnsafe<never, Exclude<E, LeaseLost>>()
  let renewedAt = yield* monotonicMillis

  const start = Effect.fnUntraced(function* (row: RangeRow) {
    const holding: Holding = {
      row,
      leaving: Deferred.makeUnsafe(),
      drain: Deferred.makeUnsafe(),
      asks: yield* Queue.unbounded<HeldKey>(),
      fiber: undefined,
      isDraining: false,
      end: undefined,
      together: [],
      emitted: row.checkpoint.position,
      committed: row.checkpoint.position,
      hasStopped: false,
      endedAt: undefined
    }
    holdings.set(row.epoch, holding)
    holding.fiber = yield* Effect.suspend(() =>
      consume(assignmentOf(hosting, group, holding))
    ).pipe(
      // The next tick finds the ranges that are left.
      Effect.catch((error) =>
        // TypeScript can't exclude `LeaseLost` from `E` here.
        isLeaseLost(error) ? Effect.void : Effect.fail(error as Exclude<E, LeaseLost>)
      ),
      Effect.onExit((exit) =>
        Effect.flatMap(monotonicMillis, (now) => {
          holding.endedAt = now
          ending.delete(holding)
          poked.openUnsafe()
          return Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
            ? Deferred.failCause(failed, exit.cause)
            : Effect.void
        })
      ),
      Effect.exit,
      Effect.asVoid,
      Effect.forkChild
    )
  })

  const end = (holding: Holding) => {
    holdings.delete(holding.row.epoch)
    if (holding.endedAt === undefined) ending.add(holding)
    holding.fiber?.interruptUnsafe()
  }

  /** True while a consumer of some of the slots still ends; its end opens `poked`. */
  const isBusy = (row: RangeRow) =>
    Array.from(ending).some((one) => one.row.first <= row.last && row.first <= one.row.last)

  const settle = Effect.fnUntraced(function* ({ asked, drain, own }: Ticked) {
    const epochs = new Set(own.map(({ epoch }) => epoch))
    for (const holding of holdings.values()) if (!epochs.has(holding.row.epoch)) end(holding)
    for (const epoch of drain) yield* giveUp(holdings.get(epoch))
    for (const row of own) if (!holdings.has(row.epoch) && !isBusy(row)) yield* start(row)
    for (const held of asked) {
      for (const { asks, row } of holdings.values()) {
        if (includes(row, held.slot)) Queue.offerUnsafe(asks, held)
      }
    }
    if (drain.length === 0) yield* join(hosting, own, holdings)
  })

  const tick = Effect.gen(function* () {
    const startedAt = yield* monotonicMillis
    const all = Array.from(holdings.values())
    const released = all.filter((one) => isReleased(one, startedAt, lease))
    const exit = yield* within(
      driver.tick(group.name, {
        owner,
        lease,
        draining: new Set(all.filter((one) => one.isDraining).map(({ row }) => row.epoch)),
        released: new Set(released.map(({ row }) => row.epoch))
      }),
      Math.max(1, renewedAt + lease - startedAt)
    ).pipe(
      Effect.flatMap(
        Option.match({
          onNone: () => new ConsumerGroupsError({ operation: "tick", cause: "no answer in time" }),
          onSome: Effect.succeed
        })
      ),
      Effect.exit
    )
    if (Exit.isSuccess(exit)) {
      renewedAt = startedAt
      return yield* settle(exit.value)
    }
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    // Such as a group that was forgotten: another turn would find the same.
    const died = exit.cause.reasons.find(Cause.isDieReason)
    if (died !== undefined) return yield* Effect.die(died.defect)
    yield* Effect.logWarning(`The leases of ${group.name} can't be renewed`, exit.cause)
    // Another host may have them from now on.
    const now = yield* monotonicMillis
    if (now - renewedAt < lease) return
    // The rows may still be this host's after the outage, with checkpoints that the consumers go on
    // moving until they have ended. So the ranges are given up, and claimed under further epochs.
    for (const holding of holdings.values()) {
      holding.isDraining = true
      holding.together = []
      holding.fiber?.interruptUnsafe()
    }
    renewedAt = now
  })

  /** Waits until the next turn is due, or until the leases end that could not be renewed. */
  const pause = Effect.flatMap(monotonicMillis, (now) =>
    Effect.sleep(Duration.millis(Math.max(1, Math.min(lease / 3, renewedAt + lease - now))))
  )

  const leave = Effect.gen(function* () {
    const fibers = [...holdings.values(), ...ending].flatMap(({ fiber }) => fiber ?? [])
    const ended = yield* within(Fiber.interruptAll(fibers), lease)
    if (Option.isNone(ended)) {
      // The leases end by themselves: to give them up now would start other consumers beside.
      return yield* Effect.logWarning(`Consumers of ${group.name} do not end`)
    }
    // An outage ends the leases in time.
    yield* Effect.ignore(within(driver.leave(group.name, owner), lease))
  })

  return yield* Effect.suspend(() => poked.close).pipe(
    Effect.andThen(tick),
    Effect.andThen(Effect.raceFirst(pause, poked.await)),
    Effect.forever,
    Effect.raceFirst(Deferred.await(failed)),
    Effect.onExit(() => leave)
  )
})

/**
 * Returns true if the range of a consumer that has ended is to be handed over. A range that is
 * joined waits for one beside it, but no longer than a lease: its events wait meanwhile.
 */
const isReleased = ({ endedAt, row, together }: Holding, now: number, lease: number): boolean => {
  if (endedAt === undefined) return false
  const beside = together.filter((one) => isBeside(one.row, row))
  return (
    beside.length === 0 || beside.some((one) => one.endedAt !== undefined) || now - endedAt >= lease
  )
}

const isBeside = (one: RangeRow, other: RangeRow): boolean =>
  one.last + 1 === other.first || other.last + 1 === one.first

const giveUp = (holding: Holding | undefined) =>
  Effect.suspend(() => {
    if (holding === undefined) return Effect.void
    holding.isDraining = true
    Deferred.doneUnsafe(holding.leaving, Effect.void)
    return Effect.asVoid(Deferred.succeed(holding.drain, undefined))
  })

/** Lets neighbouring ranges end at one place, so that they are one range when they are free. */
const join = Effect.fnUntraced(function* (
  { events, lease }: Hosting,
  own: ReadonlyArray<RangeRow>,
  holdings: ReadonlyMap<number, Holding>
) {
  const holdingOf = ({ epoch }: RangeRow) => holdings.get(epoch)
  const isSteady = (row: RangeRow) => {
    const holding = holdingOf(row)
    return (
      holding !== undefined &&
      !holding.isDraining &&
      !holding.hasStopped &&
      holding.endedAt === undefined
    )
  }
  if (neighbours(own, isSteady).length === 0) return
  // A log that does not answer must not delay the next renewal.
  const found = yield* Effect.option(within(events.checkpoint, lease / 3))
  const head = Option.getOrUndefined(Option.flatten(found))
  if (head === undefined) return
  const isNear = (row: RangeRow) =>
    isSteady(row) && head.position - (holdingOf(row)?.committed ?? Position.start) <= NEAR
  const together = neighbours(own, isNear).flatMap((row) => holdingOf(row) ?? [])
  for (const holding of together) {
    holding.isDraining = true
    holding.together = together
    holding.end = head
    Deferred.doneUnsafe(holding.leaving, Effect.void)
    if (holding.emitted >= head.position) yield* Deferred.succeed(holding.drain, undefined)
  }
})

const assignmentOf = (hosting: Hosting, group: ConsumerGroup, holding: Holding): Assignment => {
  const { driver, events } = hosting
  const { row } = holding
  const range = { first: row.first, last: row.last }
  const lease: Lease = { group: group.name, range, epoch: row.epoch }
  const isWhole = range.first === 0 && range.last === SLOTS - 1
  const ownKeys = (event: RecordedEvent) => {
    // The definition shows its fault where the event is handled.
    const keys = Result.getOrElse(keysOf(group, event), () => [event.streamId])
    return isWhole ? keys : keys.filter((key) => includes(range, slotOf(key)))
  }
  const isOwn =
    isWhole && group.key === undefined
      ? undefined
      : (event: RecordedEvent) => ownKeys(event).length > 0
  const pageOf = (page: SubscriptionPage): Page => {
    const { end } = holding
    const isLast = end !== undefined && page.position >= end.position
    holding.emitted = isLast ? end.position : page.position
    const own = isOwn === undefined ? page.events : page.events.filter(isOwn)
    return isLast
      ? { events: own.filter(({ position }) => position <= end.position), checkpoint: end }
      : { events: own, checkpoint: page.checkpoint }
  }
  const commit = <A, E2, R2>(checkpoint: Checkpoint, work?: Effect.Effect<A, E2, R2>) =>
    Effect.tap(driver.commit(lease, checkpoint, work), () =>
      Effect.sync(() => {
        holding.committed = checkpoint.position
      })
    )
  return {
    group,
    range,
    epoch: row.epoch,
    checkpoint: row.checkpoint,
    undoes: driver.undoes,
    pages: events
      .subscribePages({
        after: row.checkpoint,
        categories: group.categories,
        types: group.types
      })
      .pipe(
        // The options are of valid types; a wrong one is a defect of the definition.
        Stream.catchTag("InvalidReadOption", Stream.die),
        Stream.catchTag("CheckpointMismatch", ({ reason }) =>
          Stream.fail(new GroupOffHistory({ group: Name.make(group.name), reason }))
        ),
        Stream.map(pageOf),
        Stream.takeUntil(({ checkpoint }) => checkpoint === holding.end),
        Stream.interruptWhen(Deferred.await(holding.drain))
      ),
    drained: Deferred.await(holding.leaving),
    commit: (checkpoint) => Effect.asVoid(commit(checkpoint)),
    commitWith: (checkpoint, work) =>
      // The driver answers with the answer of `work` if there is work.
      Effect.map(commit(checkpoint, Effect.map(work, Option.some)), (answer) =>
        Option.getOrThrow(answer ?? Option.none())
      ),
    held: Effect.map(driver.state(group.name), (state) =>
      Option.match(state, {
        onNone: () => [],
        onSome: ({ held }) => held.filter(({ slot }) => includes(range, slot))
      })
    ),
    keysOf: ownKeys,
    eventsOf: (key, positions) => eventsOf(hosting, group, key, positions),
    wait: (waiting) => Effect.asVoid(driver.change(lease, { _tag: "Wait", waiting }, Effect.void)),
    asked: Stream.fromQueue(holding.asks),
    hold: (held) =>
      driver
        .change(
          lease,
          { _tag: "Hold", held: { ...held, slot: slotOf(held.key) } },
          Effect.sync(() => {
            if (held.state === "stopped") holding.hasStopped = true
          })
        )
        .pipe(Effect.map(({ parked }) => parked)),
    settle: (key, next, work) =>
      Effect.map(driver.change(lease, { _tag: "Settle", key, next }, work), ({ answer }) => {
        holding.hasStopped = false
        return answer
      }),
    skip: (event, issue) =>
      Effect.asVoid(driver.change(lease, { _tag: "Skip", event, issue }, Effect.void))
  }
}

const isLeaseLost = (error: unknown): error is LeaseLost => error instanceof LeaseLost
