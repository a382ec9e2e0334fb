/**
 * Making a read model inline, and making it async again.
 */
import { InlineVersionMismatch } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore } from "@daybook/store/EventStore"
import * as assert from "../../assert.ts"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { freshCategory, streamOf } from "../eventStore/fixture.ts"
import {
  at,
  begin,
  type Cases,
  claimOf,
  countOf,
  countUp,
  inParallel,
  isLost,
  LEASE,
  others,
  reached,
  renew,
  rowsOf,
  serve,
  shadow,
  stateOf,
  switchTo,
  take,
  tallies,
  tally
} from "./fixture.ts"
import { append, foldTallies, positionsOf, promoted, row, touching, twoStreams } from "./keeping.ts"

export const makeInlineCases: Cases = {
  "to appends ends the claim, after the last steps under it": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    yield* store.makeInline(claim, take(store, table, claim, countUp(1, 5, "a")))
    const { checkpoints, mode, owner } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, mode, owner], [[at(5)], "inline", Option.none()])
    assert.strictEqual(yield* countOf(table, "a"), 1)
    yield* isLost(claim, take(store, table, claim, countUp(5, 6, "a")))
    yield* isLost(claim, renew(claim))
    yield* isLost(claim, store.makeInline(claim, Effect.void))
    assert.deepStrictEqual(yield* store.claim(claim, "a host", LEASE), Option.none())
  }),

  "to appends does not happen when the last steps fail": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const claim = yield* serve(table)
    const why = { _tag: "NoMore" } as const
    const failing = Effect.andThen(take(store, table, claim, countUp(1, 5, "a")), Effect.fail(why))
    assert.strictEqual(yield* Effect.flip(store.makeInline(claim, failing)), why)
    const { checkpoints, mode } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, mode], [[at(1)], "async"])
    assert.deepStrictEqual(yield* rowsOf(table), [])
    yield* append([table], streamId, touching("a"))
    yield* take(store, table, claim, countUp(1, 5, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }),

  "to appends needs the newest claim of the serving generation": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const lost = yield* serve(table)
    const claim = yield* claimOf(lost)
    const building = yield* begin(table)
    let caughtUp = 0
    const catchUp = Effect.sync(() => void caughtUp++)
    yield* isLost(lost, store.makeInline(lost, catchUp))
    yield* isLost(building, store.makeInline(building, catchUp))
    yield* store.pause(table.name)
    yield* isLost(claim, store.makeInline(claim, catchUp))
    assert.strictEqual(caughtUp, 0)
    assert.strictEqual((yield* stateOf(claim)).mode, "async")
  }),

  "to appends makes them wait until it is complete": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const claim = yield* serve(table)
    const began = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const order: Array<string> = []
    const promoting = yield* Effect.forkScoped(
      store.makeInline(
        claim,
        Effect.gen(function* () {
          yield* Deferred.succeed(began, undefined)
          yield* Deferred.await(goOn)
          order.push("caught up")
        })
      )
    )
    yield* Deferred.await(began)
    const appending = yield* Effect.forkScoped(
      Effect.map(append([table], streamId, touching("a")), () => order.push("appended"))
    )
    yield* others
    yield* Deferred.succeed(goOn, undefined)
    yield* Fiber.join(promoting)
    yield* Fiber.join(appending)
    assert.deepStrictEqual(order, ["caught up", "appended"])
    assert.strictEqual(yield* countOf(table, "a"), 1)
  }).pipe(Effect.scoped),

  "back starts at the given checkpoint": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    const { generation, name } = yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    yield* store.makeAsync(name, Effect.succeed(reached(77)))
    const { checkpoints, mode, owner } = yield* stateOf({ name, generation })
    assert.deepStrictEqual([checkpoints, mode, owner], [[at(77)], "async", Option.none()])
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 1)
    yield* take(store, table, yield* claimOf({ name, generation }), countUp(77, 78, "a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "back does nothing unless the read model is inline, and passes on its failure": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      yield* store.makeAsync(table.name, Effect.succeed(reached(9)))
      const claim = yield* serve(table)
      yield* store.makeAsync(table.name, Effect.succeed(reached(9)))
      assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
      yield* store.makeInline(claim, Effect.void)
      const why = { _tag: "NoHead" } as const
      assert.strictEqual(yield* Effect.flip(store.makeAsync(table.name, Effect.fail(why))), why)
      assert.strictEqual((yield* stateOf(claim)).mode, "inline")
    }
  ),

  "both ways loses no event and folds none twice during appends": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const events = yield* EventStore
    const table = tallies()
    const category = freshCategory()
    const streams = Arr.makeBy(4, (n) => streamOf(category, `${n}`))
    const { serving } = yield* store.open(table)
    const settled = events.checkpoint

    /** Steps from the checkpoint to the settled position. */
    const catchUp = (claim: Effect.Success<ReturnType<typeof claimOf>>) =>
      Effect.gen(function* () {
        const states = yield* store.states(claim.name)
        const [from = at(0)] = states[0]?.checkpoints ?? []
        const { event, position: to } = yield* settled
        if (to <= from) return
        const read = yield* Stream.runCollect(
          events.readAll({ after: from, upTo: to, categories: [category] })
        )
        yield* take(store, table, claim, {
          partition: 0,
          from,
          to,
          event,
          keys: [{ id: "a" }],
          fold: (rows) => Result.succeed(foldTallies(read, rows)),
          events: read.length,
          eventsPerSecond: 0
        })
      })

    const appending = Effect.forEach(
      streams,
      (streamId) =>
        Effect.forEach(Arr.range(1, 12), () => append([table], streamId, touching("a"))),
      inParallel
    )
    const handing = Effect.gen(function* () {
      for (let round = 0; round < 4; round++) {
        const claim = yield* claimOf(serving)
        yield* catchUp(claim)
        yield* store.makeInline(claim, catchUp(claim))
        yield* Effect.yieldNow
        yield* store.makeAsync(table.name, settled)
      }
    })
    yield* Effect.all([appending, handing], inParallel)
    yield* catchUp(yield* claimOf(serving))
    const counted = yield* positionsOf("a", ...streams)
    assert.lengthOf(counted, 48)
    assert.deepStrictEqual(yield* row(table, "a"), { id: "a", count: 48, counted })
  }),

  "outlasts a switch to a newer version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const [streamId] = twoStreams()
    yield* promoted(table)
    yield* append([table], streamId, touching("a"))
    const next = tallies({ name: table.name, version: 2 })
    const serving = yield* switchTo(next, yield* shadow(next, [tally("a", 10)]))
    assert.strictEqual(serving.mode, "inline")
    yield* append([next], streamId, touching("a"))
    assert.strictEqual(yield* countOf(next, "a"), 11)
    assert.instanceOf(
      yield* Effect.flip(append([table], streamId, touching("a"))),
      InlineVersionMismatch
    )
    yield* store.makeAsync(table.name, Effect.succeed(reached(99)))
  })
}
