/**
 * What can be told of a read model: how far it is, who keeps it, and what became of a rebuild.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import { MismatchReason } from "@daybook/store/Checkpoint"
import type { Backlog } from "@daybook/store/Subscription"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Generation, type GenerationState, Poison } from "./ReadModelGeneration.ts"

/**
 * What a read model does.
 *
 * **Details**
 * `live`: it holds all that is settled. `catching up`: it is behind, and a host keeps it. `inline`: appends keep it.
 * `paused`: by somebody's word. `stopped`: by an event that it can't fold, or since its rows are of another
 * history than the log has. `waiting`: no host keeps it now.
 *
 * @category types
 * @since 0.1.0
 */
export const Doing = Schema.Literals([
  "live",
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
export type Doing = typeof Doing.Type

/** What went wrong last in words of the innermost cause, and when. */
const LastError = Schema.Struct({ message: Schema.String, at: Schema.DateTimeUtc })

/**
 * How a read model is.
 *
 * **Details**
 * `version`: of the rows that are served. `position`: up to which they hold every event; `head`: up to which the log is
 * settled. `lagEvents`: how many events it is behind, at most `MAX_BACKLOG`; `lagMillis`: since when the
 * earliest of them waits. `owner`: the host that keeps it.
 * `mismatch`: why its rows are of another history; it stays as it is until it is rebuilt.
 * `lastError`: what keeps this host from keeping it, such as a store that does not answer or a constraint that rows break, until
 * it goes on; in words of the innermost cause. Without a shadow also what keeps this host from making one.
 * `building`: the state of the shadow that is to take its place, with what keeps this host from building it or putting it there.
 * `leftBehind`: what stayed with the table that served before this one, such as `view reports.sales of dashboards`: it shows the
 * old rows.
 *
 * @category types
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  name: Projection.Name,
  version: Projection.Version,
  generation: Generation,
  doing: Doing,
  position: Position.Position,
  head: Position.Position,
  lagEvents: Schema.Int,
  lagMillis: Schema.Number,
  events: Schema.Int,
  eventsPerSecond: Schema.Number,
  owner: Schema.Option(Schema.String),
  poison: Schema.Option(Poison),
  mismatch: Schema.Option(MismatchReason),
  leftBehind: Schema.Array(Schema.String),
  lastError: Schema.Option(LastError),
  building: Schema.Option(
    Schema.Struct({
      version: Projection.Version,
      generation: Generation,
      position: Position.Position,
      events: Schema.Int,
      eventsPerSecond: Schema.Number,
      owner: Schema.Option(Schema.String),
      poison: Schema.Option(Poison),
      lastError: Schema.Option(LastError)
    })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Status = typeof Status.Type

/**
 * How far a rebuild is.
 *
 * **Details**
 * `position`: of the rebuilt rows. `target`: where the rebuild ends as things stand, which need not be the `head` of the log: rows
 * of the version that serves are compared with those that serve, where these are. `fraction`: 0 to 1 of the target, by positions, which
 * have gaps, so it is an estimate like `millisLeft`. `switched`: it serves, and this is the last one.
 *
 * @category types
 * @since 0.1.0
 */
export interface Progress {
  readonly name: Projection.Name
  readonly generation: number
  readonly position: Position.Position
  readonly target: Position.Position
  readonly head: Position.Position
  readonly events: number
  readonly eventsPerSecond: number
  readonly fraction: number
  readonly millisLeft: Option.Option<number>
  readonly switched: boolean
}

/**
 * No projection of this name was given to the runner.
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
      `No projection ${JSON.stringify(this.name)}: there are ${this.known.join(", ")}`
    )
  }
}

/**
 * The read model was not at the position when the time was up.
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
 * An event stopped the read model: it goes on when the event is skipped, when it is resumed, or when a host starts or has other code
 * that can fold the event.
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
      `${this.name} can't fold ${type} at revision ${revision} of ${streamId} ` +
        `(position ${position}): ${issue}`
    )
  }
}

/**
 * The shadow was built by another host, and is there no more, or was not put in the place of what serves.
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
 * The status of the generations of a read model, as of a look at the log.
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
  const does = doing(serving, backlog)
  // What holds all that is settled has gone on, be it on another host.
  const ofServing = does === "live" ? undefined : lastErrors.serving
  const building = Option.fromUndefinedOr(lastErrors.building)
  return {
    name: serving.name,
    version: serving.version,
    generation: serving.generation,
    doing: Option.isSome(mismatch) && !serving.paused ? "stopped" : does,
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
    building: Option.map(shadow, (state) => ({
      version: state.version,
      generation: state.generation,
      position: position(state),
      events: state.events,
      eventsPerSecond: state.eventsPerSecond,
      owner: state.owner,
      poison: state.poison,
      lastError: building
    }))
  }
}

const doing = (serving: GenerationState, backlog: Backlog): Doing => {
  if (serving.paused) return "paused"
  if (Option.isSome(serving.poison)) return "stopped"
  if (serving.mode === "inline") return "inline"
  if (Option.isNone(serving.owner)) return "waiting"
  return backlog.events === 0 ? "live" : "catching up"
}

/**
 * Up to where all rows of a generation hold every event: that of its partition which is last.
 *
 * @category destructors
 * @since 0.1.0
 */
export const position = ({ checkpoints }: GenerationState): Position.Position =>
  checkpoints.reduce((low, checkpoint) => (checkpoint < low ? checkpoint : low))
