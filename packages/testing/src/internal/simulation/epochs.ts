/**
 * A log that is restored to earlier times. Each epoch, the time between two restores, has its own
 * history and audit.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import type { AppendError, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type { Restore } from "@daybook/store/EventStoreMemory"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { type Dice, webCrypto } from "./dice.ts"

export interface Epochs {
  /** Returns the number of restores so far. */
  readonly now: () => number
  readonly restorable: () => ReadonlyArray<"log-restored">
  /** Restores the log; returns whether that lost any events. */
  readonly restore: (dice: Dice) => boolean
  /**
   * Returns, by epoch, all events of the category that the log had at its end, given its present
   * ones.
   */
  readonly logs: (log: ReadonlyArray<RecordedEvent>) => ReadonlyArray<ReadonlyArray<RecordedEvent>>
}

/**
 * The most restores of a history. Each starts an epoch, and more of them would leave little to
 * lose.
 */
const MOST = 2

export const make = (
  /** Undefined if the store of the log can't be restored. */
  restore: Restore | undefined,
  events: EventStore["Service"],
  rows: ReadModelStore["Service"],
  inline: ReadonlyArray<Projection.Any>,
  groups: GroupDriver,
  /** The names of the groups whose work is in the log: those of the processes. */
  recording: ReadonlyArray<string>,
  isOfCategory: (event: RecordedEvent) => boolean
): Epochs => {
  const restores: Array<{ upTo: bigint; lost: ReadonlyArray<RecordedEvent> }> = []

  /**
   * Returns the lowest mark of the inline rows. A restore to a position after the marks is
   * invisible in the rows, so an operator who restores rows apart from their log must rebuild them.
   * The simulation restores below the marks only, where the store detects it.
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

  /**
   * Restarts the groups of processes that do not notice a restore, since it is to a position after
   * their checkpoints: what they recorded later for events before these is lost. An operator who
   * restores a log apart from its groups must do so; those that notice it wait for `tend`.
   */
  const restartUnaware = (upTo: bigint) =>
    Effect.gen(function* () {
      const log = yield* events.identity
      for (const name of recording) {
        const state = yield* groups.state(name)
        const isUnaware = Option.exists(state, ({ ranges }) =>
          ranges.every(({ checkpoint }) => checkpoint.position <= upTo)
        )
        if (!isUnaware) continue
        yield* groups.restart(name, { log, position: Position.start, event: null }, {})
      }
    })

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
      // Most backups are recent.
      const upTo = BigInt(
        dice.chance(0.7) ? bound - 1 - dice.below(Math.min(bound, 8)) : dice.below(bound)
      )
      const lost = Effect.runSync(restore(Position.make(upTo)))
      if (!Arr.isReadonlyArrayNonEmpty(lost)) return false
      if (dice.chance(0.5)) Effect.runSync(Effect.orDie(fill(events, lost, dice)))
      const kept = lost[0].position - 1n
      Effect.runSync(Effect.orDie(restartUnaware(kept)))
      restores.push({ upTo: kept, lost: lost.filter(isOfCategory) })
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
 * Appends other events, as many as were lost, before any command is sent again. Without them an
 * event may come back to the position that it was lost from with the same id, and only its mark
 * distinguishes it from the lost one.
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
