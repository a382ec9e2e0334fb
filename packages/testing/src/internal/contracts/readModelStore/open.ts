/**
 * Finding a read model and its definition, or creating it.
 */
import * as Projection from "@daybook/kernel/Projection"
import { DefinitionChanged, Superseded } from "@daybook/projections/ReadModelError"
import type { GenerationState } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as assert from "../../assert.ts"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import {
  at,
  begin,
  type Cases,
  claimOf,
  factsOf,
  freshName,
  inParallel,
  LEASE,
  put,
  rolesOf,
  rowsOf,
  runOut,
  serve,
  shadow,
  statesOf,
  switchTo,
  tableOf,
  take,
  tallies,
  talliesAgain,
  tally
} from "./fixture.ts"

const fresh = {
  generation: 1,
  log: Option.none(),
  role: "serving",
  mode: "async",
  checkpoints: [at(0)],
  anchors: [null],
  owner: Option.none(),
  paused: false,
  poison: Option.none(),
  leftBehind: { count: 0, first: [] },
  events: 0,
  eventsPerSecond: 0
} as const

/** A type for the effects of different calls. */
type Ask = Effect.Effect<unknown, unknown>

const beginning = { parallelism: 1, owner: "a builder", lease: LEASE }

export const openCases: Cases = {
  "creates a serving generation at position 0, without rows": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name, version } = table
    const opened = yield* store.open(table)
    const serving: GenerationState = { name, version, ...fresh }
    assert.deepStrictEqual(opened, { serving, shadow: Option.none() })
    assert.deepStrictEqual(yield* statesOf(table), [serving])
    assert.deepStrictEqual(yield* rowsOf(table), [])
    assert.deepStrictEqual(yield* store.get(table, { id: "a" }), Option.none())
  }),

  "creates one generation for many concurrent callers": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const asked = Array.from({ length: 8 }, () => table)
    const opened = yield* Effect.forEach(asked, (one) => store.open(one), inParallel)
    assert.deepStrictEqual(
      opened.map(({ serving }) => serving.generation),
      asked.map(() => 1)
    )
    assert.lengthOf(yield* statesOf(table), 1)
  }),

  "returns the existing generation unchanged": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, [tally("a", 1)])
    const { serving, shadow } = yield* store.open(table)
    assert.deepStrictEqual(serving.checkpoints, [at(1)])
    assert.strictEqual(serving.events, 1)
    assert.deepStrictEqual(serving.owner, Option.some("a host"))
    assert.deepStrictEqual(shadow, Option.none())
    assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
  }),

  "refuses a definition that changed without a new version, lists the lines, and changes nothing":
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tallies({ indexes: [["count"]] })
      const { name, version } = table
      yield* serve(table, [tally("a", 1)])
      const before = yield* statesOf(table)
      const changed = [
        [tallies({ name, indexes: [["id", "count"]] }), ["index (count)"], ["index (id, count)"]],
        [tallies({ name, indexes: [] }), ["index (count)"], []],
        [tallies({ name, indexes: [["count"], ["id", "count"]] }), [], ["index (id, count)"]]
      ] as const
      for (const [defined, was, is] of changed) {
        const asks: ReadonlyArray<Ask> = [
          store.open(defined),
          store.beginShadow(defined, beginning)
        ]
        for (const ask of asks) {
          const error = yield* Effect.flip(ask)
          assert.instanceOf(error, DefinitionChanged)
          assert.deepStrictEqual(
            factsOf(error),
            factsOf(new DefinitionChanged({ name, version, stored: was, defined: is }))
          )
        }
      }
      assert.deepStrictEqual(yield* statesOf(table), before)
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
    }),

  "treats the same fields in another order as the same definition": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const name = freshName()
    const fields = { id: Schema.String, count: Schema.Int, note: Schema.NullOr(Schema.String) }
    const { count, id, note } = fields
    const indexes = [["count"], ["note", "id"]] as const
    const one = tableOf(Schema.Struct(fields), ["id"], { name, indexes })
    const other = tableOf(Schema.Struct({ note, count, id }), ["id"], {
      name,
      indexes: indexes.toReversed()
    })
    const row = { id: "a", count: 1, note: null }
    yield* serve(one, [row])
    assert.strictEqual((yield* store.open(other)).serving.generation, 1)
    assert.deepStrictEqual(yield* rowsOf(other), [row])
    const claim = yield* claimOf({ name: other.name, generation: 1 })
    const more = { id: "b", count: 2, note: "two" }
    yield* take(store, other, claim, put(other, 1, 2, [more]))
    assert.deepStrictEqual(yield* rowsOf(one), [row, more])
  }),

  "begins one shadow for a newer version, with the given number of partitions": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const { name } = table
      yield* serve(table, [tally("a", 1)])
      const next = talliesAgain(name)
      const opened = yield* Effect.forEach(
        Array.from({ length: 4 }, () => next),
        (one) => store.open(one, { parallelism: 3 }),
        inParallel
      )
      for (const { serving, shadow } of opened) {
        assert.deepStrictEqual([serving.generation, serving.version], [1, table.version])
        const begun: GenerationState = {
          name,
          version: next.version,
          ...fresh,
          generation: 2,
          role: "shadow",
          checkpoints: [at(0), at(0), at(0)],
          anchors: [null, null, null]
        }
        assert.deepStrictEqual(shadow, Option.some(begun))
      }
      assert.deepStrictEqual(yield* rolesOf(table), [
        [1, "serving"],
        [2, "shadow"]
      ])
      assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
      assert.deepStrictEqual(yield* rowsOf(next, {}, 2), [])
    }
  ),

  "refuses a changed definition of a shadow too": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name } = table
    yield* store.open(table)
    yield* store.open(tallies({ name, version: 2, indexes: [] }))
    const error = yield* Effect.flip(store.open(tallies({ name, version: 2 })))
    assert.instanceOf(error, DefinitionChanged)
    assert.deepStrictEqual([error.version, error.stored, error.defined], [2, [], ["index (count)"]])
    assert.lengthOf(yield* statesOf(table), 2)
  }),

  "begins a shadow for each newer version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name } = table
    yield* store.open(table)
    yield* store.open(tallies({ name, version: 3 }))
    const { shadow } = yield* store.open(tallies({ name, version: 2 }))
    assert.strictEqual(Option.getOrThrow(shadow).version, 2)
    assert.lengthOf(yield* statesOf(table), 3)
  }),

  "refuses a version that is older than the serving one": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies({ version: 2 })
    const { name, version } = table
    yield* serve(table, [tally("a", 1)])
    const older = tallies({ name, version: 1, indexes: [] })
    const asks: ReadonlyArray<Ask> = [store.open(older), store.beginShadow(older, beginning)]
    for (const ask of asks) {
      const error = yield* Effect.flip(ask)
      assert.instanceOf(error, Superseded)
      assert.deepStrictEqual(
        factsOf(error),
        factsOf(new Superseded({ name, version: Projection.Version.make(1), serving: version }))
      )
    }
    assert.lengthOf(yield* statesOf(table), 1)
  }),

  "begins a shadow of the serving version, claimed by its caller": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table, [tally("a", 1)])
    const { claim, shadow } = yield* store.beginShadow(table, { ...beginning, parallelism: 2 })
    const { epoch, generation, lease, name } = Option.getOrThrow(claim)
    assert.deepStrictEqual(
      { name, generation, lease },
      { name: table.name, generation: 2, lease: LEASE }
    )
    assert.isAbove(epoch, 0)
    assert.deepStrictEqual(shadow, {
      name,
      version: table.version,
      ...fresh,
      generation: 2,
      role: "shadow",
      checkpoints: [at(0), at(0)],
      anchors: [null, null],
      owner: Option.some("a builder")
    })
    const { serving, ...opened } = yield* store.open(table)
    assert.strictEqual(serving.generation, 1)
    assert.deepStrictEqual(opened.shadow, Option.some(shadow))
  }),

  "returns an existing shadow, and leaves it to its holder": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table)
    const claim = yield* shadow(table, [tally("a", 1)])
    const other = { parallelism: 3, owner: "another", lease: LEASE }
    const found = yield* store.beginShadow(table, other)
    assert.deepStrictEqual(found.claim, Option.none())
    assert.deepStrictEqual(
      [found.shadow.generation, found.shadow.owner, found.shadow.checkpoints],
      [2, Option.some("a builder"), [at(1)]]
    )
    yield* runOut(claim)
    const taken = yield* store.beginShadow(table, other)
    assert.isTrue(Option.isSome(taken.claim))
    assert.deepStrictEqual(taken.shadow.checkpoints, [at(1)])
    assert.deepStrictEqual(yield* rowsOf(table, {}, 2), [tally("a", 1)])
  }),

  "begins one shadow for many concurrent callers, and gives its claim to one": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* store.open(table)
      const begun = yield* Effect.forEach(
        Array.from({ length: 6 }, (_, n) => `builder ${n}`),
        (owner) => store.beginShadow(table, { ...beginning, owner }),
        inParallel
      )
      assert.lengthOf(
        begun.filter(({ claim }) => Option.isSome(claim)),
        1
      )
      assert.isTrue(begun.every(({ shadow }) => shadow.generation === 2))
      assert.lengthOf(yield* statesOf(table), 2)
    }
  ),

  "creates the serving generation too when a shadow comes first": Effect.gen(function* () {
    const table = tallies()
    yield* begin(table)
    assert.deepStrictEqual(yield* rolesOf(table), [
      [1, "serving"],
      [2, "shadow"]
    ])
  }),

  "returns no shadow once it serves": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.open(table)
    const next = tallies({ name: table.name, version: 2 })
    yield* switchTo(next, yield* shadow(next))
    const opened = yield* store.open(next)
    assert.deepStrictEqual(
      [opened.serving.generation, opened.serving.version, opened.shadow],
      [2, 2, Option.none()]
    )
    assert.instanceOf(yield* Effect.flip(store.open(table)), Superseded)
  }),

  "dies unless the number of partitions is whole and in range, and creates nothing": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const [table, newer] = [tallies(), tallies()]
      yield* store.open(newer)
      const next = tallies({ name: newer.name, version: 2 })
      for (const parallelism of [0, -1, 1.5, Number.NaN, 1_025]) {
        const asks: ReadonlyArray<Ask> = [
          store.open(next, { parallelism }),
          store.beginShadow(table, { ...beginning, parallelism })
        ]
        for (const ask of asks) {
          assert.isTrue(Exit.hasDies(yield* Effect.exit(ask)), String(parallelism))
        }
      }
      assert.lengthOf(yield* statesOf(newer), 1)
    }
  ),

  "lists all read models by name, and the generations of each": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const tables = Array.from({ length: 3 }, () => tallies())
    yield* Effect.forEach(tables, (table) => store.open(table))
    const names = tables.map(({ name }) => name)
    const own = (yield* store.states()).filter(({ name }) => names.includes(name))
    assert.deepStrictEqual(yield* store.states(...own.map(({ name }) => name)), own)
    assert.deepStrictEqual(
      own.map(({ name }) => name),
      names.toSorted()
    )
    assert.deepStrictEqual(yield* store.states(Projection.Name.make(freshName())), [])
  })
}
