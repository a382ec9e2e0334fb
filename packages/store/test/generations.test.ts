/**
 * Reads during a failover: the log has another history after some moment between two statements.
 */
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
    generation: log.epoch,
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

  it.effect("would pass over the events in place of the lost ones without a generation", () =>
    Effect.gen(function* () {
      const { log, reads } = failing(1)
      const given = afterTwo(log)
      const poll = Polls.make({ ...reads, generation: undefined }, {})
      const { checkpoint, events } = yield* poll(given)
      const recorded = log.visible()
      assert.deepStrictEqual(events, recorded.slice(2))
      // It fits from now on, and the event in the place of the second was never seen.
      assert.strictEqual(checkpoint?.event, log.markAt(recorded[2]?.position ?? given.position))
    })
  )
})

describe("a read of several pages", () => {
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
      for (const failover of [2, 3]) {
        const { result } = yield* all(failover)
        const error = yield* Effect.flip(Effect.fromResult(result))
        assert.instanceOf(error, EventStoreError)
        assert.instanceOf(error.cause, ServerChanged)
      }
    })
  )

  it.effect("has one history when that changes before its first page", () =>
    Effect.gen(function* () {
      for (const failover of [1, 9]) {
        const { log, result } = yield* all(failover)
        assert.deepStrictEqual(yield* Effect.fromResult(result), log.visible())
      }
    })
  )
})
