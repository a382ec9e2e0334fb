/**
 * The acts on a read model in memory: pauses, skips, switches and drops.
 */
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type { Why } from "../../ReadModelAct.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import { AlreadyFolded } from "../../ReadModelError.ts"
import type { Reached, Skipped } from "../../ReadModelGeneration.ts"
import { record } from "./acts.ts"
import {
  find,
  free,
  type Generation,
  lowest,
  modelOf,
  type Models,
  retire,
  together
} from "./generations.ts"

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
  { ofLostHistory = false, ...by }: Parameters<ReadModelStore["Service"]["skip"]>[1] = {},
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
  if (serving !== undefined && !ofLostHistory) {
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

const empty = (generation: Generation): void => {
  generation.rows.clear()
  generation.events = 0
  generation.rates = generation.rates.map(() => 0)
  generation.checkpoints = generation.checkpoints.map(() => Position.start)
  generation.anchors = generation.anchors.map(() => null)
}

/** Empties a shadow and begins it again from the start of a log. */
export const restart = (generation: Generation, log: LogId): void => {
  empty(generation)
  generation.log = log
}

/** Records the position of an inline read model whose checkpoint is still the compared one. */
export const mark = (
  generation: Generation,
  compared: Reached,
  { event, position }: Reached
): void => {
  const [at] = generation.checkpoints
  const [anchor = null] = generation.anchors
  if (at !== compared.position || anchor !== compared.event) return
  if (generation.mode !== "inline" || at >= position) return
  generation.checkpoints = [position]
  generation.anchors = [event]
}

export const switchOver = (shadow: Generation, serving: Generation): void => {
  const { mode } = serving
  retire(serving)
  shadow.role = "serving"
  shadow.mode = mode
  shadow.checkpoints = [together(shadow)]
  shadow.anchors = shadow.anchors.slice(0, 1)
  shadow.rates = [Math.max(...shadow.rates)]
  free(shadow)
  // Shadows of this version or an older one have nothing left to replace.
  for (const other of shadow.model.generations) {
    if (other.role === "shadow" && other.version <= shadow.version) retire(other)
  }
}

export const drop = (
  models: Models,
  name: Projection.Name,
  number: number,
  why: Why | undefined,
  millis: number
): void => {
  const generation = find(models, name, number)
  if (generation === undefined) return
  if (generation.role === "serving") {
    throw new Error(`generation ${number} of ${name} serves, and is not dropped`)
  }
  const { model } = generation
  model.generations = model.generations.filter((other) => other !== generation)
  record(model, "drop", why, { generation: number }, millis)
}
