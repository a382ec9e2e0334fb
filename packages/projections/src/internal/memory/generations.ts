/**
 * The generations of the read models of the memory store, and the claims on them.
 */
import * as Listed from "@daybook/kernel/Listed"
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import * as Duration from "effect/Duration"
import type * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import {
  ClaimLost,
  DefinitionChanged,
  OtherLog,
  OtherVersionServes,
  Superseded
} from "../../ReadModelError.ts"
import type {
  Changes,
  Claim,
  GenerationState,
  Opened,
  Poison,
  Skipped
} from "../../ReadModelGeneration.ts"
import type { Act } from "../../ReadModelAct.ts"
import type { Any as AnyTable, StoredKey } from "../../ReadModelTable.ts"
import type { Column, StoredRow } from "../../StoredRow.ts"

export interface Generation {
  readonly model: Model
  readonly number: number
  readonly version: Projection.Version
  readonly description: ReadonlyArray<string>
  readonly columns: ReadonlyArray<Column>
  readonly rows: Map<string, StoredRow>
  log: LogId | undefined
  role: GenerationState["role"]
  mode: GenerationState["mode"]
  checkpoints: Array<Position.Position>
  anchors: Array<EventMark | null>
  owner: string | undefined
  epoch: number
  leaseEnd: number
  poison: Poison | undefined
  /** True if its rows may replace serving rows that differ. */
  accepted: boolean
  events: number
  /** Events a second, by partition. */
  rates: Array<number>
  /** Present while the generation is held still for a switch; opens when it may change again. */
  still: Latch.Latch | undefined
}

interface Model {
  readonly name: Projection.Name
  paused: boolean
  /** The last epoch of all claims: a dropped generation and one of the same number share none. */
  epochs: number
  readonly skipped: Array<Skipped>
  readonly acts: Array<Act>
  generations: Array<Generation>
}

export type Models = Map<string, Model>

/** Returns the read model of a name, which is made when it is first mentioned. */
export const modelOf = (models: Models, name: Projection.Name): Model => {
  const model = models.get(name) ?? {
    name,
    paused: false,
    epochs: 0,
    skipped: [],
    acts: [],
    generations: []
  }
  models.set(name, model)
  return model
}

export const find = (models: Models, name: string, number: number): Generation | undefined =>
  models.get(name)?.generations.find((generation) => generation.number === number)

export const servingOf = (models: Models, name: string): Generation | undefined =>
  models.get(name)?.generations.find(({ role }) => role === "serving")

const shadowOf = (model: Model, version: Projection.Version): Generation | undefined =>
  model.generations.find(
    (generation) => generation.role === "shadow" && generation.version === version
  )

const begin = (
  model: Model,
  { columns, description, version }: AnyTable,
  role: Generation["role"],
  partitions: number,
  log: LogId | undefined
): Generation => {
  const generation: Generation = {
    model,
    number: Math.max(0, ...model.generations.map(({ number }) => number)) + 1,
    version,
    description,
    columns,
    rows: new Map(),
    log,
    role,
    mode: "async",
    checkpoints: Array.from({ length: partitions }, () => Position.start),
    anchors: Array.from({ length: partitions }, () => null),
    owner: undefined,
    epoch: 0,
    leaseEnd: 0,
    poison: undefined,
    accepted: false,
    events: 0,
    rates: Array.from({ length: partitions }, () => 0),
    still: undefined
  }
  model.generations.push(generation)
  return generation
}

const changed = (
  { description, version }: Generation,
  table: AnyTable
): DefinitionChanged | undefined => {
  const stored = description.filter((line) => !table.description.includes(line))
  const defined = table.description.filter((line) => !description.includes(line))
  return stored.length + defined.length === 0
    ? undefined
    : new DefinitionChanged({ name: table.name, version, stored, defined })
}

export const open = (
  models: Models,
  table: AnyTable,
  partitions: number,
  log: LogId | undefined,
  millis: number
): Result.Result<Opened, OtherLog | DefinitionChanged | Superseded> =>
  Result.map(known(models, table, partitions, log, log), ({ serving, shadow }) => {
    for (const generation of serving.model.generations) generation.log ??= log
    return {
      serving: stateOf(serving, millis),
      shadow: Option.map(Option.fromUndefinedOr(shadow), (one) => stateOf(one, millis))
    }
  })

export const beginShadow = (
  models: Models,
  table: AnyTable,
  partitions: number,
  log: LogId | undefined
): Result.Result<Generation, OtherLog | DefinitionChanged | Superseded> =>
  // The serving generation may be of another log, which the shadow is to replace.
  Result.map(
    known(models, table, partitions, log, undefined),
    ({ serving, shadow }) => shadow ?? begin(serving.model, table, "shadow", partitions, log)
  )

/**
 * Finds the serving generation, and the shadow of another version, or begins them on `log`.
 *
 * `of`: the log that the serving generation must be of, if any.
 */
const known = (
  models: Models,
  table: AnyTable,
  partitions: number,
  log: LogId | undefined,
  of: LogId | undefined
): Result.Result<
  { readonly serving: Generation; readonly shadow: Generation | undefined },
  OtherLog | DefinitionChanged | Superseded
> => {
  const { name, version } = table
  const model = modelOf(models, name)
  const serving = servingOf(models, name) ?? begin(model, table, "serving", 1, log)
  if (of !== undefined && serving.log !== undefined && serving.log !== of) {
    return Result.fail(new OtherLog({ name, kept: serving.log, given: of }))
  }
  if (serving.version > version) {
    return Result.fail(new Superseded({ name, version, serving: serving.version }))
  }
  const same =
    serving.version === version
      ? serving
      : (shadowOf(model, version) ?? begin(model, table, "shadow", partitions, log))
  const difference = changed(same, table)
  return difference === undefined
    ? Result.succeed({ serving, shadow: shadowOf(model, version) })
    : Result.fail(difference)
}

export const stateOf = (generation: Generation, millis: number): GenerationState => ({
  name: generation.model.name,
  generation: generation.number,
  version: generation.version,
  log: Option.fromUndefinedOr(generation.log),
  role: generation.role,
  mode: generation.mode,
  checkpoints: Array.from(generation.checkpoints),
  anchors: Array.from(generation.anchors),
  owner: generation.leaseEnd > millis ? Option.fromUndefinedOr(generation.owner) : Option.none(),
  paused: generation.model.paused,
  poison: Option.fromUndefinedOr(generation.poison),
  leftBehind: Listed.none,
  events: generation.events,
  eventsPerSecond: Math.max(...generation.rates)
})

export const claim = (
  generation: Generation,
  owner: string,
  lease: Duration.Duration,
  millis: number,
  despite?: Poison
): Option.Option<Claim> => {
  const { mode, model, number, poison, role } = generation
  const isFree = generation.owner === undefined || generation.leaseEnd <= millis
  if (!isFree && generation.owner !== owner) return Option.none()
  const isStopped =
    poison !== undefined &&
    !(despite?.position === poison.position && despite.stoppedBy?.code === poison.stoppedBy?.code)
  if (role === "retired" || mode === "inline" || model.paused || isStopped) return Option.none()
  generation.poison = undefined
  generation.owner = owner
  generation.epoch = ++model.epochs
  generation.leaseEnd = millis + Duration.toMillis(lease)
  return Option.some({ name: model.name, generation: number, epoch: generation.epoch, lease })
}

const lost = ({ epoch, generation, name }: Claim): ClaimLost =>
  new ClaimLost({ name, generation, epoch })

/** Returns the generation, if this is the newest claim on it and its role and mode allow writes. */
export const held = (models: Models, claimed: Claim): Result.Result<Generation, ClaimLost> => {
  const generation = find(models, claimed.name, claimed.generation)
  return generation === undefined ||
    generation.owner === undefined ||
    generation.epoch !== claimed.epoch ||
    generation.role === "retired" ||
    generation.mode === "inline"
    ? Result.fail(lost(claimed))
    : Result.succeed(generation)
}

/** Returns the generation of {@link held}, if it has that role and is not paused or stopped. */
export const heldAs = (
  models: Models,
  claimed: Claim,
  expected: Generation["role"]
): Result.Result<Generation, ClaimLost> =>
  Result.filterOrFail(
    held(models, claimed),
    ({ model, poison, role }) => role === expected && !model.paused && poison === undefined,
    () => lost(claimed)
  )

/** Returns the generation of {@link held}, if a step may be taken from the given position. */
export const heldAt = (
  models: Models,
  claimed: Claim,
  { from, partition }: { readonly from: Position.Position; readonly partition: number }
): Result.Result<Generation, ClaimLost> =>
  Result.filterOrFail(
    held(models, claimed),
    ({ checkpoints, model }) => !model.paused && checkpoints[partition] === from,
    () => lost(claimed)
  )

/** Ends the claim on a generation, if there is one. */
export const free = (generation: Generation): void => {
  generation.owner = undefined
  generation.leaseEnd = 0
}

export const retire = (generation: Generation): void => {
  generation.role = "retired"
  generation.mode = "async"
  free(generation)
}

export const lowest = ({ checkpoints }: Generation): Position.Position =>
  checkpoints.reduce((low, checkpoint) => (checkpoint < low ? checkpoint : low))

/** Returns the one position of all partitions. */
export const together = ({ checkpoints, model, number }: Generation): Position.Position => {
  const [first, ...others] = checkpoints
  if (first === undefined || others.some((other) => other !== first)) {
    // Events between them would be folded twice, or never.
    throw new Error(`${model.name}, generation ${number}, is at ${checkpoints.join(", ")} at once`)
  }
  return first
}

/** Returns a function that undoes all steps of the generation from now on. */
export const undo = (generation: Generation): (() => void) => {
  const { events, leaseEnd } = generation
  const rows = new Map(generation.rows)
  const checkpoints = Array.from(generation.checkpoints)
  const anchors = Array.from(generation.anchors)
  const rates = Array.from(generation.rates)
  return () => {
    generation.rows.clear()
    for (const [key, row] of rows) generation.rows.set(key, row)
    Object.assign(generation, { checkpoints, anchors, rates, events, leaseEnd })
  }
}

export const rowsOf = (
  table: AnyTable,
  { rows }: Generation,
  keys: ReadonlyArray<StoredKey>
): ReadonlyMap<string, StoredRow> => {
  const found = new Map<string, StoredRow>()
  for (const key of keys) {
    const text = table.keyText(key)
    const row = rows.get(text)
    if (row !== undefined) found.set(text, row)
  }
  return found
}

/**
 * Returns the generation, if the table can read its rows; rows of another version it can read if no
 * column changed.
 */
export const readable = (
  generation: Generation | undefined,
  { columns, name, version }: AnyTable
): Result.Result<Generation | undefined, OtherVersionServes> => {
  if (generation === undefined || generation.version === version) return Result.succeed(generation)
  const isThere = (column: Column) => {
    const known = generation.columns.find((other) => other.name === column.name)
    if (known === undefined) return false
    return generation.rows.size === 0 || known.type === column.type || areTexts(known, column)
  }
  return columns.every(isThere)
    ? Result.succeed(generation)
    : Result.fail(new OtherVersionServes({ name, version, serving: generation.version }))
}

/**
 * Returns true if the stored forms of all columns are returned by a database as they are, and only
 * the schema of the field decides whether they are values of it.
 */
const areTexts = (...columns: ReadonlyArray<Column>): boolean =>
  columns.every(({ type }) => type === "text" || type === "uuid" || type === "jsonb")

export const write = (
  table: AnyTable,
  { rows }: Generation,
  { deletions, upserts }: Changes
): void => {
  for (const row of upserts) rows.set(table.keyText(row), row)
  for (const key of deletions) rows.delete(table.keyText(key))
}
