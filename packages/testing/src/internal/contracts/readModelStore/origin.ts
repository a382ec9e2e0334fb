/**
 * The log that a read model belongs to, and the history of its checkpoints and skips.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as EventId from "@daybook/kernel/EventId"
import * as LogId from "@daybook/kernel/LogId"
import { OtherLog, Superseded } from "@daybook/projections/ReadModelError"
import { type Reached, SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import * as assert from "../../assert.ts"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  at,
  begin,
  type Cases,
  countOf,
  countUp,
  eventAt,
  eventIdAt,
  factsOf,
  isLost,
  LEASE,
  reached,
  rowsOf,
  serve,
  shadow,
  stateOf,
  statesOf,
  step,
  switchTo,
  take,
  tallies,
  talliesAgain,
  tally
} from "./fixture.ts"
import { append, inlineOf, promoted, touching, twoStreams } from "./keeping.ts"

const freshLog = () => LogId.make(SecureRandom.uuidV4Unsafe())

const logsOf = (table: Parameters<typeof statesOf>[0]) =>
  Effect.map(statesOf(table), (states) =>
    states.map(({ generation, log }) => [generation, Option.getOrNull(log)])
  )

export const originCases: Cases = {
  "is the log for which a read model is opened; no other log is accepted": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name } = table
    const [kept, given] = [freshLog(), freshLog()]
    const opened = yield* store.open(table, { log: kept })
    assert.deepStrictEqual(opened.serving.log, Option.some(kept))
    assert.deepStrictEqual(yield* store.open(table, { log: kept }), opened)
    for (const version of [1, 2]) {
      const other = tallies({ name, version })
      const refused = yield* Effect.flip(store.open(other, { log: given }))
      assert.instanceOf(refused, OtherLog)
      assert.deepStrictEqual(factsOf(refused), factsOf(new OtherLog({ name, kept, given })))
    }
    assert.strictEqual(
      new OtherLog({ name, kept, given }).message,
      `Cannot open ${name} for log ${given}: it is a read model of log ${kept}; ` +
        "give each log a ReadModelSchema of its own, or drop the schema if that log is gone"
    )
    assert.deepStrictEqual(yield* logsOf(table), [[1, kept]])
    yield* store.open(tallies({ name, version: 2 }), { log: kept })
    assert.deepStrictEqual(yield* logsOf(table), [
      [1, kept],
      [2, kept]
    ])
  }),

  "is set to the first log that is given, in all generations": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const log = freshLog()
    yield* serve(table)
    yield* shadow(table)
    assert.deepStrictEqual(yield* logsOf(table), [
      [1, null],
      [2, null]
    ])
    const { serving } = yield* store.open(table, { log })
    assert.deepStrictEqual(serving.log, Option.some(log))
    assert.deepStrictEqual(yield* logsOf(table), [
      [1, log],
      [2, log]
    ])
    assert.instanceOf(yield* Effect.flip(store.open(table, { log: freshLog() })), OtherLog)
  }),

  "includes the mark of the last event with each checkpoint": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    assert.deepStrictEqual((yield* stateOf(claim)).anchors, [eventAt(1)])
    yield* take(store, table, claim, step(1, 7))
    assert.deepStrictEqual((yield* stateOf(claim)).anchors, [eventAt(7)])
    // A log may have no event at the position.
    yield* take(store, table, claim, { ...step(7, 8), event: null })
    assert.deepStrictEqual((yield* stateOf(claim)).anchors, [null])
    yield* isLost(claim, take(store, table, claim, step(7, 9)))
    assert.deepStrictEqual((yield* stateOf(claim)).anchors, [null])
    const parts = yield* begin(table, 2)
    yield* take(store, table, parts, step(0, 8, { partition: 1 }))
    assert.deepStrictEqual((yield* stateOf(parts)).anchors, [null, eventAt(8)])
    yield* take(store, table, parts, step(0, 8, { partition: 0 }))
    const serving = yield* switchTo(table, parts)
    assert.deepStrictEqual([serving.checkpoints, serving.anchors], [[at(8)], [eventAt(8)]])
  }),

  "of a shadow is the log that it is begun for, in any version": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const [kept, now] = [freshLog(), freshLog()]
    const options = { parallelism: 1, owner: "a builder", lease: LEASE, log: now }
    const table = tallies()
    yield* store.open(table, { log: kept })
    const newer = talliesAgain(table.name)
    for (const one of [table, newer]) {
      const begun = yield* store.beginShadow(one, options)
      assert.deepStrictEqual(begun.shadow.log, Option.some(now))
    }
    assert.deepStrictEqual(yield* logsOf(table), [
      [1, kept],
      [2, now],
      [3, now]
    ])
    const unknown = tallies()
    yield* store.beginShadow(unknown, options)
    assert.deepStrictEqual(yield* logsOf(unknown), [
      [1, now],
      [2, now]
    ])
  }),

  "is not set by a version that is refused as superseded": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies({ version: 2 })
    yield* store.open(table)
    const older = tallies({ name: table.name, version: 1 })
    assert.instanceOf(yield* Effect.flip(store.open(older, { log: freshLog() })), Superseded)
    assert.deepStrictEqual(yield* logsOf(table), [[1, null]])
  }),

  "of a shadow is replaced by a restart, under its claim, from position 0 of a log": Effect.gen(
    function* () {
      const store = yield* ReadModelStore
      const table = tallies()
      const [before, now] = [freshLog(), freshLog()]
      yield* serve(table, [tally("a", 1)])
      yield* store.open(table, { log: before })
      const lost = yield* shadow(table, [tally("b", 2)])
      const begun = yield* store.beginShadow(table, {
        parallelism: 3,
        owner: "a builder",
        lease: LEASE,
        log: now
      })
      const claim = Option.getOrThrow(begun.claim)
      yield* isLost(lost, store.restart(lost, now))
      assert.deepStrictEqual(yield* rowsOf(table, {}, 2), [tally("b", 2)])
      yield* store.restart(claim, now)
      const { anchors, checkpoints, events, log } = yield* stateOf(claim)
      assert.deepStrictEqual(
        [checkpoints, anchors, events, log],
        [[at(0)], [null], 0, Option.some(now)]
      )
      assert.deepStrictEqual(yield* rowsOf(table, {}, 2), [])
      yield* take(store, table, claim, countUp(0, 5, "c"))
      const serving = yield* switchTo(table, claim)
      assert.deepStrictEqual([serving.log, serving.anchors], [Option.some(now), [eventAt(5)]])
      assert.strictEqual((yield* store.open(table, { log: now })).serving.generation, 2)
      assert.instanceOf(yield* Effect.flip(store.open(table, { log: before })), OtherLog)
    }
  ),

  "of the serving generation is not replaced by a restart": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table, [tally("a", 1)])
    yield* isLost(claim, store.restart(claim, freshLog()))
    assert.deepStrictEqual(yield* rowsOf(table), [tally("a", 1)])
    assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
  }),

  "advances with the progress of appends, and never goes back": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const claim = yield* serve(table)
    const first = reached(1)
    // A generation that is not inline has its own checkpoint.
    const { generation, name } = claim
    const mark = (compared: Reached, to: Reached) =>
      store.mark([{ name, generation, compared, reached: to }])
    yield* mark(first, reached(5))
    assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
    yield* store.makeInline(claim, Effect.void)
    // The state of a caller that looked before another host, or before a restore, is old.
    yield* mark(reached(0), reached(5))
    yield* mark({ ...first, event: eventAt(7) }, reached(5))
    assert.deepStrictEqual((yield* stateOf(claim)).checkpoints, [at(1)])
    yield* mark(first, reached(5))
    yield* mark(reached(5), reached(4))
    const { anchors, checkpoints, mode } = yield* stateOf(claim)
    assert.deepStrictEqual([checkpoints, anchors, mode], [[at(5)], [eventAt(5)], "inline"])
    yield* store.mark([{ name, generation: 9, compared: reached(5), reached: reached(6) }])
    yield* store.makeAsync(table.name, Effect.succeed(reached(3)))
    const demoted = yield* stateOf(claim)
    assert.deepStrictEqual([demoted.checkpoints, demoted.anchors], [[at(3)], [eventAt(3)]])
  }),

  "advances together with those of other inline read models": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const claims = yield* Effect.forEach([1, 2], () => serve(tallies()))
    for (const claim of claims) yield* store.makeInline(claim, Effect.void)
    const [first, ...others] = claims.map(({ generation, name }) => ({
      name,
      generation,
      compared: reached(1),
      reached: reached(5)
    }))
    if (first === undefined) return
    yield* store.mark([{ ...first, compared: reached(2) }, ...others])
    const states = yield* Effect.forEach(claims, stateOf)
    assert.deepStrictEqual(
      states.map(({ checkpoints }) => checkpoints),
      [[at(1)], [at(5)]]
    )
  }),

  "limits inline maintenance to appends to its own log": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const events = yield* EventStore
    const table = tallies()
    const [streamId] = twoStreams()
    const [own, other] = [freshLog(), freshLog()]
    yield* store.open(table, { log: own })
    yield* promoted(table)
    const inline = (log: LogId.LogId) =>
      store.inline({
        ...inlineOf(events, [table], [{ streamId, expected: any, events: [touching("a")] }]),
        log
      })
    yield* inline(own)
    yield* inline(other)
    yield* append([table], streamId, touching("a"))
    assert.strictEqual(yield* countOf(table, "a"), 2)
  }),

  "keeps skips by the mark of their event, not by its position": Effect.gen(function* () {
    const store = yield* ReadModelStore
    const table = tallies()
    const { name, version } = table
    yield* store.open(table)
    const other = EventMark.at(EventId.make(SecureRandom.uuidV4Unsafe()), 9)
    // The same event, recorded again after a restore: another recording, which is skipped apart.
    const again = EventMark.at(eventIdAt(9), 10)
    for (const event of [eventAt(9), other, again, eventAt(9)]) {
      const reason = SkipReason.make(`is ${event}`)
      yield* store.skip({ name, version, position: at(9), event, reason })
    }
    const skipped = yield* store.skipped(name)
    assert.sameDeepMembers(
      skipped.map(({ event, position, reason }) => [position, event, reason]),
      [
        [at(9), eventAt(9), `is ${eventAt(9)}`],
        [at(9), other, `is ${other}`],
        [at(9), again, `is ${again}`]
      ]
    )
  })
}
