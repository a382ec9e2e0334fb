/**
 * The commands to a read model.
 */
import { EventMark } from "@daybook/kernel/EventMark"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { Why } from "../../ReadModelAct.ts"
import {
  type Claim as HostClaim,
  Generation,
  Poison,
  SkipReason
} from "../../driver/ReadModelGeneration.ts"
import { Epoch, Partitions } from "./state.ts"

const Claim = Schema.Struct({ generation: Generation, epoch: Epoch, leaseMillis: Schema.Finite })

const Reached = Schema.Struct({
  position: Position.Position,
  event: Schema.NullOr(EventMark)
})

const timed = {
  /** The time of the store's clock, in milliseconds since 1970. */
  at: Schema.Finite
}

const defined = {
  version: Projection.Version,
  /** The lines of the table's definition. */
  description: Schema.Array(Schema.String),
  /** The number of partitions of a shadow that has to be begun. */
  parallelism: Partitions,
  /** The log that its rows are folded from, if the caller knows it. */
  log: Schema.NullOr(LogId)
}

/** A command to a read model. */
export const Command = Schema.TaggedUnion({
  /** Begins the generations that a definition lacks. */
  Open: { ...timed, ...defined },
  /** Begins a shadow of the serving version, unless there is one, and claims it. */
  BeginShadow: {
    ...timed,
    ...defined,
    owner: Schema.String,
    leaseMillis: Schema.Finite,
    accept: Schema.Boolean,
    why: Why
  },
  Claim: {
    ...timed,
    generation: Generation,
    owner: Schema.String,
    leaseMillis: Schema.Finite,
    /** The poison that the caller wants to try again. */
    despite: Schema.NullOr(Poison)
  },
  /** Extends a claim, and moves the checkpoint of its only partition if one is given. */
  Renew: {
    ...timed,
    claim: Claim,
    checkpoint: Schema.NullOr(Schema.Struct({ from: Position.Position, to: Reached }))
  },
  Release: { ...timed, claim: Claim },
  /** Moves the checkpoint of a partition. */
  Advance: {
    ...timed,
    claim: Claim,
    partition: Schema.Int,
    from: Position.Position,
    to: Position.Position,
    event: Schema.NullOr(EventMark),
    events: Schema.Int,
    eventsPerSecond: Schema.Finite
  },
  /** Empties a shadow and begins it again from the start of a log. */
  Restart: { ...timed, claim: Claim, log: LogId },
  /** Records the position of an inline generation whose checkpoint is still `compared`. */
  Mark: { ...timed, generation: Generation, compared: Reached, reached: Reached },
  Stop: { ...timed, claim: Claim, poison: Poison },
  Pause: { ...timed, why: Why },
  Resume: { ...timed, why: Why },
  Skip: {
    ...timed,
    version: Projection.Version,
    position: Position.Position,
    event: EventMark,
    reason: SkipReason,
    actor: Why.fields.actor,
    /** True if the serving rows are of a lost history, and hold another event there, if any. */
    ofLostHistory: Schema.Boolean
  },
  /** Puts a shadow in the place of the serving generation, if their rows allow it. */
  Promote: {
    ...timed,
    claim: Claim,
    /** The number of rows that differ from the serving ones; null if they were not compared. */
    differing: Schema.NullOr(Schema.Int)
  },
  MakeInline: { ...timed, claim: Claim },
  MakeAsync: { ...timed, reached: Reached },
  Drop: { ...timed, generation: Generation, why: Why }
})
export type Command = typeof Command.Type

type Untimed<C> = C extends unknown ? Omit<C, "at"> : never

/**
 * A command before the store adds the time. A store has statements of their own for steps, renewals
 * and marks, which come often.
 */
export type Transition = Untimed<Exclude<Command, { readonly _tag: "Advance" | "Renew" | "Mark" }>>

/** The claim of a command. */
export type CommandClaim = typeof Claim.Type

/** Returns a claim as commands name it. */
export const toCommand = ({ epoch, generation, lease }: HostClaim): CommandClaim => ({
  generation,
  epoch,
  leaseMillis: Duration.toMillis(lease)
})
