/**
 * A read model in memory: its state, its rows, and its records.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { Act } from "../../ReadModelAct.ts"
import type { ClaimLost } from "../../ReadModelError.ts"
import type {
  Load,
  Marking,
  Renewal,
  Renewed,
  Skipped,
  Step
} from "../../driver/ReadModelGeneration.ts"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import { decide, type Events } from "../lifecycle/decide.ts"
import type { Transitioned } from "../../driver/ReadModelDriver.ts"
import type { Event } from "../lifecycle/event.ts"
import {
  advance,
  type Command,
  type CommandClaim,
  heldAt,
  mark as decideMark,
  type Rejection,
  renew as decideRenewal,
  servingOf,
  toCommand
} from "../../driver/ReadModelLifecycle.ts"
import { evolve } from "../lifecycle/evolve.ts"
import { empty, type State } from "../lifecycle/state.ts"
import { rowsOf, type Table, write } from "./tables.ts"

export interface Model {
  state: State
  /** By the number of the generation. */
  readonly tables: Map<number, Table>
  readonly skipped: Array<Skipped>
  readonly acts: Array<Act>
  /** An operation has one of the permits, and a fiber with the read model to itself has all. */
  readonly permits: Semaphore.Semaphore
}

/** More permits than there are operations at a time. */
export const ALL_PERMITS = 1_000_000

export const make = (name: Projection.Name): Model => ({
  state: empty(name),
  tables: new Map(),
  skipped: [],
  acts: [],
  permits: Semaphore.makeUnsafe(ALL_PERMITS)
})

/** Decides a command, and does what its events say. */
export const transition = (
  model: Model,
  command: Command,
  table?: AnyTable
): Result.Result<Transitioned, Rejection> => {
  const { at } = command
  return Result.map(decide(command, model.state), (events) => {
    apply(model, events, at, table)
    return { events, state: model.state, at }
  })
}

const apply = (model: Model, events: Events, at: number, table?: AnyTable): void => {
  for (const event of events) {
    record(model, event, at, table)
    model.state = evolve(model.state, event)
  }
}

/** Takes a step: moves the checkpoint, and writes the rows. */
export const step = (
  model: Model,
  table: AnyTable,
  claim: CommandClaim,
  { changes, ...step }: Step,
  at: number
): Result.Result<void, ClaimLost> =>
  Result.map(advance({ _tag: "Advance", at, claim, ...step }, model.state), (events) => {
    apply(model, events, at)
    const rows = model.tables.get(claim.generation)
    if (rows !== undefined) write(table, rows, changes)
  })

/** Renews a claim, and moves its checkpoint if the renewal says so. */
export const renew = (model: Model, renewal: Renewal, at: number): Renewed =>
  Result.match(renewed(model, renewal, at), {
    onSuccess: (events) => {
      apply(model, events, at)
      return "renewed"
    },
    onFailure: () => "lost"
  })

/** Moves the checkpoint of an inline generation, if it may be moved. */
export const mark = (model: Model, marking: Marking, at: number): void =>
  apply(model, decideMark(marking, model.state), at)

/** Returns the outcome of a renewal while another fiber has the read model to itself. */
export const unrenewed = (model: Model, renewal: Renewal, at: number): Renewed =>
  Result.isSuccess(renewed(model, renewal, at)) ? "busy" : "lost"

const renewed = ({ state }: Model, { checkpoint, claim }: Renewal, at: number) =>
  decideRenewal(
    { _tag: "Renew", at, claim: toCommand(claim), checkpoint: checkpoint ?? null },
    state
  )

/** Returns the rows of a step, by the text of their key. */
export const load = (
  model: Model,
  table: AnyTable,
  claim: CommandClaim,
  { from, keys, partition }: Load
): Result.Result<ReadonlyMap<string, StoredRow>, ClaimLost> => {
  if (keys.length === 0) return Result.succeed(new Map())
  return Result.map(heldAt(model.state, claim, partition, from), () => {
    const rows = model.tables.get(claim.generation)
    return rows === undefined ? new Map() : rowsOf(table, rows, keys)
  })
}

/** Keeps what an event says beside the state. */
const record = (model: Model, event: Event, at: number, table: AnyTable | undefined): void => {
  const { acts, skipped, state, tables } = model
  const { name } = state
  switch (event._tag) {
    case "TableMade":
      if (table === undefined) throw new Error(`${name} has no definition to make a table of`)
      tables.set(event.generation, { columns: table.columns, rows: new Map() })
      return
    case "TableEmptied":
      tables.get(event.generation)?.rows.clear()
      return
    case "TableDropped":
      tables.delete(event.generation)
      return
    case "Skipped": {
      const { event: mark, position, reason, version } = event
      const skippedAt = DateTime.makeUnsafe(at)
      skipped.push({ name, version, position, event: mark, reason, skippedAt })
      return
    }
    case "Acted":
      acts.push({
        name,
        act: event.act,
        at: DateTime.makeUnsafe(at),
        login: Option.none(),
        actor: Option.fromUndefinedOr(event.why.actor),
        reason: Option.fromUndefinedOr(event.why.reason),
        details: event.details
      })
      return
    default:
    // The other events change only the state.
  }
}

export const servingTable = ({ state, tables }: Model): Table | undefined => {
  const serving = servingOf(state)
  return serving && tables.get(serving.number)
}

/** Returns a function that undoes all changes to the state, and to the rows of a generation. */
export const undo = (model: Model, generation: number | undefined): (() => void) => {
  const { state } = model
  const [acts, skips] = [model.acts.length, model.skipped.length]
  const table = generation === undefined ? undefined : model.tables.get(generation)
  const rows = new Map(table?.rows)
  return () => {
    model.state = state
    model.acts.length = acts
    model.skipped.length = skips
    if (table === undefined) return
    table.rows.clear()
    for (const [key, row] of rows) table.rows.set(key, row)
  }
}
