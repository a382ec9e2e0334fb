/**
 * Who may write a generation of the memory store, and whether anybody may.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Position from "@daybook/kernel/Position"
import * as Result from "effect/Result"
import type { Why } from "../ReadModelAct.ts"
import { AlreadyFolded, ClaimLost } from "../ReadModelError.ts"
import type { Claim, Poison, Skipped } from "../ReadModelGeneration.ts"
import { record } from "./memoryActs.ts"
import {
  empty,
  find,
  free,
  type Generation,
  lowest,
  modelOf,
  type Models
} from "./memoryGenerations.ts"

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

/** The generation, if this is the newest claim of it, and nothing keeps it from being written. */
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

/** The same, if it has that role and may be written. */
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

/** The same, if a step may be taken from where it says. */
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

export const pause = (models: Models, name: string): void => {
  const model = models.get(name)
  if (model !== undefined && model.generations.length > 0) model.paused = true
}

export const resume = (models: Models, name: string): void => {
  const model = models.get(name)
  if (model === undefined) return
  model.paused = false
  for (const generation of model.generations) generation.poison = undefined
}

export const skippedOf = (models: Models, name: string): ReadonlyArray<Skipped> =>
  (models.get(name)?.skipped ?? []).toSorted((a, b) =>
    a.position === b.position ? a.version - b.version : a.position < b.position ? -1 : 1
  )

export const skip = (
  models: Models,
  skipped: Omit<Skipped, "skippedAt">,
  by: Pick<Why, "actor"> | undefined,
  millis: number
): Result.Result<void, AlreadyFolded> => {
  const { eventId, name, position, version } = skipped
  const model = modelOf(models, name)
  const known = model.skipped.some((one) => one.version === version && one.eventId === eventId)
  if (known) return Result.void
  const ofVersion = model.generations.filter(
    (generation) => generation.version === version && generation.role !== "retired"
  )
  const serving = ofVersion.find(({ role }) => role === "serving")
  if (serving !== undefined) {
    const checkpoint = lowest(serving)
    if (serving.mode === "inline" || checkpoint >= position) {
      return Result.fail(new AlreadyFolded({ name, version, position, checkpoint }))
    }
  }
  model.skipped.push({ ...skipped, skippedAt: DateTime.makeUnsafe(millis) })
  const details = { version, position: String(position) }
  record(model, "skip", { ...by, reason: skipped.reason }, details, millis)
  for (const generation of ofVersion) {
    free(generation)
    if (generation.poison?.position === position) generation.poison = undefined
    if (generation.role !== "shadow") continue
    generation.poison = undefined
    empty(generation)
  }
  return Result.void
}
