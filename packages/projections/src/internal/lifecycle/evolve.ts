/**
 * The state of a read model after an event.
 */
import * as Arr from "effect/Array"
import * as Listed from "@daybook/kernel/Listed"
import * as Position from "@daybook/kernel/Position"
import { Event } from "./event.ts"
import { type Generation, LAST_EPOCH, type Progress, type State } from "./state.ts"

/** Returns the state after an event. Total: an event of an unknown generation changes nothing. */
export const evolve = (state: State, event: Event): State =>
  Event.match(event, {
    TableMade: ({ description, generation, log, partitions, role, version }): State => ({
      ...state,
      generations: [
        ...state.generations.filter(({ number }) => number !== generation),
        {
          number: generation,
          version,
          description,
          log,
          role,
          mode: "async",
          partitions: Arr.makeBy(partitions, () => start),
          epoch: 0,
          owner: null,
          leaseEnds: 0,
          poison: null,
          accepted: false,
          leftBehind: Listed.none
        }
      ]
    }),
    TableEmptied: ({ generation }): State =>
      change(state, generation, ({ partitions }) => ({
        partitions: Arr.map(partitions, ({ leaseEnds }) => ({ ...start, leaseEnds }))
      })),
    TablesSwapped: ({ epoch, mode, serving, shadow }): State =>
      change(retire(state, serving, epoch), shadow, ({ partitions }) => ({
        role: "serving",
        mode,
        partitions: [together(partitions)],
        ...unclaimed(epoch)
      })),
    TableDropped: ({ generation }): State => ({
      ...state,
      generations: state.generations.filter(({ number }) => number !== generation)
    }),
    LogBound: ({ log }): State => changeAll(state, (known) => ({ log: known.log ?? log })),
    LogChanged: ({ generation, log }): State => change(state, generation, () => ({ log })),
    DifferencesAllowed: ({ accepted, generation }): State =>
      change(state, generation, () => ({ accepted })),
    Claimed: ({ epoch, generation, leaseEnds, owner }): State =>
      change(drawn(state, epoch), generation, () => ({ poison: null, owner, epoch, leaseEnds })),
    LeaseExtended: ({ generation, leaseEnds }): State =>
      change(state, generation, () => ({ leaseEnds })),
    ClaimEnded: ({ epoch, generation }): State =>
      change(drawn(state, epoch), generation, () => unclaimed(epoch)),
    Advanced: ({
      events,
      eventsPerSecond,
      event,
      generation,
      leaseEnds,
      partition,
      position
    }): State =>
      change(state, generation, ({ partitions }) => ({
        partitions: Arr.map(partitions, (known, index) =>
          index === partition
            ? { position, event, events: add(known.events, events), eventsPerSecond, leaseEnds }
            : known
        )
      })),
    Marked: ({ event, generation, position }): State =>
      change(state, generation, ({ partitions: [first] }) => ({
        partitions: [{ ...first, position, event }]
      })),
    Stopped: ({ generation, poison }): State => change(state, generation, () => ({ poison })),
    StopEnded: ({ generation }): State => change(state, generation, () => ({ poison: null })),
    Paused: (): State => ({ ...state, paused: true }),
    Resumed: (): State => ({ ...changeAll(state, () => ({ poison: null })), paused: false }),
    Skipped: ({ event, version }): State => ({
      ...state,
      skipped: [...state.skipped, { version, event }]
    }),
    Retired: ({ epoch, generation }): State => retire(state, generation, epoch),
    MadeInline: ({ epoch, generation }): State =>
      change(drawn(state, epoch), generation, () => ({ mode: "inline", ...unclaimed(epoch) })),
    MadeAsync: ({ epoch, event, generation, position }): State =>
      change(drawn(state, epoch), generation, ({ partitions: [first] }) => ({
        mode: "async",
        partitions: [{ ...first, position, event }],
        ...unclaimed(epoch)
      })),
    Acted: (): State => state
  })

const start: Progress = {
  position: Position.start,
  event: null,
  events: 0,
  eventsPerSecond: 0,
  leaseEnds: 0
}

const unclaimed = (epoch: number) => ({ epoch, owner: null, leaseEnds: 0 })

const drawn = (state: State, epoch: number): State =>
  epoch < state.nextEpoch ? state : { ...state, nextEpoch: Math.min(epoch + 1, LAST_EPOCH) }

const retire = (state: State, generation: number, epoch: number): State =>
  change(drawn(state, epoch), generation, () => ({
    role: "retired",
    mode: "async",
    ...unclaimed(epoch)
  }))

/** Returns the progress of all partitions as that of one; they are at one position. */
const together = (partitions: Generation["partitions"]): Progress => ({
  ...partitions[0],
  events: partitions.reduce((sum, { events }) => add(sum, events), 0),
  eventsPerSecond: Math.max(...partitions.map(({ eventsPerSecond }) => eventsPerSecond)),
  leaseEnds: 0
})

const add = (a: number, b: number): number => Math.min(a + b, Number.MAX_SAFE_INTEGER)

const change = (
  state: State,
  number: number,
  fields: (generation: Generation) => Partial<Generation>
): State => changeAll(state, (one) => (one.number === number ? fields(one) : undefined))

/** Changes generations; those without changed fields stay the same objects. */
const changeAll = (
  state: State,
  fields: (generation: Generation) => Partial<Generation> | undefined
): State => ({
  ...state,
  generations: state.generations.map((generation) => {
    const changed = fields(generation)
    return changed === undefined ? generation : { ...generation, ...changed }
  })
})
