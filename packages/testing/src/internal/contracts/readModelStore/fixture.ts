/**
 * The tables, steps and claims that the cases of the read-model store suite use.
 *
 * Every case has its own read models, so the store may hold others and receive more. Cases are
 * values: a test runner runs them, or a caller that must know which of them a store breaks.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { Category } from "@daybook/kernel/StreamId"
import { ClaimLost, type ReadModelStoreError } from "@daybook/projections/ReadModelError"
import type {
  Changes,
  Claim,
  GenerationState,
  Load,
  Poison,
  Reached,
  Step
} from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { RowQuery } from "@daybook/projections/driver/RowQuery"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import type { EventStore } from "@daybook/store/EventStore"
import * as assert from "../../assert.ts"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Lets a lease run out without waiting for it. */
export class Leases extends Context.Service<
  Leases,
  { readonly runOut: (claim: Claim) => Effect.Effect<void, unknown> }
>()("@daybook/testing/ReadModelStoreLaws/Leases") {}

type Services = EventStore | ReadModelStore | Leases

/** The cases by their sentences. Each fails or dies when its sentence does not hold. */
export interface Cases {
  readonly [name: string]: Effect.Effect<void, unknown, Services>
}

/** Far longer than any case takes. */
export const LEASE = Duration.hours(1)

export const inParallel = { concurrency: "unbounded" } as const

export const freshName = (): string =>
  `suite_${SecureRandom.uuidV4Unsafe().slice(0, 13).replace("-", "_")}`

/** The source of the tables here, whose rows the cases write directly. */
const nothing = {
  category: Category.make("suite"),
  codec: EventCodec.make({ name: "suite", events: Schema.TaggedUnion({ Happened: {} }) })
}

/** Builds the table of a row schema, under a unique name unless one is given. */
export const tableOf = <Row extends object, const Key extends ReadonlyArray<keyof Row & string>>(
  row: Projection.RowSchema<Row>,
  primaryKey: Key,
  options: {
    readonly name?: string | undefined
    readonly version?: number | undefined
    readonly indexes?: ReadonlyArray<ReadonlyArray<keyof NoInfer<Row> & string>> | undefined
  } = {}
): ReadModelTable.ReadModelTable<Pick<Row, Key[number]>, Row> =>
  Result.getOrThrow(
    ReadModelTable.make(
      Projection.define({
        name: options.name ?? freshName(),
        version: options.version ?? 1,
        from: [nothing],
        row,
        primaryKey,
        indexes: options.indexes ?? []
      }).fold({
        keys: () => [],
        initial: () => undefined,
        apply: () => undefined
      })
    )
  )

const tallyFields = {
  id: Schema.String,
  count: Schema.Int,
  /** The events in the order in which they were counted. */
  counted: Schema.Array(Schema.String)
}

/** Builds a small table with counts. */
export const tallies = (
  options: {
    readonly name?: string | undefined
    readonly version?: number | undefined
    readonly indexes?: ReadonlyArray<ReadonlyArray<"id" | "count">> | undefined
  } = {}
): ReadModelTable.Any =>
  tableOf(Schema.Struct(tallyFields), ["id"], { indexes: [["count"]], ...options })

/** Builds the table of the same read model in another version, with other columns. */
export const talliesAgain = (name: string, version = 2): ReadModelTable.Any =>
  tableOf(
    Schema.Struct({ id: Schema.String, count: Schema.Finite, note: Schema.NullOr(Schema.String) }),
    ["id"],
    {
      name,
      version
    }
  )

export const tally = (id: string, count: number): StoredRow => ({ id, count, counted: [] })

/** The id of the event at a position of an imaginary log. */
export const eventIdAt = (position: number): EventId.EventId =>
  EventId.make(`00000000-0000-4000-8000-${String(position).padStart(12, "0")}`)

/** The mark of the event at a position of an imaginary log. */
export const eventAt = (position: number): EventMark.EventMark =>
  EventMark.at(eventIdAt(position), position)

/** A position with its event. */
export const reached = (position: number): Reached => ({
  position: at(position),
  event: eventAt(position)
})

export const at = (position: number): Position.Position => Position.make(BigInt(position))

/** A step before its fold. */
export interface Folding<E> extends Omit<Step, "changes">, Load {
  readonly fold: (rows: ReadonlyMap<string, StoredRow>) => Result.Result<Changes, E>
}

/** Loads the rows of a step, folds, and writes the changes, as a runner does. */
export const take = Effect.fnUntraced(function* <E>(
  store: ReadModelStore["Service"],
  table: ReadModelTable.Any,
  claim: Claim,
  { fold, keys, ...step }: Folding<E>
): Effect.fn.Return<void, E | ClaimLost | ReadModelStoreError> {
  const rows = yield* store.load(table, claim, { ...step, keys })
  const changes = yield* Effect.fromResult(fold(rows))
  yield* store.advance(table, claim, { ...step, changes })
})

/** Renews a claim, and moves its checkpoint from one position to another if they are given. */
export const renew = Effect.fnUntraced(function* (claim: Claim, from?: number, to: number = 0) {
  const store = yield* ReadModelStore
  const checkpoint = from === undefined ? undefined : { from: at(from), to: reached(to) }
  const outcomes = yield* store.renew([{ claim, checkpoint }])
  const { epoch, generation, name } = claim
  if (outcomes[0] === "lost") return yield* new ClaimLost({ name, generation, epoch })
  assert.deepStrictEqual(outcomes, ["renewed"])
})

/** Builds a step that leaves the rows alone by default. */
export const step = <E = never>(
  from: number,
  to: number,
  fields: Partial<Folding<E>> = {}
): Folding<E> => ({
  partition: 0,
  from: at(from),
  to: at(to),
  event: eventAt(to),
  keys: [],
  fold: () => Result.succeed({ upserts: [], deletions: [] }),
  events: 1,
  eventsPerSecond: 0,
  ...fields
})

const keyOf = (table: ReadModelTable.Any, row: StoredRow): StoredRow =>
  Object.fromEntries(table.primaryKey.map(({ field }) => [field, row[field] ?? null]))

/** Builds a step that writes rows, whatever rows there were. */
export const put = (
  table: ReadModelTable.Any,
  from: number,
  to: number,
  rows: ReadonlyArray<StoredRow>,
  fields: Partial<Folding<never>> = {}
): Folding<never> =>
  step(from, to, {
    keys: rows.map((row) => keyOf(table, row)),
    fold: () => Result.succeed({ upserts: rows, deletions: [] }),
    events: rows.length,
    ...fields
  })

/** Builds a step that increments a stored tally by one. */
export const countUp = (
  from: number,
  to: number,
  id: string,
  fields: Partial<Folding<never>> = {}
): Folding<never> =>
  step(from, to, {
    keys: [{ id }],
    fold: (rows) => {
      const row = Array.from(rows.values()).find((one) => one["id"] === id)
      return Result.succeed({
        upserts: [tally(id, Number(row?.["count"] ?? 0) + 1)],
        deletions: []
      })
    },
    ...fields
  })

export const all: RowQuery = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }

/** Reads the serving rows, or those of a generation, in the order of the query. */
export const rowsOf = (
  table: ReadModelTable.Any,
  query: Partial<RowQuery> = {},
  generation?: number
) =>
  Effect.flatMap(ReadModelStore, (store) =>
    Stream.runCollect(store.query(table, { ...all, ...query }, generation))
  )

export const countOf = Effect.fnUntraced(function* (table: ReadModelTable.Any, id: string) {
  const store = yield* ReadModelStore
  const row = yield* store.get(table, { id })
  return Option.getOrUndefined(row)?.["count"]
})

/** Reads all generations of the read model, by their number. */
export const statesOf = ({ name }: Pick<GenerationState, "name">) =>
  Effect.flatMap(ReadModelStore, (store) => store.states(name))

export const stateOf = Effect.fnUntraced(function* ({
  generation,
  name
}: Pick<GenerationState, "name" | "generation">) {
  const state = (yield* statesOf({ name })).find((one) => one.generation === generation)
  return state ?? assert.fail(`${name} has no generation ${generation}`)
})

/** Reads the number and role of each generation. */
export const rolesOf = (of: Pick<GenerationState, "name">) =>
  Effect.map(statesOf(of), (states) => states.map(({ generation, role }) => [generation, role]))

/** Takes a claim that must be free. */
export const claimOf = Effect.fnUntraced(function* (
  of: Pick<Claim, "name" | "generation">,
  owner: string = "a host"
) {
  const store = yield* ReadModelStore
  const claim = yield* store.claim(of, owner, LEASE)
  return Option.getOrElse(claim, () => assert.fail(`${of.name} is free to be claimed`))
})

/** Opens the table, claims its serving generation, and steps it to position 1 with the rows. */
export const serve = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyArray<StoredRow> = []
) {
  const store = yield* ReadModelStore
  const { serving } = yield* store.open(table)
  const claim = yield* claimOf(serving)
  yield* take(store, table, claim, put(table, 0, 1, rows))
  return claim
})

/** Begins a shadow of the table's version, and claims it. */
export const begin = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  parallelism: number = 1
) {
  const store = yield* ReadModelStore
  const begun = yield* store.beginShadow(table, { parallelism, owner: "a builder", lease: LEASE })
  return Option.getOrElse(begun.claim, () => assert.fail(`${table.name} has a shadow to claim`))
})

/** Begins and claims a shadow, and steps it to position 1 with the rows. */
export const shadow = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyArray<StoredRow> = []
) {
  const store = yield* ReadModelStore
  const claim = yield* begin(table)
  yield* take(store, table, claim, put(table, 0, 1, rows))
  return claim
})

export const runOut = (claim: Claim) => Effect.flatMap(Leases, ({ runOut }) => runOut(claim))

/** Puts a shadow that has caught up in the place of the serving generation. */
export const switchTo = (table: ReadModelTable.Any, claim: Claim, compare = false) =>
  Effect.flatMap(ReadModelStore, (store) =>
    store.promote(table, claim, { compare, catchUp: () => Effect.void })
  )

/** Lists the fields of an error, without its stack. */
export const factsOf = (error: object): object => ({ ...error })

/** Asserts that an action under the claim fails with `ClaimLost` and changes nothing. */
export const isLost = Effect.fnUntraced(function* <A, E, R>(
  claim: Claim,
  effect: Effect.Effect<A, E, R>
) {
  const { epoch, generation, name } = claim
  const answer = yield* Effect.result(effect)
  const error = Result.isFailure(answer) ? answer.failure : assert.fail("the claim is lost")
  assert.instanceOf(error, ClaimLost)
  assert.deepStrictEqual(factsOf(error), factsOf(new ClaimLost({ name, generation, epoch })))
})

export const poison = (position: number, fields: Partial<Poison> = {}): Poison => ({
  position: at(position),
  streamId: "till-1",
  revision: 7,
  type: "Sold",
  reason: "Threw",
  issue: "Error: it can't be folded",
  ...fields
})

/** Yields to other fibers that only wait for their turn. */
export const others = Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, {
  discard: true
})
