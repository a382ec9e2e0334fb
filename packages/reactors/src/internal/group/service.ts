/**
 * Makes the service of consumer groups from a driver and the log.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Checkpoint from "@daybook/store/Checkpoint"
import { EventStore } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type ConsumerGroup, GroupOffHistory, Name, UnknownGroup } from "../../ConsumerGroup.ts"
import { ConsumerGroups, GroupSettings } from "../../ConsumerGroups.ts"
import type { GroupDriver, GroupState } from "../../driver/GroupDriver.ts"
import { GroupStatus, type State } from "../../GroupStatus.ts"
import { run } from "./run.ts"

/** Makes the service on the log of the current `EventStore`. */
export const make = Effect.fnUntraced(function* (driver: GroupDriver) {
  const events = yield* EventStore
  const random = yield* SecureRandom.SecureRandom
  const settings = yield* GroupSettings
  const lease = Duration.toMillis(Duration.fromInputUnsafe(settings.lease))
  // The hosts of this process look at a group at once when it changed.
  const latches = new Set<readonly [name: string, latch: Latch.Latch]>()
  const poke = (name: string) =>
    Effect.sync(() => {
      for (const [of, latch] of latches) if (of === name) latch.openUnsafe()
    })

  const beginning = (name: Name, from: ConsumerGroup["from"]) =>
    beginningOf(events, from).pipe(
      Effect.catchTag("CheckpointMismatch", ({ reason }) =>
        Effect.fail(new GroupOffHistory({ group: name, reason }))
      ),
      // The options are built here, within their ranges.
      Effect.catchTag("InvalidReadOption", Effect.die)
    )

  const found = Effect.fnUntraced(function* (name: string) {
    const state = yield* driver.state(name)
    return Option.isSome(state) ? state.value : yield* new UnknownGroup({ group: name })
  })

  return ConsumerGroups.of({
    run: (group, consume) =>
      Effect.gen(function* () {
        const name = yield* Effect.orDie(parsedName(group.name))
        const { categories, types } = group
        yield* driver.open(name, { categories, types }, beginning(name, group.from))
        const poked = Latch.makeUnsafe()
        const entry = [name, poked] as const
        latches.add(entry)
        const owner = yield* random.uuidV4()
        yield* poke(name)
        return yield* run({ driver, events, lease, owner, poked }, group, consume).pipe(
          Effect.ensuring(
            Effect.suspend(() => {
              latches.delete(entry)
              return poke(name)
            })
          )
        )
      }),
    names: driver.names,
    status: Effect.fn("ConsumerGroups.status")(function* (name) {
      return yield* statusOf(events, Name.make(name), yield* found(name))
    }),
    release: Effect.fn("ConsumerGroups.release")(function* (name, { key, ...why } = {}) {
      yield* found(name)
      yield* driver.ask(name, "release", key, why)
      yield* poke(name)
    }),
    drop: Effect.fn("ConsumerGroups.drop")(function* (name, { key, ...why }) {
      yield* found(name)
      yield* driver.ask(name, "drop", key, why)
      yield* poke(name)
    }),
    restart: Effect.fn("ConsumerGroups.restart")(function* (name, { from, ...why }) {
      yield* found(name)
      yield* driver.restart(name, yield* beginning(Name.make(name), from), why)
      yield* poke(name)
    }),
    forget: Effect.fn("ConsumerGroups.forget")(function* (name, why = {}) {
      yield* found(name)
      yield* driver.forget(name, why)
    }),
    acts: Effect.fn("ConsumerGroups.acts")(function* (name) {
      const acts = yield* driver.acts(name)
      // One that was forgotten has acts.
      if (acts.length === 0) yield* found(name)
      return acts
    })
  })
})

const parsedName = Schema.decodeUnknownEffect(Name)

/** Returns the checkpoint of a place in the log. */
const beginningOf = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  from: ConsumerGroup["from"] = "beginning"
) {
  if (from === "now") return yield* events.checkpoint
  const place = from === "beginning" ? Position.start : from
  yield* events.verify(place)
  if (Checkpoint.isCheckpoint(place)) return place
  const last =
    place === Position.start
      ? Option.none()
      : yield* Stream.runHead(events.readAll({ upTo: place, direction: "backward", limit: 1 }))
  const event = Option.match(last, { onNone: () => null, onSome: EventMark.of })
  return Checkpoint.Checkpoint.make({ log: yield* events.identity, position: place, event })
})

const statusOf = Effect.fnUntraced(function* (
  events: EventStore["Service"],
  name: Name,
  { filter, held, now, ranges }: GroupState
) {
  const lowest = ranges.reduce((least, one) =>
    one.checkpoint.position < least.checkpoint.position ? one : least
  ).checkpoint
  const backlog = yield* events
    .backlog({ after: lowest.position, ...filter })
    .pipe(Effect.catchTag("InvalidReadOption", Effect.die))
  const mismatch = yield* Effect.forEach(ranges, ({ checkpoint }) =>
    events.verify(checkpoint).pipe(
      Effect.as(Option.none()),
      Effect.catchTag("CheckpointMismatch", ({ reason }) => Effect.succeedSome(reason))
    )
  ).pipe(Effect.map(Option.firstSomeOf))
  const isFree = (range: GroupState["ranges"][number]) =>
    range.owner === undefined || range.leaseEnds <= now
  const state: State = Option.isSome(mismatch)
    ? "off history"
    : held.some((one) => one.state === "stopped")
      ? "stopped"
      : ranges.some(isFree)
        ? "idle"
        : backlog.events > 0
          ? "behind"
          : "live"
  const since = Option.map(backlog.since, DateTime.toEpochMillis)
  return GroupStatus.make({
    name,
    state,
    ranges: ranges.map((range) => ({
      range: { first: range.first, last: range.last },
      epoch: range.epoch,
      owner: isFree(range) ? Option.none() : Option.fromUndefinedOr(range.owner),
      checkpoint: range.checkpoint
    })),
    held,
    lagEvents: backlog.events,
    lagMillis: Math.max(0, now - Option.getOrElse(since, () => now)),
    mismatch
  })
})
