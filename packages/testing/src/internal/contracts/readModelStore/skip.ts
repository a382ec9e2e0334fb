/**
 * Skipping an event on purpose.
 */
import * as Projection from "@daybook/kernel/Projection"
import { AlreadyFolded, ClaimLost } from "@daybook/projections/ReadModelError"
import { SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as assert from "../../assert.ts"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import {
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  eventAt,
  factsOf,
  freshName,
  inParallel,
  isLost,
  LEASE,
  others,
  poison,
  renew,
  rowsOf,
  serve,
  stateOf,
  statesOf,
  step,
  take,
  tallies
} from "./fixture.ts"

const skip = (
  { name, version }: Pick<ReadModelTable.Any, "name" | "version">,
  position: number,
  reason = "by somebody's word",
  options?: Parameters<ReadModelStore["Service"]["skip"]>[1]
) =>
  Effect.flatMap(ReadModelStore, (store) =>
    store.skip(
      {
        name,
        version,
        position: at(position),
        event: eventAt(position),
        reason: SkipReason.make(reason)
      },
      options
    )
  )

const skippedOf = ({ name }: Pick<ReadModelTable.Any, "name">) =>
  Effect.map(
    Effect.flatMap(ReadModelStore, (store) => store.skipped(name)),
    (skipped) => skipped.map(({ position, reason, version }) => [version, position, reason])
  )

export const skipCases: Cases = {
  "is recorded with its reason, once, and listed by position": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name } = table
    const second = { name, version: Projection.Version.make(2) }
    yield* store.open(table)
    assert.deepStrictEqual(yield* store.skipped(name), [])
    yield* skip(table, 12, "the second")
    yield* skip(second, 7, "the first, of another version")
    yield* skip(table, 7, "the first: \u{1F9FE} \"'\\")
    yield* skip(table, 12, "once more")
    yield* skip({ ...table, name: tallies().name }, 9)
    assert.deepStrictEqual(yield* skippedOf(table), [
      [1, at(7), "the first: \u{1F9FE} \"'\\"],
      [2, at(7), "the first, of another version"],
      [1, at(12), "the second"]
    ])
    const [first, , last] = yield* store.skipped(name)
    assert.strictEqual(first?.name, name)
    assert.isAtLeast(
      DateTime.toEpochMillis(first?.skippedAt ?? DateTime.makeUnsafe(0)),
      DateTime.toEpochMillis(last?.skippedAt ?? DateTime.makeUnsafe(1))
    )
  }),

  "is recorded for a read model that does not exist yet": Effect.gen(function* () {
    const table = tallies()
    yield* skip(table, 3)
    assert.deepStrictEqual(yield* statesOf(table), [])
    yield* serve(table)
    assert.lengthOf(yield* skippedOf(table), 1)
    assert.deepStrictEqual(yield* skippedOf({ name: Projection.Name.make(freshName()) }), [])
  }),

  "resumes a generation that the event stopped, and ends its claim": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const stopped = yield* serve(table)
    yield* store.stop(stopped, poison(5))
    yield* skip(table, 5)
    assert.deepStrictEqual((yield* stateOf(stopped)).poison, Option.none())
    const claim = yield* claimOf(stopped)
    yield* skip(table, 8)
    // The holder of the claim does not know that event 8 is skipped.
    yield* isLost(claim, take(store, table, claim, step(1, 9)))
    yield* isLost(claim, renew(claim))
    assert.deepStrictEqual((yield* stateOf(claim)).owner, Option.none())
    const knowing = yield* claimOf(claim)
    yield* skip(table, 8)
    yield* take(store, table, knowing, step(1, 9))
  }),

  "does not resume a generation that another event stopped": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const stopped = yield* serve(table)
    yield* store.stop(stopped, poison(5))
    yield* skip(table, 8)
    assert.deepStrictEqual((yield* stateOf(stopped)).poison, Option.some(poison(5)))
    assert.deepStrictEqual(yield* store.claim(stopped, "a host", LEASE), Option.none())
  }),

  "restarts shadows of the same version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table)
    const shadow = yield* begin(table, 2)
    yield* take(store, table, shadow, countUp(0, 9, "a", { partition: 0, eventsPerSecond: 5 }))
    yield* take(store, table, shadow, countUp(0, 3, "b", { partition: 1 }))
    yield* store.stop(shadow, poison(4))
    yield* skip(table, 7)
    assert.deepStrictEqual(yield* rowsOf(table, {}, shadow.generation), [])
    const { checkpoints, events, eventsPerSecond, owner, ...state } = yield* stateOf(shadow)
    assert.deepStrictEqual(
      { checkpoints, events, eventsPerSecond, owner, poison: state.poison },
      {
        checkpoints: [at(0), at(0)],
        events: 0,
        eventsPerSecond: 0,
        owner: Option.none(),
        poison: Option.none()
      }
    )
    const again = yield* claimOf(shadow)
    yield* take(store, table, again, countUp(0, 9, "a", { partition: 0 }))
  }),

  "restarts all partitions of a shadow while they are written": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* serve(table)
    const shadow = yield* begin(table, 3)
    const writing = Effect.forEach(
      [0, 1, 2],
      (partition) =>
        Effect.gen(function* () {
          for (let n = 0; n < 20; n++) {
            const next = countUp(n, n + 1, `row ${partition}`, { partition })
            const taken = yield* Effect.result(take(store, table, shadow, next))
            if (Result.isSuccess(taken)) continue
            return assert.instanceOf(taken.failure, ClaimLost)
          }
        }),
      inParallel
    )
    yield* Effect.all([writing, Effect.andThen(others, skip(table, 99))], inParallel)
    assert.deepStrictEqual(yield* rowsOf(table, {}, shadow.generation), [])
    assert.deepStrictEqual((yield* stateOf(shadow)).checkpoints, [at(0), at(0), at(0)])
  }),

  "leaves other versions alone": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const next = tallies({ name: table.name, version: 2 })
    const serving = yield* serve(table)
    const shadow = yield* begin(next)
    yield* take(store, next, shadow, countUp(0, 1, "a"))
    yield* skip(next, 9)
    yield* take(store, table, serving, countUp(1, 10, "a"))
    yield* isLost(shadow, take(store, next, shadow, countUp(1, 2, "a")))
    assert.deepStrictEqual(yield* rowsOf(next, {}, shadow.generation), [])
    const again = yield* claimOf(shadow)
    yield* skip(table, 11)
    yield* take(store, next, again, countUp(0, 1, "a"))
  }),

  "is refused when the serving rows include the event": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name, version } = table
    const claim = yield* serve(table)
    const shadow = yield* begin(table)
    yield* take(store, table, claim, countUp(1, 6, "a"))
    yield* take(store, table, shadow, countUp(0, 1, "a"))
    const before = yield* statesOf(table)
    for (const position of [1, 6]) {
      const error = yield* Effect.flip(skip(table, position))
      assert.instanceOf(error, AlreadyFolded)
      assert.deepStrictEqual(
        factsOf(error),
        factsOf(new AlreadyFolded({ name, version, position: at(position), checkpoint: at(6) }))
      )
    }
    assert.deepStrictEqual(yield* store.skipped(name), [])
    assert.deepStrictEqual(yield* statesOf(table), before)
    yield* take(store, table, claim, countUp(6, 7, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "applies to a stopped shadow even when the serving rows are past it in a lost history":
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const claim = yield* serve(table)
      const shadow = yield* begin(table)
      // The state after a restore: the serving rows hold events that the log has lost.
      yield* take(store, table, claim, countUp(1, 6, "a"))
      yield* take(store, table, shadow, countUp(0, 1, "a"))
      yield* store.stop(shadow, poison(2))
      assert.instanceOf(yield* Effect.flip(skip(table, 2)), AlreadyFolded)
      yield* skip(table, 2, "too large", { ofLostHistory: true })
      assert.lengthOf(yield* store.skipped(table.name), 1)
      const again = yield* claimOf(shadow)
      yield* take(store, table, again, countUp(0, 1, "a"))
      assert.deepStrictEqual(yield* rowsOf(table, {}, shadow.generation), [
        { id: "a", count: 1, counted: [] }
      ])
      assert.strictEqual(yield* countOf(table, "a"), 1)
    }),

  "is refused for an inline read model, which includes all events": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    yield* store.makeInline(yield* serve(table), Effect.void)
    assert.instanceOf(yield* Effect.flip(skip(table, 1_000_000)), AlreadyFolded)
    assert.deepStrictEqual(yield* skippedOf(table), [])
  })
}
