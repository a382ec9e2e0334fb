/**
 * The status of a read model: its position, the host that maintains it, and the progress of a
 * rebuild.
 *
 * @since 0.1.0
 */
import { Listed } from "@daybook/kernel/Listed"
import type * as Named from "@daybook/kernel/Named"
import { printableLine } from "@daybook/kernel/Printable"
import * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import { MismatchReason } from "@daybook/store/Checkpoint"
import type { Backlog } from "@daybook/store/Subscription"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Generation, type GenerationState, Poison } from "./driver/ReadModelGeneration.ts"

/**
 * The present activity of a read model.
 *
 * **Details**
 * `up to date`: it holds all settled events. `catching up`: it lacks some, and a host maintains it.
 * `inline`: appends maintain it. `paused`: by an act of an operator. `stopped`: by an event that it
 * can't fold, or because its rows are of another history than the log. `waiting`: no host maintains
 * it now.
 *
 * @category types
 * @since 0.1.0
 */
export const State = Schema.Literals([
  "up to date",
  "catching up",
  "inline",
  "paused",
  "stopped",
  "waiting"
])

/**
 * @category types
 * @since 0.1.0
 */
export type State = typeof State.Type

/** The message of the innermost cause of the last error, and the time of that error. */
const LastError = Schema.Struct({ message: Schema.String, at: Schema.DateTimeUtc })

/**
 * The status of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  name: Projection.Name,
  /** The version of the serving rows. */
  version: Projection.Version,
  /** The serving generation. */
  generation: Generation,
  state: State,
  /**
   * The position up to which the serving rows include every event. It moves over events of other
   * categories within a poll interval.
   */
  position: Position.Position,
  /** The position up to which the log is settled. */
  head: Position.Position,
  /** The number of settled events that the rows lack, at most `MAX_BACKLOG`. */
  lagEvents: Schema.Int,
  /** The time that the earliest lacking event has waited. */
  lagMillis: Schema.Number,
  /** The number of events that the generation has folded, without those that appends fold. */
  events: Schema.Int,
  /** The recent rate, as the claim's holder reported it with a step. */
  eventsPerSecond: Schema.Number,
  /** The host that maintains it. */
  owner: Schema.Option(Schema.String),
  /** The event that stopped it. */
  poison: Schema.Option(Poison),
  /** The reason why its rows are of another history; it is left alone until it is rebuilt. */
  mismatch: Schema.Option(MismatchReason),
  /**
   * The number and the first of the dependents that stayed with the table that served before, and
   * show its old rows, such as `view reports.sales of dashboards`.
   */
  leftBehind: Listed,
  /**
   * The error that prevents this host from maintaining it, such as a store that does not answer or
   * a constraint that rows break, until it goes on. Without a shadow, also the error that prevents
   * this host from making one.
   */
  lastError: Schema.Option(LastError),
  /** The state of the shadow that is to take its place. */
  building: Schema.Option(
    Schema.Struct({
      version: Projection.Version,
      generation: Generation,
      position: Position.Position,
      events: Schema.Int,
      eventsPerSecond: Schema.Number,
      owner: Schema.Option(Schema.String),
      poison: Schema.Option(Poison),
      /** The error that prevents this host from building the shadow or switching to it. */
      lastError: Schema.Option(LastError)
    })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Status = Named.Struct<typeof Status>

/**
 * The progress of a rebuild.
 *
 * @category types
 * @since 0.1.0
 */
export interface Progress {
  readonly name: Projection.Name
  readonly generation: number
  /** The position of the rebuilt rows. */
  readonly position: Position.Position
  /**
   * The position at which the rebuild would end now. It need not be the `head`: rows of the serving
   * version are compared with the serving rows at the position of those.
   */
  readonly target: Position.Position
  /** The position up to which the log is settled. */
  readonly head: Position.Position
  /** The number of events that the shadow has folded. */
  readonly events: number
  readonly eventsPerSecond: number
  /** The reached fraction of the target, 0 to 1: an estimate, since positions have gaps. */
  readonly fraction: number
  /** An estimate of the time to the target. */
  readonly millisLeft: Option.Option<number>
  /** True when the rebuilt rows serve; this is the last progress. */
  readonly switched: boolean
}

/**
 * The runner has no projection of this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownProjection extends Schema.TaggedError<UnknownProjection>()(
  "UnknownProjection",
  { name: Schema.String, known: Schema.Array(Projection.Name) }
) {
  override get message() {
    return printableLine(
      `Cannot find projection ${JSON.stringify(this.name)}: there are ${this.known.join(", ")}`
    )
  }
}

/**
 * The read model had not reached the position when the timeout passed.
 *
 * @category errors
 * @since 0.1.0
 */
export class WaitTimedOut extends Schema.TaggedError<WaitTimedOut>()("WaitTimedOut", {
  name: Projection.Name,
  position: Position.Position,
  reached: Position.Position,
  timeoutMillis: Schema.Number
}) {
  override get message() {
    return (
      `${this.name} was at position ${this.reached} after ${this.timeoutMillis} ms, ` +
      `waited for ${this.position}`
    )
  }
}

/**
 * An event stopped the read model. It goes on when the event is skipped, when the read model is
 * resumed, or when a host starts or has other code that can fold the event.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProjectionStopped extends Schema.TaggedError<ProjectionStopped>()(
  "ProjectionStopped",
  { name: Projection.Name, poison: Poison }
) {
  override get message() {
    const { issue, position, revision, streamId, type } = this.poison
    return printableLine(
      `${this.name} cannot fold ${type} at revision ${revision} of ${streamId} ` +
        `(position ${position}): ${issue}`
    )
  }
}

/**
 * Another host built the shadow, which no longer exists or was not switched to.
 *
 * @category errors
 * @since 0.1.0
 */
export class RebuildLost extends Schema.TaggedError<RebuildLost>()("RebuildLost", {
  name: Projection.Name,
  generation: Generation
}) {
  override get message() {
    return `Generation ${this.generation} of ${this.name} was not switched to by the host that built it`
  }
}

/**
 * Makes the status of a read model from its generations and the backlog of the log.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  serving: GenerationState,
  {
    backlog,
    lastErrors,
    mismatch,
    now,
    shadow
  }: {
    readonly shadow: Option.Option<GenerationState>
    readonly backlog: Backlog
    readonly lastErrors: {
      readonly serving: typeof LastError.Type | undefined
      readonly building: typeof LastError.Type | undefined
    }
    readonly mismatch: Status["mismatch"]
    readonly now: DateTime.Utc
  }
): Status => {
  const inline = serving.mode === "inline"
  const waits = DateTime.toEpochMillis(now)
  const state = stateOf(serving, backlog)
  // A read model that holds all settled events has gone on, perhaps on another host.
  const ofServing = state === "up to date" ? undefined : lastErrors.serving
  const building = Option.fromUndefinedOr(lastErrors.building)
  return {
    name: serving.name,
    version: serving.version,
    generation: serving.generation,
    state: Option.isSome(mismatch) && !serving.paused ? "stopped" : state,
    position: inline ? backlog.head : position(serving),
    head: backlog.head,
    lagEvents: inline ? 0 : backlog.events,
    lagMillis: inline
      ? 0
      : Option.match(backlog.since, {
          onNone: () => 0,
          onSome: (since) => Math.max(0, waits - DateTime.toEpochMillis(since))
        }),
    events: serving.events,
    eventsPerSecond: serving.eventsPerSecond,
    owner: serving.owner,
    poison: serving.poison,
    mismatch,
    leftBehind: serving.leftBehind,
    lastError: Option.orElse(Option.fromUndefinedOr(ofServing), () =>
      Option.isSome(shadow) ? Option.none() : building
    ),
    building: Option.map(shadow, (rebuilt) => ({
      version: rebuilt.version,
      generation: rebuilt.generation,
      position: position(rebuilt),
      events: rebuilt.events,
      eventsPerSecond: rebuilt.eventsPerSecond,
      owner: rebuilt.owner,
      poison: rebuilt.poison,
      lastError: building
    }))
  }
}

const stateOf = (serving: GenerationState, backlog: Backlog): State => {
  if (serving.paused) return "paused"
  if (Option.isSome(serving.poison)) return "stopped"
  if (serving.mode === "inline") return "inline"
  if (Option.isNone(serving.owner)) return "waiting"
  return backlog.events === 0 ? "up to date" : "catching up"
}

/**
 * Returns the position up to which all rows of a generation include every event: the lowest
 * checkpoint of its partitions.
 *
 * @category destructors
 * @since 0.1.0
 */
export const position = ({ checkpoints }: GenerationState): Position.Position =>
  checkpoints.reduce((low, checkpoint) => (checkpoint < low ? checkpoint : low))
