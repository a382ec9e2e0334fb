/**
 * Commands to a read model in PostgreSQL: decided under locks, and carried out in one transaction.
 *
 * Commands that claims allow lock one generation, whose steps wait meanwhile. All others are
 * changes of the read model: no other change and no append that maintains it is in flight. A
 * decision without events needs no lock.
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import type * as Projection from "@daybook/kernel/Projection"
import type { AppendsStillOpen } from "@daybook/store/sql/OpenAppends"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Claim } from "../../driver/ReadModelGeneration.ts"
import type { DependentRefused, ForeignRelation } from "./errors.ts"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import { type Command, toCommand, type Transition } from "../lifecycle/command.ts"
import { decide, heldAs, type Rejection, waits } from "../lifecycle/decide.ts"
import type { Transitioned } from "../../driver/ReadModelDriver.ts"
import type { Event } from "../lifecycle/event.ts"
import { evolve } from "../lifecycle/evolve.ts"
import { servingOf, type State } from "../lifecycle/state.ts"
import type { Recorder } from "./acts.ts"
import { quoted } from "./columns.ts"
import { CHANGE_TIMEOUT, changing, holdTables, lockGeneration } from "./locks.ts"
import { readCommitted } from "./readCommitted.ts"
import * as Relations from "./relations.ts"
import { rename } from "./rename.ts"
import * as Skipped from "./skipped.ts"
import * as States from "./state.ts"
import * as TableSql from "./tableSql.ts"

export interface Database {
  readonly sql: SqlClient
  readonly schema: SchemaName
  readonly acts: Recorder
}

type Failure = Rejection | ForeignRelation | DependentRefused | SqlError

/** Runs a command. `table` is the definition for commands that begin generations. */
export const transition = Effect.fnUntraced(function* (
  database: Database,
  name: Projection.Name,
  command: Transition,
  table?: AnyTable
): Effect.fn.Return<Transitioned, Failure> {
  const { schema, sql } = database
  const looked = yield* readCommitted(sql, look(database, name, command))
  if (looked.events.length === 0) return looked
  const generation = lockedAlone(command)
  const carryOut = Effect.flatMap(
    Effect.suspend(() => judge(database, name, command)),
    (decided) => apply(database, decided, table)
  )
  if (generation === undefined) {
    return yield* changing(
      sql,
      schema,
      name,
      Effect.gen(function* () {
        const { events } = yield* look(database, name, command)
        for (const event of events) {
          // A drop that is refused waits for no reader. A dependent that is made during the wait
          // for the table is found when the table is dropped.
          if (event._tag === "TableDropped") {
            yield* Relations.droppable(sql, schema, name, event.generation)
          }
        }
        yield* holdTables(sql, yield* Relations.existing(sql, schema, name, gone(events)), "wait")
        yield* lockAll(database, name)
        return yield* carryOut
      })
    )
  }
  const isCallers = yield* inTransaction(sql)
  const lock = (whenLocked: "skip" | "wait") =>
    lockGeneration(sql, schema, { name, generation }, { isCallers, whenLocked })
  return yield* transaction(
    sql,
    Effect.gen(function* () {
      if (yield* lock("skip")) return yield* carryOut
      const seen = yield* look(database, name, command)
      if (!waits(command, seen.before)) return { ...seen, events: [], state: seen.before }
      yield* lock("wait")
      return yield* carryOut
    })
  )
})

/** Returns the generation that a command locks, if it is the only one and appends go on. */
const lockedAlone = (command: Transition): number | undefined => {
  switch (command._tag) {
    case "Claim":
      return command.generation
    case "Release":
    case "Stop":
      return command.claim.generation
    default:
      return undefined
  }
}

/**
 * Locks all generations. Their steps wait, and then find the changed generations.
 *
 * A command writes few of them. Locking only those would save a short wait, but a step of another
 * generation could move what the unlocked look has read, and the decision would name others.
 */
const lockAll = ({ schema, sql }: Database, name: Projection.Name): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `SELECT 1 FROM ${quoted(schema)}.daybook__generations WHERE name = $1
      ORDER BY generation FOR UPDATE`,
      [PgTypes.text(name)]
    )
  )

interface Decided extends Transitioned {
  readonly before: State
}

/** Decides on the state as it is, locked or not. */
const look = (
  database: Database,
  name: Projection.Name,
  command: Transition
): Effect.Effect<Decided, Rejection | SqlError> =>
  Effect.flatMap(readFor(database, name, command), ({ at, state }) =>
    decided({ ...command, at }, state)
  )

/** Decides on the state that the transaction has locked, at a time after the locks were taken. */
const judge = Effect.fnUntraced(function* (
  database: Database,
  name: Projection.Name,
  command: Transition
): Effect.fn.Return<Decided, Rejection | SqlError> {
  const { at, nextEpoch } = yield* States.draw(database.sql, database.schema)
  const { state } = yield* readFor(database, name, command)
  return yield* decided({ ...command, at }, { ...state, nextEpoch })
})

const decided = (command: Command, before: State): Effect.Effect<Decided, Rejection> =>
  Effect.fromResult(
    Result.map(decide(command, before), (events) => ({
      before,
      events,
      state: events.reduce(evolve, before),
      at: command.at
    }))
  )

const readFor = Effect.fnUntraced(function* (
  { schema, sql }: Database,
  name: Projection.Name,
  command: Transition
): Effect.fn.Return<States.Read, SqlError> {
  const read = yield* States.read(sql, schema, name)
  if (command._tag !== "Skip") return read
  const skipped = yield* Skipped.list(sql, schema, name)
  return { ...read, state: { ...read.state, skipped } }
})

/** Returns the generations whose tables are emptied or dropped. */
const gone = (events: ReadonlyArray<Event>): ReadonlyArray<number> =>
  events.flatMap((event) =>
    event._tag === "TableEmptied" || event._tag === "TableDropped" ? [event.generation] : []
  )

/** Does what the events say, and returns the state with what the database adds to it. */
const apply = Effect.fnUntraced(function* (
  { acts, schema, sql }: Database,
  { at, before, events, state }: Decided,
  table: AnyTable | undefined
): Effect.fn.Return<Transitioned, ForeignRelation | DependentRefused | SqlError> {
  const { name } = state
  let after = state
  let left = Listed.none
  for (const event of events) {
    switch (event._tag) {
      case "TableMade": {
        if (table === undefined) return yield* Effect.die(new Error(`no definition of ${name}`))
        const { generation, role } = event
        yield* Relations.create(sql, schema, table, { generation, serves: role === "serving" })
        break
      }
      case "TableEmptied":
        yield* Relations.empty(sql, schema, name, event.generation)
        break
      case "TableDropped":
        yield* Relations.drop(sql, schema, name, event.generation)
        break
      case "TablesSwapped": {
        // Readers may make any number of dependents, and the record of an act has a limit.
        left = Listed.make(yield* rename(sql, schema, name, event.serving, event.shadow))
        after = {
          ...after,
          generations: after.generations.map((one) =>
            one.number === event.shadow ? { ...one, leftBehind: left } : one
          )
        }
        if (left.count === 0) break
        yield* Effect.logWarning(
          printableLine(
            `${name}: generation ${event.serving} is retired and still has ${Listed.text(left)}`
          )
        )
        break
      }
      case "Skipped":
        yield* Skipped.record(sql, schema, name, event)
        break
      default:
      // The other events change only the state, and acts are recorded last.
    }
  }
  yield* States.save(sql, schema, before, after)
  for (const event of events) {
    if (event._tag !== "Acted") continue
    const details = left.count > 0 ? { ...event.details, leftBehind: { ...left } } : event.details
    yield* acts.record(event.act, name, event.why, details)
  }
  return { at, events, state: after }
})

/**
 * Runs an effect that has a read model to itself, in a transaction: steps of the serving and the
 * claimed generation wait, and so do appends that maintain it.
 */
export const exclusively = <A, E>(
  database: Database,
  { claim, name }: { readonly name: Projection.Name; readonly claim?: Claim },
  use: (held: States.Read) => Effect.Effect<A, E>
): Effect.Effect<A, E | AppendsStillOpen | SqlError> => {
  const { schema, sql } = database
  return changing(
    sql,
    schema,
    name,
    Effect.gen(function* () {
      const { state } = yield* States.read(sql, schema, name)
      const shadow = claim && heldAs(state, toCommand(claim), "shadow")
      const serving = servingOf(state)
      if (serving !== undefined && shadow !== undefined && Result.isSuccess(shadow)) {
        const tables = [
          { generation: serving.number, serves: true },
          { generation: shadow.success.number, serves: false }
        ].map((relation) => TableSql.relationIn(schema, name, relation))
        yield* holdTables(sql, tables, "go on")
      }
      yield* sql.unsafe(
        `SELECT 1 FROM ${quoted(schema)}.daybook__generations
        WHERE name = $1 AND (role = 'serving' OR generation = $2) ORDER BY generation FOR UPDATE`,
        [PgTypes.text(name), PgTypes.int4(claim?.generation ?? null)]
      )
      // A step may have got the locks first.
      return yield* use(yield* States.read(sql, schema, name))
    }),
    claim?.lease ?? CHANGE_TIMEOUT
  )
}
