/**
 * The decisions of a read model: who may write which generation, and what becomes of its tables.
 */
import type { Act, Why } from "../../ReadModelAct.ts"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import {
  AlreadyFolded,
  ClaimLost,
  DefinitionChanged,
  OtherLog,
  Superseded
} from "../../ReadModelError.ts"
import { type Poison, recordedPoison } from "../../driver/ReadModelGeneration.ts"
import { Command, type CommandClaim, type Transition } from "./command.ts"
import type { Event } from "./event.ts"
import { evolve } from "./evolve.ts"
import {
  find,
  type Generation,
  leaseEndOf,
  lowest,
  servingOf,
  shadowOf,
  type State
} from "./state.ts"

/** A caller broke a rule that no caller may break, so the fiber dies of it. */
export class RuleBroken extends Data.TaggedError("RuleBroken")<{ readonly issue: string }> {
  override get message() {
    return this.issue
  }
}

export type Rejection =
  | ClaimLost
  | OtherLog
  | DefinitionChanged
  | Superseded
  | AlreadyFolded
  | RuleBroken

export type Events = ReadonlyArray<Event>

type Decision = Result.Result<Events, Rejection>

const nothing: Decision = Result.succeed([])

/** Returns the events of a command, or the reason for which it is refused. */
export const decide = (command: Command, state: State): Decision =>
  Command.match(command, {
    Open: (definition): Decision =>
      Result.map(
        Result.flatMap(ofLog(state, definition.log), () => lacking(definition, state)),
        (events): Events => [...events, ...bound(events.reduce(evolve, state), definition.log)]
      ),
    BeginShadow: (asked): Decision =>
      Result.map(lacking(asked, state), (events): Events => {
        const begun = events.reduce(evolve, state)
        const known = shadowOf(begun, asked.version)
        const made = known === undefined ? [madeAs(begun, asked, "shadow")] : []
        const generation = known?.number ?? nextNumber(begun)
        const { accept, at, leaseMillis, owner, why } = asked
        const shadow = find(made.reduce(evolve, begun), generation)
        return [
          ...events,
          ...made,
          { _tag: "DifferencesAllowed", generation, accepted: accept } as const,
          acted("rebuild", why, { generation, accepted: accept }),
          ...claimed(state, shadow, { owner, at, leaseMillis, despite: null })
        ]
      }),
    Claim: (asked): Decision =>
      Result.succeed(claimed(state, find(state, asked.generation), asked)),
    Renew: (renewal): Decision => renew(renewal, state),
    Release: ({ claim }): Decision => Result.orElse(ended(state, claim), () => nothing),
    Advance: (step): Decision => advance(step, state),
    Restart: ({ claim, log }): Decision =>
      Result.map(heldAs(state, claim, "shadow"), ({ number: generation }): Events => [
        { _tag: "TableEmptied", generation },
        { _tag: "LogChanged", generation, log }
      ]),
    Mark: (marking): Decision => Result.succeed(mark(marking, state)),
    Stop: ({ claim, poison }): Decision =>
      Result.map(ended(state, claim), (events): Events => [
        { _tag: "Stopped", generation: claim.generation, poison: recordedPoison(poison) },
        ...events
      ]),
    Pause: ({ why }): Decision =>
      Result.succeed([
        ...(servingOf(state) === undefined ? [] : [{ _tag: "Paused" } as const]),
        acted("pause", why)
      ]),
    Resume: ({ why }): Decision => Result.succeed([{ _tag: "Resumed" }, acted("resume", why)]),
    Skip: (asked): Decision => skip(asked, state),
    Promote: ({ claim, differing }): Decision => promote(claim, differing, state),
    MakeInline: ({ claim }): Decision =>
      Result.map(heldAs(state, claim, "serving"), ({ number: generation }): Events => [
        { _tag: "MadeInline", generation, epoch: state.nextEpoch }
      ]),
    MakeAsync: ({ reached }): Decision => {
      const serving = servingOf(state)
      return serving?.mode === "inline"
        ? Result.succeed([
            { _tag: "MadeAsync", generation: serving.number, epoch: state.nextEpoch, ...reached }
          ])
        : nothing
    },
    Drop: ({ generation, why }): Decision => {
      const known = find(state, generation)
      if (known === undefined) return nothing
      return known.role === "serving"
        ? broken(`cannot drop generation ${generation} of ${state.name}: it serves`)
        : Result.succeed([{ _tag: "TableDropped", generation }, acted("drop", why, { generation })])
    }
  })

/**
 * Returns true if a command waits for a generation that a step or a promotion has locked.
 *
 * A claim does not: the generation has a holder at work, from whom the claim would take it. Only
 * the holder itself waits.
 */
export const waits = (command: Transition, state: State): boolean =>
  command._tag !== "Claim" || find(state, command.generation)?.owner === command.owner

const broken = (issue: string): Result.Result<never, RuleBroken> =>
  Result.fail(new RuleBroken({ issue }))

const acted = (act: Act["act"], why: Why, details: Act["details"] = {}): Event => ({
  _tag: "Acted",
  act,
  why,
  details
})

type Definition = Pick<
  Extract<Command, { readonly _tag: "Open" }>,
  "version" | "description" | "parallelism" | "log"
>

const ofLog = (state: State, log: Definition["log"]): Result.Result<void, OtherLog> => {
  const kept = servingOf(state)?.log ?? null
  return log !== null && kept !== null && kept !== log
    ? Result.fail(new OtherLog({ name: state.name, kept, given: log }))
    : Result.void
}

/** Begins the serving generation, and the shadow of a newer version, unless they exist. */
const lacking = (definition: Definition, state: State): Decision => {
  const { description, version } = definition
  const { name } = state
  const serving = servingOf(state)
  if (serving === undefined) return Result.succeed([madeAs(state, definition, "serving")])
  if (serving.version > version) {
    return Result.fail(new Superseded({ name, version, serving: serving.version }))
  }
  const same = serving.version === version ? serving : shadowOf(state, version)
  if (same === undefined) return Result.succeed([madeAs(state, definition, "shadow")])
  const stored = same.description.filter((line) => !description.includes(line))
  const defined = description.filter((line) => !same.description.includes(line))
  return stored.length + defined.length === 0
    ? nothing
    : Result.fail(new DefinitionChanged({ name, version, stored, defined }))
}

const nextNumber = ({ generations }: State): number =>
  Math.max(0, ...generations.map(({ number }) => number)) + 1

const madeAs = (
  state: State,
  { description, log, parallelism, version }: Definition,
  role: "serving" | "shadow"
): Event => ({
  _tag: "TableMade",
  generation: nextNumber(state),
  version,
  description,
  role,
  log,
  partitions: role === "serving" ? 1 : parallelism
})

const bound = ({ generations }: State, log: Definition["log"]): Events =>
  log !== null && generations.some((generation) => generation.log === null)
    ? [{ _tag: "LogBound", log }]
    : []

/** Claims a generation for an owner, unless another one has it or nothing may be written. */
const claimed = (
  { nextEpoch, paused }: State,
  generation: Generation | undefined,
  asked: {
    readonly owner: string
    readonly at: number
    readonly leaseMillis: number
    readonly despite: Poison | null
  }
): Events => {
  const { at, despite, leaseMillis, owner } = asked
  if (generation === undefined || generation.role === "retired") return []
  const { poison } = generation
  const isFree =
    generation.owner === null || generation.owner === owner || leaseEndOf(generation) <= at
  const isStopped =
    poison !== null &&
    !(despite?.position === poison.position && despite.stoppedBy?.code === poison.stoppedBy?.code)
  return !isFree || isStopped || paused || generation.mode === "inline"
    ? []
    : [
        {
          _tag: "Claimed",
          generation: generation.number,
          owner,
          epoch: nextEpoch,
          leaseEnds: at + leaseMillis
        }
      ]
}

const lost = (name: Projection.Name, { epoch, generation }: CommandClaim): ClaimLost =>
  new ClaimLost({ name, generation, epoch })

/** Returns the generation, if this is the newest claim on it and its role and mode allow writes. */
const held = (state: State, claim: CommandClaim): Result.Result<Generation, ClaimLost> => {
  const generation = find(state, claim.generation)
  return generation === undefined ||
    generation.owner === null ||
    generation.epoch !== claim.epoch ||
    generation.role === "retired" ||
    generation.mode === "inline"
    ? Result.fail(lost(state.name, claim))
    : Result.succeed(generation)
}

/** Returns the generation of {@link held}, if it has that role and is not paused or stopped. */
export const heldAs = (
  state: State,
  claim: CommandClaim,
  expected: Generation["role"]
): Result.Result<Generation, ClaimLost> =>
  Result.filterOrFail(
    held(state, claim),
    ({ poison, role }) => role === expected && !state.paused && poison === null,
    () => lost(state.name, claim)
  )

/** Moves a checkpoint; fails unless the step is taken under the newest claim from where it is. */
export const advance = (
  step: Extract<Command, { readonly _tag: "Advance" }>,
  state: State
): Result.Result<Events, ClaimLost> => {
  const { at, claim, events, eventsPerSecond, event, from, partition, to } = step
  return Result.map(heldAt(state, claim, partition, from), ({ number: generation }): Events => [
    {
      _tag: "Advanced",
      generation,
      partition,
      position: to,
      event,
      events,
      eventsPerSecond,
      leaseEnds: at + claim.leaseMillis
    }
  ])
}

/** Moves the checkpoint of an inline generation forward, if it is still the compared one. */
export const mark = (
  {
    compared,
    generation,
    reached: { event, position }
  }: Pick<Extract<Command, { readonly _tag: "Mark" }>, "compared" | "generation" | "reached">,
  state: State
): Events => {
  const known = find(state, generation)
  const [at] = known?.partitions ?? []
  return at !== undefined &&
    known?.mode === "inline" &&
    at.position === compared.position &&
    at.event === compared.event &&
    at.position < position
    ? [{ _tag: "Marked", generation, position, event }]
    : []
}

/** Extends a claim, or moves a checkpoint over events of other categories as a step does. */
export const renew = (
  { at, checkpoint, claim }: Extract<Command, { readonly _tag: "Renew" }>,
  state: State
): Result.Result<Events, ClaimLost> => {
  const leaseEnds = at + claim.leaseMillis
  return checkpoint === null
    ? Result.map(held(state, claim), ({ number: generation }): Events => [
        { _tag: "LeaseExtended", generation, leaseEnds }
      ])
    : Result.map(
        Result.filterOrFail(
          heldAt(state, claim, 0, checkpoint.from),
          () => checkpoint.from <= checkpoint.to.position,
          () => lost(state.name, claim)
        ),
        ({ number: generation, partitions: [{ eventsPerSecond }] }): Events => [
          {
            _tag: "Advanced",
            generation,
            partition: 0,
            ...checkpoint.to,
            events: 0,
            eventsPerSecond,
            leaseEnds
          }
        ]
      )
}

/** Returns the generation of {@link held}, if a step may be taken from the given position. */
export const heldAt = (
  state: State,
  claim: CommandClaim,
  partition: number,
  from: Position
): Result.Result<Generation, ClaimLost> =>
  Result.filterOrFail(
    held(state, claim),
    ({ partitions, poison }) =>
      !state.paused && poison === null && partitions[partition]?.position === from,
    () => lost(state.name, claim)
  )

const ended = (state: State, claim: CommandClaim): Result.Result<Events, ClaimLost> =>
  Result.map(held(state, claim), ({ number: generation }): Events => [
    { _tag: "ClaimEnded", generation, epoch: state.nextEpoch }
  ])

const skip = (asked: Extract<Command, { readonly _tag: "Skip" }>, state: State): Decision => {
  const { actor, event, ofLostHistory, position, reason, version } = asked
  const { name, nextEpoch: epoch } = state
  if (state.skipped.some((one) => one.version === version && one.event === event)) {
    return nothing
  }
  const ofVersion = state.generations.filter(
    (generation) => generation.version === version && generation.role !== "retired"
  )
  const serving = ofVersion.find(({ role }) => role === "serving")
  if (serving !== undefined && !ofLostHistory) {
    const checkpoint = lowest(serving)
    // Inline rows hold all recorded events.
    if (serving.mode === "inline" || checkpoint >= position) {
      return Result.fail(new AlreadyFolded({ name, version, position, checkpoint }))
    }
  }
  const why = { reason, ...(actor === undefined ? {} : { actor }) }
  return Result.succeed([
    { _tag: "Skipped", version, position, event, reason },
    acted("skip", why, { version, position: String(position) }),
    ...ofVersion.flatMap(({ number: generation, poison, role }): Events => {
      const isShadow = role === "shadow"
      const isTried = poison !== null && (isShadow || poison.position === position)
      return [
        { _tag: "ClaimEnded", generation, epoch },
        ...(isTried ? [{ _tag: "StopEnded", generation } as const] : []),
        // Some of its partitions may have folded the event.
        ...(isShadow ? [{ _tag: "TableEmptied", generation } as const] : [])
      ]
    })
  ])
}

/**
 * Returns the one position of all partitions: events between two would be folded twice, or never.
 */
const together = (
  { name }: State,
  { number, partitions }: Generation
): Result.Result<Position, RuleBroken> => {
  const [{ position }, ...others] = partitions
  return others.some((other) => other.position !== position)
    ? broken(
        `cannot promote generation ${number} of ${name}: its partitions are at ${partitions
          .map((one) => one.position)
          .join(", ")}`
      )
    : Result.succeed(position)
}

const promote = (claim: CommandClaim, differing: number | null, state: State): Decision =>
  Result.gen(function* (): Generator<Result.Result<unknown, Rejection>, Events> {
    const shadow = yield* heldAs(state, claim, "shadow")
    const { nextEpoch: epoch } = state
    const serving = servingOf(state)
    if (serving === undefined) return yield* broken(`${state.name} serves no generation`)
    const position = yield* together(state, shadow)
    const isCompared = differing !== null
    if (isCompared && serving.mode === "async" && lowest(serving) !== position) {
      return yield* broken(
        `cannot compare generation ${shadow.number} of ${state.name} at ${position}: ` +
          `generation ${serving.number} serves at ${lowest(serving)}`
      )
    }
    const rows = differing ?? 0
    const { number, version } = shadow
    if (rows > 0 && !shadow.accepted) {
      return [
        { _tag: "Retired", generation: number, epoch },
        acted("differ", {}, { generation: number, rows })
      ]
    }
    // Shadows of this version or an older one have nothing left to replace.
    const needless = state.generations.filter(
      (other) => other.role === "shadow" && other.number !== number && other.version <= version
    )
    const details = { from: serving.number, to: number, version }
    return [
      {
        _tag: "TablesSwapped",
        serving: serving.number,
        shadow: number,
        mode: serving.mode,
        epoch
      },
      ...needless.map((other): Event => ({ _tag: "Retired", generation: other.number, epoch })),
      acted("switch", {}, rows > 0 ? { ...details, differing: rows } : details)
    ]
  })
