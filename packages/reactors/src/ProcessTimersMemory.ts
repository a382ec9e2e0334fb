/**
 * Timers of processes in memory, for tests and as the reference: they end with the process, like
 * `ConsumerGroupsMemory`.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { includes } from "./ConsumerGroup.ts"
import { type ProcessTimer, ProcessTimers } from "./ProcessTimers.ts"

/**
 * Provides timers that all users of the built layer share.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ProcessTimers> = Layer.sync(ProcessTimers, () => {
  const all = new Map<string, Map<string, ProcessTimer>>()
  const rowsOf = (process: string): Map<string, ProcessTimer> => {
    const found = all.get(process)
    if (found !== undefined) return found
    const rows = new Map<string, ProcessTimer>()
    all.set(process, rows)
    return rows
  }
  const sorted = (process: string): ReadonlyArray<ProcessTimer> =>
    Array.from(rowsOf(process).values()).toSorted(
      (a, b) => DateTime.toEpochMillis(a.due) - DateTime.toEpochMillis(b.due)
    )
  return ProcessTimers.of({
    now: DateTime.now,
    apply: (process, changes) =>
      Effect.sync(() => {
        for (const change of changes) {
          if (change.due === undefined) rowsOf(process).delete(keyOf(change))
          else rowsOf(process).set(keyOf(change), change)
        }
      }),
    next: (process, range, limit) =>
      Effect.sync(() =>
        sorted(process)
          .filter(({ slot }) => includes(range, slot))
          .slice(0, limit)
      ),
    remove: (process, timers) =>
      Effect.sync(() => {
        for (const timer of timers) {
          const key = keyOf(timer)
          if (rowsOf(process).get(key)?.setting === timer.setting) rowsOf(process).delete(key)
        }
      }),
    status: (process) =>
      Effect.sync(() => ({
        pending: rowsOf(process).size,
        next: Option.map(Option.fromUndefinedOr(sorted(process)[0]), ({ due }) => due)
      }))
  })
})

/** The id of a stream has no line break. */
const keyOf = ({ streamId, timer }: Pick<ProcessTimer, "streamId" | "timer">): string =>
  `${streamId}\n${timer}`
