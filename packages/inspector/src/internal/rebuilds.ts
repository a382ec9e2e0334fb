/**
 * The rebuilds that this host's inspector began, with their progress and their verdict.
 */
import type { Projections, RebuildError } from "@daybook/projections/Projections"
import type { Progress } from "@daybook/projections/ProjectionStatus"
import type { Why } from "@daybook/projections/ReadModelAct"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Rebuild } from "../OperationAnswer.ts"

/** The most rebuilds that are remembered. */
const KEPT = 50

export interface Rebuilds {
  /** Newest first. */
  readonly list: () => ReadonlyArray<Rebuild>
  /** Begins a rebuild, and returns when it has begun. It goes on without its caller. */
  readonly begin: (
    model: string,
    options: Why & { readonly accept?: boolean }
  ) => Effect.Effect<Rebuild, RebuildError>
}

export const make: Effect.Effect<
  (projections: Projections["Service"]) => Rebuilds,
  never,
  Scope.Scope
> = Effect.map(Effect.scope, (scope) => (projections) => {
  const rebuilds: Array<{ now: Rebuild }> = []
  return {
    list: () => rebuilds.map(({ now }) => now),
    begin: Effect.fnUntraced(function* (model, options) {
      const begun = yield* Deferred.make<Rebuild, RebuildError>()
      const versionServing = Effect.map(
        projections.generations(model),
        (all) => all.find(({ role }) => role === "serving")?.version
      )
      const { mismatch } = yield* projections.status(model)
      const before = yield* versionServing
      const entry = { now: beginning(model, options.actor, yield* DateTime.now) }
      yield* projections.rebuild(model, options).pipe(
        Stream.runForEach((progress) =>
          Effect.gen(function* () {
            const isFirst = entry.now.generation === undefined
            entry.now = after(entry.now, progress, yield* DateTime.now)
            if (progress.switched) {
              // Rows of another version, or of another history of the log, are not compared.
              const isProven =
                options.accept !== true &&
                Option.isNone(mismatch) &&
                before === (yield* versionServing)
              entry.now = { ...entry.now, verdict: isProven ? "equal" : "took over" }
            }
            if (!isFirst) return
            rebuilds.unshift(entry)
            rebuilds.length = Math.min(rebuilds.length, KEPT)
            yield* Deferred.succeed(begun, entry.now)
          })
        ),
        // A rebuild may also end by a defect, or with its host: the request ends with it.
        Effect.onExit((exit) =>
          Exit.isSuccess(exit)
            ? Deferred.die(begun, new Error(`a rebuild of ${model} without a beginning`))
            : Effect.gen(function* () {
                const error = Cause.findErrorOption(exit.cause)
                if (Option.isNone(error) && !Cause.hasInterruptsOnly(exit.cause)) {
                  yield* Effect.logError(`The rebuild of ${model} ended by a fault`, exit.cause)
                }
                entry.now = failed(entry.now, error, yield* DateTime.now)
                yield* Deferred.failCause(begun, exit.cause)
              })
        ),
        Effect.forkIn(scope)
      )
      return yield* Deferred.await(begun)
    })
  }
})

const beginning = (model: string, actor: string | undefined, begunAt: DateTime.Utc): Rebuild => ({
  model,
  ...(actor === undefined ? {} : { actor }),
  begunAt,
  fraction: 0,
  eventsPerSecond: 0,
  verdict: "running"
})

const after = (rebuild: Rebuild, progress: Progress, now: DateTime.Utc): Rebuild => {
  const { eventsPerSecond, fraction, generation, millisLeft, position, switched, target } = progress
  const { millisLeft: _, ...before } = rebuild
  return {
    ...before,
    generation,
    position,
    target,
    fraction,
    eventsPerSecond,
    ...(Option.isSome(millisLeft) ? { millisLeft: millisLeft.value } : {}),
    ...(switched ? { endedAt: now } : {})
  }
}

/** Ends a rebuild with its error; with none it ended by a fault of the host. */
const failed = (
  rebuild: Rebuild,
  error: Option.Option<RebuildError>,
  endedAt: DateTime.Utc
): Rebuild => {
  const { millisLeft: _, ...before } = rebuild
  if (Option.isNone(error)) return { ...before, endedAt, verdict: "failed", failure: FAULT }
  return error.value._tag === "RowsDiffer"
    ? {
        ...before,
        endedAt,
        verdict: "differs",
        differing: error.value.count,
        differences: error.value.differences
      }
    : { ...before, endedAt, verdict: "failed", failure: error.value.message }
}

const FAULT = "The host has a fault, which its own log describes"
