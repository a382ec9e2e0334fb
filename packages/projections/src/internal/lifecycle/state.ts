/**
 * The state of a read model: its generations, with what decides who may write them.
 */
import { EventMark } from "@daybook/kernel/EventMark"
import * as Listed from "@daybook/kernel/Listed"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { MAX_PARTITIONS } from "../fold/partition.ts"
import {
  Generation as Number,
  type GenerationState,
  Poison
} from "../../driver/ReadModelGeneration.ts"

/** The progress of a partition. */
export const Progress = Schema.Struct({
  position: Position.Position,
  /** The last event of the log at or below `position`. */
  event: Schema.NullOr(EventMark),
  /** The number of events folded. */
  events: Schema.Int,
  eventsPerSecond: Schema.Finite,
  /** The end of the lease that the last step renewed, in milliseconds since 1970; 0 before it. */
  leaseEnds: Schema.Finite
})
export type Progress = typeof Progress.Type

/** The largest epoch of a claim: `epoch + 1` is a safe integer too. */
export const LAST_EPOCH = 2 ** 52

export const Epoch = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: LAST_EPOCH }))

/** A number of partitions. */
export const Partitions = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: MAX_PARTITIONS })
)

const Role = Schema.Literals(["serving", "shadow", "retired"])

export const Mode = Schema.Literals(["async", "inline"])

/** A generation of a read model. */
export const Generation = Schema.Struct({
  number: Number,
  version: Projection.Version,
  /** The lines of its table's definition. */
  description: Schema.Array(Schema.String),
  log: Schema.NullOr(LogId),
  role: Role,
  mode: Mode,
  partitions: Schema.NonEmptyArray(Progress),
  /** Changes whenever a claim is made or ended: the fencing token of the newest claim. */
  epoch: Epoch,
  /** The owner of the claim; it counts until the leases have run out. */
  owner: Schema.NullOr(Schema.String),
  /** The end of the claim's lease, in milliseconds since 1970; 0 without a claim. */
  leaseEnds: Schema.Finite,
  poison: Schema.NullOr(Poison),
  /** True if its rows may replace serving rows that differ. */
  accepted: Schema.Boolean,
  /** The dependents that stayed with the table before it, as its store found them. */
  leftBehind: Listed.Listed
})
export type Generation = typeof Generation.Type

/** An event that a version skips. */
const Skip = Schema.Struct({
  version: Projection.Version,
  event: EventMark
})

/** A read model; without generations, one that was never opened. */
export const State = Schema.Struct({
  name: Projection.Name,
  paused: Schema.Boolean,
  /** An epoch that no claim on any generation has had, dropped ones included. */
  nextEpoch: Epoch,
  /** By number. */
  generations: Schema.Array(Generation),
  skipped: Schema.Array(Skip)
})
export type State = typeof State.Type

/** Returns the state of a read model that was never opened. */
export const empty = (name: Projection.Name): State => ({
  name,
  paused: false,
  nextEpoch: 1,
  generations: [],
  skipped: []
})

export const find = ({ generations }: State, number: number): Generation | undefined =>
  generations.find((generation) => generation.number === number)

export const servingOf = ({ generations }: State): Generation | undefined =>
  generations.find(({ role }) => role === "serving")

export const shadowOf = (
  { generations }: State,
  version: Projection.Version
): Generation | undefined =>
  generations.find((one) => one.role === "shadow" && one.version === version)

/** Returns the time at which the claim on a generation has run out. */
export const leaseEndOf = ({ leaseEnds, partitions }: Generation): number =>
  Math.max(leaseEnds, ...partitions.map((partition) => partition.leaseEnds))

export const lowest = ({ partitions }: Generation): Position.Position =>
  partitions
    .map(({ position }) => position)
    .reduce((low, position) => (position < low ? position : low))

/** Returns a generation as its readers see it at a time, in milliseconds since 1970. */
export const view = (
  { name, paused }: Pick<State, "name" | "paused">,
  generation: Generation,
  at: number
): GenerationState => {
  const { leftBehind, log, mode, number, owner, partitions, poison, role, version } = generation
  return {
    name,
    generation: number,
    version,
    log: Option.fromNullOr(log),
    role,
    mode,
    checkpoints: partitions.map(({ position }) => position),
    anchors: partitions.map(({ event }) => event),
    owner: leaseEndOf(generation) > at ? Option.fromNullOr(owner) : Option.none(),
    paused,
    poison: Option.fromNullOr(poison),
    leftBehind,
    events: partitions.reduce((sum, { events }) => sum + events, 0),
    eventsPerSecond: Math.max(...partitions.map(({ eventsPerSecond }) => eventsPerSecond))
  }
}
