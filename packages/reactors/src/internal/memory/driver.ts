/**
 * The rows of consumer groups in memory. A change is one synchronous step.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { GroupRuns, includes, KeyNotHeld, LeaseLost, Name, SLOTS } from "../../ConsumerGroup.ts"
import type { Filter, GroupDriver, KeyChange, Lease } from "../../driver/GroupDriver.ts"
import type { Act, HeldKey, Why } from "../../HeldKey.ts"
import { detailsOf, forgetDetails, skipDetails } from "../group/actDetails.ts"
import { assign, type Assigned, type RangeRow, type Rows } from "../group/assign.ts"

interface Group {
  filter: Filter
  rows: Rows
  readonly held: Map<string, HeldKey>
  /** The positions of the events that wait for each held key. */
  readonly waiting: Map<string, Set<Position>>
  readonly acts: Array<Act>
  /** The epochs of the ranges in whose transactions work runs: their leases don't end meanwhile. */
  readonly working: Map<number, number>
}

export const driver = (): GroupDriver => {
  const groups = new Map<string, Group>()
  /** The acts on groups that were forgotten. */
  const forgotten = new Map<string, Array<Act>>()
  const groupOf = (name: string): Group => {
    const group = groups.get(name)
    if (group === undefined) throw new Error(`the consumer group ${name} was not opened`)
    return group
  }

  /** Runs `work` under a lease, and then the step that records its success. */
  const under = <A, E, R, B>(
    lease: Lease,
    work: Effect.Effect<A, E, R>,
    step: (group: Group, range: RangeRow, answer: A, now: number) => B
  ): Effect.Effect<B, E | LeaseLost, R> =>
    Effect.suspend(() => {
      const group = groupOf(lease.group)
      if (leased(group, lease) === undefined) return Effect.fail(lost(lease))
      const { working } = group
      working.set(lease.epoch, (working.get(lease.epoch) ?? 0) + 1)
      return work.pipe(
        Effect.ensuring(
          Effect.sync(() => {
            working.set(lease.epoch, (working.get(lease.epoch) ?? 0) - 1)
          })
        ),
        Effect.flatMap((answer) =>
          Effect.clockWith((clock) => {
            const range = leased(group, lease)
            return range === undefined
              ? Effect.fail(lost(lease))
              : Effect.sync(() => step(group, range, answer, clock.currentTimeMillisUnsafe()))
          })
        ),
        Effect.uninterruptible
      )
    })

  return {
    undoes: false,
    names: Effect.sync(() => Array.from(groups.keys()).toSorted()),
    open: Effect.fnUntraced(function* (name, filter, start) {
      const known = groups.get(name)
      const checkpoint = known === undefined ? yield* start : undefined
      const group = groups.get(name)
      if (group !== undefined) group.filter = filter
      else if (checkpoint !== undefined) {
        groups.set(name, opened(filter, checkpoint, forgotten.get(name) ?? []))
      }
    }),
    tick: (name, host) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const group = groupOf(name)
        const extended = group.rows.ranges.map((range) =>
          (group.working.get(range.epoch) ?? 0) > 0
            ? { ...range, leaseEnds: Math.max(range.leaseEnds, now + 1) }
            : range
        )
        const { drain, own, rows }: Assigned = assign(
          { ...group.rows, ranges: extended },
          { ...host, now }
        )
        group.rows = rows
        const asked = Array.from(group.held.values()).filter(
          (held) => held.asked !== null && own.some((range) => includes(range, held.slot))
        )
        return { own, drain, asked }
      }),
    leave: (name, owner) =>
      Effect.sync(() => {
        const group = groupOf(name)
        const { epoch, members, ranges } = group.rows
        let last = epoch
        group.rows = {
          members: members.filter((member) => member.owner !== owner),
          ranges: ranges.map((range) =>
            range.owner === owner
              ? { ...range, owner: undefined, leaseEnds: 0, epoch: ++last }
              : range
          ),
          epoch: last
        }
      }),
    commit: (lease, checkpoint, work) =>
      under(
        lease,
        work === undefined ? Effect.undefined : work,
        (group, { epoch, ...range }, answer) => {
          if (checkpoint.position > range.checkpoint.position) {
            group.rows = withRange(group.rows, { ...range, epoch, checkpoint })
          }
          return answer
        }
      ),
    change: (lease, change, work) =>
      under(lease, work, (group, _, answer, now) => {
        carryOut(group, lease, change, now)
        const parked = Array.from(group.held.values()).filter(({ state }) => state === "parked")
        return { answer, parked: parked.length }
      }),
    state: (name) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        Option.map(Option.fromUndefinedOr(groups.get(name)), ({ filter, held, rows }) => ({
          ...rows,
          filter,
          held: byPosition(held.values()),
          now
        }))
      ),
    waiting: (name, key, { after, limit, upTo }) =>
      Effect.sync(() =>
        Array.from(groupOf(name).waiting.get(key) ?? [])
          .filter((position) => after < position && position <= upTo)
          .toSorted((one, other) => (one < other ? -1 : 1))
          .slice(0, limit)
      ),
    ask: Effect.fnUntraced(function* (name, act, key, why) {
      const { acts, held } = groupOf(name)
      const keys = key === undefined ? Array.from(held.keys()) : [key]
      const at = yield* DateTime.now
      for (const one of keys) {
        const found = held.get(one)
        if (found === undefined) return yield* new KeyNotHeld({ group: Name.make(name), key: one })
        held.set(one, { ...found, asked: act })
        acts.push(actOf(name, act, at, why, detailsOf(found)))
      }
    }),
    restart: (name, checkpoint, why) =>
      Effect.map(DateTime.now, (at) => {
        const group = groupOf(name)
        const { epoch, members } = group.rows
        group.rows = { members, epoch: epoch + 1, ranges: [wholeRange(checkpoint, epoch + 1)] }
        group.held.clear()
        group.waiting.clear()
        group.acts.push(actOf(name, "restart", at, why, { position: String(checkpoint.position) }))
      }),
    forget: Effect.fnUntraced(function* (name, why) {
      const { acts, rows } = groupOf(name)
      const at = yield* DateTime.now
      const now = DateTime.toEpochMillis(at)
      const hosts = rows.members.flatMap(({ leaseEnds, owner }) => (leaseEnds > now ? [owner] : []))
      if (hosts.length > 0) return yield* new GroupRuns({ group: Name.make(name), hosts })
      acts.push(actOf(name, "forget", at, why, forgetDetails(rows.ranges)))
      forgotten.set(name, acts)
      groups.delete(name)
    }),
    acts: (name) => Effect.sync(() => (groups.get(name)?.acts ?? forgotten.get(name) ?? []).slice())
  }
}

const byPosition = (held: Iterable<HeldKey>): ReadonlyArray<HeldKey> =>
  Array.from(held).toSorted((one, other) => (one.position < other.position ? -1 : 1))

const wholeRange = (checkpoint: Checkpoint, epoch: number): RangeRow => ({
  first: 0,
  last: SLOTS - 1,
  epoch,
  owner: undefined,
  leaseEnds: 0,
  checkpoint
})

const opened = (filter: Filter, checkpoint: Checkpoint, acts: Array<Act>): Group => ({
  filter,
  rows: { epoch: 1, members: [], ranges: [wholeRange(checkpoint, 1)] },
  held: new Map(),
  waiting: new Map(),
  acts,
  working: new Map()
})

const leased = ({ rows }: Group, { epoch }: Lease): RangeRow | undefined =>
  rows.ranges.find((range) => range.epoch === epoch && range.owner !== undefined)

const lost = ({ epoch, group, range }: Lease): LeaseLost =>
  new LeaseLost({ group: Name.make(group), range, epoch })

const withRange = (rows: Rows, changed: RangeRow): Rows => ({
  ...rows,
  ranges: rows.ranges.map((range) => (range.epoch === changed.epoch ? changed : range))
})

const carryOut = (group: Group, lease: Lease, change: KeyChange, now: number): void => {
  const at = DateTime.makeUnsafe(now)
  if (change._tag === "Hold") {
    group.held.set(change.held.key, { ...change.held, at, asked: null })
  } else if (change._tag === "Wait") {
    for (const { key, position } of change.waiting) {
      if (!group.held.has(key)) continue
      const known = group.waiting.get(key) ?? new Set()
      group.waiting.set(key, known.add(position))
    }
  } else if (change._tag === "Skip") {
    const details = skipDetails(change.event, change.issue)
    group.acts.push(actOf(lease.group, "skip", at, {}, details))
  } else if (change.next === undefined) {
    group.held.delete(change.key)
    group.waiting.delete(change.key)
  } else {
    const held = group.held.get(change.key)
    const { position, streamId, type } = change.next
    const event = EventMark.of(change.next)
    // A drop is of the event that failed; the later ones are released.
    const asked = held?.asked === "drop" ? "release" : (held?.asked ?? null)
    if (held !== undefined) {
      group.held.set(change.key, { ...held, position, streamId, type, event, asked, attempts: 0 })
    }
  }
}

const actOf = (
  group: string,
  act: Act["act"],
  at: DateTime.Utc,
  { actor, reason }: Why,
  details: Act["details"]
): Act => ({
  group: Name.make(group),
  act,
  at,
  login: Option.none(),
  actor: Option.fromUndefinedOr(actor),
  reason: Option.fromUndefinedOr(reason),
  details
})
