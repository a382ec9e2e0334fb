/**
 * A log that is restored to earlier times: the history of each time between two restores, which is audited on its own.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { AppendError, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type { Restore } from "@daybook/store/EventStoreMemory"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Dice, webCrypto } from "./dice.ts"

export interface Epochs {
  /** How often the log was restored. */
  readonly now: () => number
  readonly restorable: () => ReadonlyArray<"log-restored">
  /** Restores the log; whether it lost anything by that. */
  readonly restore: (dice: Dice) => boolean
  /** By epoch all events of the category that the log had at its end, given those that it has now. */
  readonly logs: (log: ReadonlyArray<RecordedEvent>) => ReadonlyArray<ReadonlyArray<RecordedEvent>>
}

/** Each restore makes an epoch, and more of them would leave little to lose. */
const MOST = 2

export const make = (
  /** None where the log is of a store that can't be restored. */
  restore: Restore | undefined,
  events: EventStore["Service"],
  rows: ReadModelStore["Service"],
  inline: ReadonlyArray<Projection.Any>,
  isOfCategory: (event: RecordedEvent) => boolean
): Epochs => {
  const restores: Array<{ upTo: bigint; lost: ReadonlyArray<RecordedEvent> }> = []

  /**
   * Up to where appends keep rows that nothing says of: a restore to a moment since their marks does not show in them, so rows that are
   * restored apart from their log are asked for again by who does that. Here it is a restore that shows.
   */
  const lowestMark = (): bigint | undefined => {
    let lowest: bigint | undefined
    for (const { name } of inline) {
      const states = Effect.runSyncExit(rows.states(name))
      if (Exit.isFailure(states)) return 0n
      for (const { checkpoints, mode, role } of states.value) {
        if (role !== "serving" || mode !== "inline") continue
        for (const mark of checkpoints)
          lowest = lowest === undefined || mark < lowest ? mark : lowest
      }
    }
    return lowest
  }

  return {
    now: () => restores.length,
    restorable: () => (restore === undefined || restores.length === MOST ? [] : ["log-restored"]),
    restore: (dice) => {
      if (restore === undefined) return false
      const mark = lowestMark()
      if (mark === 0n) return false
      const head = Number(Effect.runSync(events.head))
      const bound = mark === undefined ? head : Math.min(Number(mark), head)
      if (bound === 0) return false
      // Most backups are of a moment ago.
      const upTo = BigInt(
        dice.chance(0.7) ? bound - 1 - dice.below(Math.min(bound, 8)) : dice.below(bound)
      )
      const lost = Effect.runSync(restore(Position.make(upTo)))
      if (!Arr.isReadonlyArrayNonEmpty(lost)) return false
      Effect.runSync(Effect.orDie(fill(events, lost, dice)))
      restores.push({ upTo: lost[0].position - 1n, lost: lost.filter(isOfCategory) })
      return true
    },
    logs: (log) => {
      const logs = [log]
      let later = log
      for (const { lost, upTo } of restores.toReversed()) {
        later = [...later.filter(({ position }) => position <= upTo), ...lost]
        logs.unshift(later)
      }
      return logs
    }
  }
}

/**
 * Others append as much as was lost before anybody sends a command again. One that comes to the very position that it was lost from
 * has the id that it had, so that nothing tells it from the event of before: see the guide on backups.
 */
const fill = (
  events: EventStore["Service"],
  lost: Arr.NonEmptyReadonlyArray<RecordedEvent>,
  dice: Dice
): Effect.Effect<unknown, AppendError> => {
  const ids = webCrypto(dice, () => new ArrayBuffer(0))
  return events.append({
    streamId: OTHERS,
    expected: ExpectedRevision.any,
    events: Arr.map(lost, ({ occurredAt }) => ({
      id: EventId.make(ids.randomUUID()),
      type: "Noted",
      schemaVersion: 1,
      data: null,
      metadata: {},
      occurredAt
    }))
  })
}

const OTHERS = StreamId.StreamId.make("simulation_others-1")
