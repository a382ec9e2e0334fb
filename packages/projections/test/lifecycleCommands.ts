/**
 * Commands to a read model, with few values of each kind, so that they meet.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventMark from "@daybook/kernel/EventMark"
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import { type Poison, SkipReason } from "../src/driver/ReadModelGeneration.ts"
import type { Command } from "../src/internal/lifecycle/command.ts"
import type { Rejection } from "../src/internal/lifecycle/decide.ts"
import * as Lifecycle from "@daybook/projections/driver/ReadModelLifecycle"
import { Event } from "../src/internal/lifecycle/event.ts"
import { State } from "../src/internal/lifecycle/state.ts"

export const name = Projection.Name.make("takings")

export const at = (position: number): Position.Position => Position.make(BigInt(position))

export const eventAt = (position: number): EventMark.EventMark =>
  EventMark.EventMark.make(`00000000-0000-4000-8000-${String(position).padStart(12, "0")}@1`)

export const version = (number: number): Projection.Version => Projection.Version.make(number)

export const log = (digit: number): LogId.LogId =>
  LogId.make(`00000000-0000-4000-9000-00000000000${digit}`)

export const reason = SkipReason.make("a test event")

export const poisonAt = (position: number): Poison => ({
  position: at(position),
  streamId: "till-1",
  revision: 1,
  type: "Sold",
  reason: "Threw",
  issue: "Error: it cannot be folded"
})

/** The lease of every claim here, in milliseconds. */
export const LEASE = 10

/** The decider of a read model as an aggregate, so that its laws can be checked. */
export const aggregate = (
  decider: Decider.Decider<Command, State, Event, Rejection> = Lifecycle.decider(name)
): Aggregate.Aggregate<Command, State, Event, Rejection> =>
  Aggregate.make({
    category: "readmodel",
    decider,
    codec: EventCodec.make({ name: "readmodel", events: Event }),
    state: Schema.Struct({ ...State.fields, name: Schema.Literal(name) })
  })

/** A few small values, from which a command takes those that it needs. */
const Drawn = Schema.Struct({
  tag: Schema.Literals([
    "Open",
    "BeginShadow",
    "BeginShadow",
    "Claim",
    "Claim",
    "Renew",
    "Renew",
    "Release",
    "Advance",
    "Advance",
    "Restart",
    "Mark",
    "Mark",
    "Mark",
    "Mark",
    "Stop",
    "Stop",
    "Pause",
    "Resume",
    "Skip",
    "Skip",
    "Promote",
    "Promote",
    "Promote",
    "MakeInline",
    "MakeInline",
    "MakeAsync",
    "Drop"
  ]),
  at: Schema.Literals([0, 3, 6, 9, 12, 30]),
  generation: Schema.Literals([1, 1, 1, 2, 2, 3]),
  epoch: Schema.Literals([1, 1, 1, 2, 2, 3, 4]),
  owner: Schema.Literals(["one", "one", "other"]),
  version: Schema.Literals([1, 1, 2]),
  description: Schema.Literals(["id text", "id text", "id text", "id bigint"]),
  parallelism: Schema.Literals([1, 1, 1, 2]),
  log: Schema.Literals([0, 1, 1, 2]),
  position: Schema.Literals([1, 2, 3]),
  from: Schema.Literals([0, 0, 0, 1]),
  partition: Schema.Literals([0, 0, 0, 1]),
  choice: Schema.Boolean,
  differing: Schema.Literals([-1, 0, 1, 1])
})

/** One command. */
export const command: Arbitrary.Arbitrary<Command> = Arbitrary.map(
  Arbitrary.schema(Drawn),
  (drawn): Command => {
    const { choice, differing, from, generation, owner, partition, position, tag: _tag } = drawn
    const claim = { generation, epoch: drawn.epoch, leaseMillis: LEASE }
    const timed = { at: drawn.at }
    const defined = {
      version: version(drawn.version),
      description: [drawn.description],
      parallelism: drawn.parallelism,
      log: drawn.log === 0 ? null : log(drawn.log)
    }
    const reached = { position: at(position), event: eventAt(position) }
    switch (_tag) {
      case "Open":
        return { _tag, ...timed, ...defined }
      case "BeginShadow":
        return { _tag, ...timed, ...defined, owner, leaseMillis: LEASE, accept: choice, why: {} }
      case "Claim": {
        const despite = choice ? poisonAt(position) : null
        return { _tag, ...timed, generation, owner, leaseMillis: LEASE, despite }
      }
      case "Renew": {
        const checkpoint = choice ? { from: at(from), to: reached } : null
        return { _tag, ...timed, claim, checkpoint }
      }
      case "Release":
      case "MakeInline":
        return { _tag, ...timed, claim }
      case "Advance": {
        const counted = { events: 1, eventsPerSecond: position }
        const step = { partition, from: at(from), to: reached.position, event: reached.event }
        return { _tag, ...timed, claim, ...step, ...counted }
      }
      case "Restart":
        return { _tag, ...timed, claim, log: log(2) }
      case "Mark": {
        const compared = { position: at(from), event: from === 0 ? null : eventAt(from) }
        return { _tag, ...timed, generation: 1, compared, reached: { ...reached, position: at(3) } }
      }
      case "Stop":
        return { _tag, ...timed, claim, poison: poisonAt(position) }
      case "Pause":
      case "Resume":
        return { _tag, ...timed, why: { actor: owner } }
      case "Skip": {
        const skipped = { version: defined.version, ...reached, reason }
        return { _tag, ...timed, ...skipped, actor: owner, ofLostHistory: choice }
      }
      case "Promote":
        return { _tag, ...timed, claim, differing: differing < 0 ? null : differing }
      case "MakeAsync":
        return { _tag, ...timed, reached }
      case "Drop":
        return { _tag, ...timed, generation, why: {} }
    }
  }
)
