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
import * as Stream from "effect/Stream"
import {
  type ConsumerGroup,
  ConsumerGroupsError,
  GroupOffHistory,
  includes,
  keyOf,
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
  /** The consumer has ended. */
  hasEnded: boolean
  /** The lease could not be renewed in time, so the consumer was interrupted. */
  isInDoubt: boolean
}

/** Takes part in a group until it is interrupted or a consumer fails. */
export const run = Effect.fnUntraced(function* <E, R>(
  hosting: Hosting,
  group: ConsumerGroup,
  consume: (assignment: Assignment) => Effect.Effect<void, E, R>
): Effect.fn.Return<never, Exclude<E, LeaseLost>, R> {
  const { driver, events, lease, owner, poked } = hosting
  const holdings = new Map<number, Holding>()
  const failed = Deferred.makeUnsafe<never, Exclude<E, LeaseLost>>()
  let renewedAt = yield* Clock.currentTimeMillis

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
      hasEnded: false,
      isInDoubt: false
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
        Effect.suspend(() => {
          holding.hasEnded = true
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
    holding.fiber?.interruptUnsafe()
  }

  const settle = Effect.fnUntraced(function* ({ asked, drain, own }: Ticked) {
    const epochs = new Set(own.map(({ epoch }) => epoch))
    for (const holding of holdings.values()) if (!epochs.has(holding.row.epoch)) end(holding)
    for (const epoch of drain) yield* giveUp(holdings.get(epoch))
    for (const row of own) {
      const holding = holdings.get(row.epoch)
      // Two consumers of one epoch could both commit, so the next begins after the end of the last.
      if (holding === undefined || isToBegin(holding)) yield* start(row)
    }
    for (const held of asked) {
      for (const { asks, row } of holdings.values()) {
        if (includes(row, held.slot)) Queue.offerUnsafe(asks, held)
      }
    }
    if (drain.length === 0) yield* join(events, own, holdings)
  })

  const tick = Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const all = Array.from(holdings.values())
    const exit = yield* driver
      .tick(group.name, {
        owner,
        lease,
        draining: new Set(all.filter((one) => one.isDraining).map(({ row }) => row.epoch)),
        released: new Set(all.filter(isReleased).map(({ row }) => row.epoch))
      })
      .pipe(
        Effect.timeoutOrElse({
          duration: Duration.millis(Math.max(1, renewedAt + lease - startedAt)),
          orElse: () => new ConsumerGroupsError({ operation: "tick", cause: "no answer in time" })
        }),
        Effect.exit
      )
    if (Exit.isSuccess(exit)) {
      renewedAt = startedAt
      return yield* settle(exit.value)
    }
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    yield* Effect.logWarning(`The leases of ${group.name} can't be renewed`, exit.cause)
    // Another host may have them from now on. If none has, because a renewal took effect without an
    // answer, their consumers begin again.
    const now = yield* Clock.currentTimeMillis
    if (now - renewedAt < lease) return
    for (const holding of holdings.values()) {
      holding.isInDoubt = true
      holding.fiber?.interruptUnsafe()
    }
    renewedAt = now
  })

  /** Waits until the next turn is due, or until the leases end that could not be renewed. */
  const pause = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.sleep(Duration.millis(Math.max(1, Math.min(lease / 3, renewedAt + lease - now))))
  )

  const leave = Effect.gen(function* () {
    const fibers = Array.from(holdings.values()).flatMap(({ fiber }) => fiber ?? [])
    yield* Fiber.interruptAll(fibers)
    // An outage ends the leases in time.
    yield* Effect.ignore(driver.leave(group.name, owner))
  })

  return yield* Effect.suspend(() => poked.close).pipe(
    Effect.andThen(tick),
    Effect.andThen(Effect.raceFirst(pause, poked.await)),
    Effect.forever,
    Effect.raceFirst(Deferred.await(failed)),
    Effect.onExit(() => leave)
  )
})

/** Returns true if the range may be freed: it was to be given up, or its consumer returned. */
const isReleased = (holding: Holding): boolean =>
  holding.hasEnded &&
  (holding.isDraining || !holding.isInDoubt) &&
  holding.together.every(({ hasEnded }) => hasEnded)

/** Returns true if the consumer was interrupted, and the lease proved to be valid. */
const isToBegin = ({ hasEnded, isDraining, isInDoubt }: Holding): boolean =>
  isInDoubt && hasEnded && !isDraining

const giveUp = (holding: Holding | undefined) =>
  Effect.suspend(() => {
    if (holding === undefined) return Effect.void
    holding.isDraining = true
    Deferred.doneUnsafe(holding.leaving, Effect.void)
    return Effect.asVoid(Deferred.succeed(holding.drain, undefined))
  })

/** Lets neighbouring ranges end at one place, so that they are one range when they are free. */
const join = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  own: ReadonlyArray<RangeRow>,
  holdings: ReadonlyMap<number, Holding>
) {
  const holdingOf = ({ epoch }: RangeRow) => holdings.get(epoch)
  const isSteady = (row: RangeRow) => {
    const holding = holdingOf(row)
    return (
      holding !== undefined &&
      !holding.isDraining &&
      !holding.isInDoubt &&
      !holding.hasStopped &&
      !holding.hasEnded
    )
  }
  if (neighbours(own, isSteady).length === 0) return
  const found = yield* Effect.option(events.checkpoint)
  if (Option.isNone(found)) return
  const head = found.value
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
  const isOwn = isWhole
    ? undefined
    : (event: RecordedEvent) => includes(range, slotOf(keyOf(group, event)))
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
    eventsOf: (key, positions) => eventsOf(events, group, key, positions),
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
