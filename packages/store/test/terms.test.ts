/**
 * Reads during a failover: the log has another history after some moment between two statements.
 */
import * as Position from "@daybook/kernel/Position"
import { type Checkpoint, CheckpointMismatch } from "@daybook/store/Checkpoint"
import type { EventStoreDriver, Reads } from "@daybook/store/driver/EventStoreDriver"
import * as EventStoreService from "@daybook/store/driver/EventStoreService"
import * as Polls from "@daybook/store/driver/Polls"
import * as WakeUps from "@daybook/store/driver/WakeUps"
import { EventStoreError } from "@daybook/store/EventStore"
import { ServerChanged } from "@daybook/store/PostgresServers"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ModelLog from "./modelLog.ts"

const [streamId] = ModelLog.streams

const append = (log: ModelLog.ModelLog, count: number) => {
  for (let n = 0; n < count; n++) {
    if (streamId !== undefined) log.begin(streamId, ["Noted"])
    log.end(0, "committed")
  }
}

/**
 * A log of three appends, whose last two are lost when a page is about to be read for the
 * `failover`th time; two others are recorded in their place.
 */
const failing = (failover: number) => {
  const log = ModelLog.make({ pageEvents: 1, travel: Effect.void })
  append(log, 3)
  let pages = 0
  const reads: Reads<never> = {
    ...log.reads,
    term: log.epoch,
    log: (filter) => (range) =>
      Effect.suspend(() => {
        if (++pages === failover) {
          log.restore(2)
          append(log, 2)
        }
        return log.reads.log(filter)(range)
      })
  }
  return { log, reads }
}

/** The checkpoint of a reader that has read two of the three events. */
const afterTwo = (log: ModelLog.ModelLog): Checkpoint => {
  const second = log.visible()[1]
  if (second === undefined) throw new Error("no second event")
  const { position } = second
  return { log: LOG, position, event: log.markAt(position) }
}

const LOG = "00000000-0000-4000-8000-000000000000" as Checkpoint["log"]

describe("a poll whose page would be of another history than its start", () => {
  it.effect("fails with both sides, alone and with others", () =>
    Effect.gen(function* () {
      for (const make of [Polls.make, (reads: Reads<never>) => Polls.makeShared(reads)({})]) {
        const { log, reads } = failing(1)
        const given = afterTwo(log)
        const error = yield* Effect.flip(make(reads, {})(given))
        assert.instanceOf(error, CheckpointMismatch)
        const { reason } = error
        assert.strictEqual(reason._tag, "OtherEvent")
        if (reason._tag !== "OtherEvent") return
        assert.deepStrictEqual(
          [reason.given, reason.recorded],
          [given.event, log.markAt(given.position)]
        )
        assert.notStrictEqual(reason.given, reason.recorded)
      }
    })
  )

  it.effect("would pass over the events in place of the lost ones without a term", () =>
    Effect.gen(function* () {
      const { log, reads } = failing(1)
      const given = afterTwo(log)
      const poll = Polls.make({ ...reads, term: undefined }, {})
      const { checkpoint, events } = yield* poll(given)
      const recorded = log.visible()
      assert.deepStrictEqual(events, recorded.slice(2))
      // It fits from now on, and the event in the place of the second was never seen.
      assert.strictEqual(checkpoint?.event, log.markAt(recorded[2]?.position ?? given.position))
    })
  )
})

describe("an event that was recorded before the last one, and committed after it", () => {
  /** A log of two appends, the first of which is undone in the history after the failover. */
  const history = (first: "committed" | "undone") => {
    const log = ModelLog.make({ pageEvents: 10, travel: Effect.void })
    for (const id of ModelLog.streams.slice(0, 2)) log.begin(id, ["Noted"])
    log.end(0, first)
    log.end(0, "committed")
    return log
  }
  const failingOver = () => {
    const [before, after] = [history("committed"), history("undone")]
    let term = 0
    const log = () => (term === 0 ? before : after)
    const reads: Reads<never> = {
      term: () => term,
      origin: (position) => Effect.suspend(() => log().reads.origin(position)),
      log: (filter) => (range) => Effect.suspend(() => log().reads.log(filter)(range)),
      stream: (filter) => (range) => Effect.suspend(() => log().reads.stream(filter)(range)),
      end: (id, upTo) => Effect.suspend(() => log().reads.end(id, upTo))
    }
    const failOver = () => {
      term++
    }
    return { before, reads, failOver }
  }
  const { start } = Position

  it.effect("is missed by its reader when a failover has lost it alone", () =>
    Effect.gen(function* () {
      const { before, failOver, reads } = failingOver()
      const polls = Polls.makeShared(reads)
      const poll = polls({})
      const { checkpoint, events } = yield* poll(start)
      assert.deepStrictEqual(events, before.visible())
      failOver()
      const error = yield* Effect.flip(poll(checkpoint ?? start))
      assert.instanceOf(error, CheckpointMismatch)
      assert.strictEqual(error.reason.position, events[0]?.position)
      // Its checkpoint is of the new history: who begins there has not read what is lost.
      const again = yield* polls({})(checkpoint ?? start)
      assert.deepStrictEqual([again.events, again.caughtUp], [[], true])
    })
  )

  it.effect("would not be missed by the checkpoint alone", () =>
    Effect.gen(function* () {
      const { failOver, reads } = failingOver()
      const poll = Polls.make({ ...reads, term: undefined }, {})
      const { checkpoint } = yield* poll(start)
      failOver()
      const again = yield* poll(checkpoint ?? start)
      assert.deepStrictEqual(again.checkpoint, checkpoint)
    })
  )
})

describe("a read of the log", () => {
  const storeOf = ({ log, reads }: ReturnType<typeof failing>) => {
    const driver: EventStoreDriver<never> = {
      ...reads,
      name: "model",
      append: () => Effect.die("not used"),
      settled: () => Effect.sync(log.settled),
      find: () => Effect.die("not used"),
      streams: () => Effect.die("not used"),
      positionAsOf: () => Effect.die("not used"),
      count: () => Effect.die("not used"),
      wakeUps: WakeUps.make()
    }
    return EventStoreService.make(driver)
  }
  const all = (failover: number) => {
    const failed = failing(failover)
    const read = storeOf(failed).readAll()
    return Effect.map(Effect.result(Stream.runCollect(read)), (result) => ({ ...failed, result }))
  }

  it.effect("fails when the rest would be of another history", () =>
    Effect.gen(function* () {
      for (const failover of [1, 2, 3]) {
        const { result } = yield* all(failover)
        const error = yield* Effect.flip(Effect.fromResult(result))
        assert.instanceOf(error, EventStoreError)
        assert.instanceOf(error.cause, ServerChanged)
      }
    })
  )

  it.effect("has all events where the history stays", () =>
    Effect.gen(function* () {
      const { log, result } = yield* all(Infinity)
      assert.deepStrictEqual(yield* Effect.fromResult(result), log.visible())
    })
  )
})
