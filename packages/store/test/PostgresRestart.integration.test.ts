/**
 * The server is stopped and started again under appenders and subscribers, by both kinds of
 * shutdown.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStoreError } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { appendTo, database, follow, type Host, listeners, until } from "./subscribingHosts.ts"

/** Settings under which only a notification wakes subscribers. */
const woken = { pollInterval: "1 hour", heartbeatInterval: "500 millis" } as const

const newAppend = () => ({
  streamId: StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`),
  expected: ExpectedRevision.noStream,
  events: [
    {
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "Noted",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }
  ] as const
})

/** Appends until it is ended; a failed append is repeated with the same ids until it succeeds. */
const appender = Effect.fnUntraced(function* (host: Host) {
  const acknowledged: Array<string> = []
  const errors: Array<unknown> = []
  let ends = false
  const once = Effect.suspend(() => {
    const append = newAppend()
    return host.store.append(append).pipe(
      Effect.tapError((error) => Effect.sync(() => errors.push(error))),
      Effect.retry({ schedule: Schedule.spaced("5 millis") }),
      Effect.andThen(Effect.sync(() => acknowledged.push(append.events[0].id)))
    )
  })
  const fiber = yield* Effect.forkScoped(Effect.repeat(once, { until: () => ends }))
  const end = Effect.suspend(() => {
    ends = true
    return Fiber.join(fiber)
  })
  return { acknowledged, errors, end }
})

for (const mode of ["fast", "immediate"] as const) {
  it.live(
    `loses and repeats nothing when the server is shut down (${mode}) and started again, time after time`,
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.restartable
        const { admin, start } = yield* Effect.provideService(
          database,
          PostgresServer.PostgresServer,
          server
        )
        const [one, two, reader, polling] = [
          yield* start(),
          yield* start(),
          yield* start(woken),
          yield* start({ listen: false, pollInterval: "20 millis" })
        ]
        const followers = [yield* follow(reader), yield* follow(polling), yield* follow(one)]
        const appenders = yield* Effect.forEach([one, two, one, two], appender)
        for (let round = 1; round <= 3; round++) {
          // All of them are at work, and have appended since the last time.
          const begun = appenders.map(({ acknowledged }) => acknowledged.length)
          yield* until(
            Effect.sync(() =>
              appenders.every((each, index) => each.acknowledged.length > (begun[index] ?? 0) + 10)
            )
          )
          const failures = appenders.map(({ errors }) => errors.length)
          yield* server.stop(mode)
          yield* until(
            Effect.sync(() =>
              appenders.every((each, index) => each.errors.length > (failures[index] ?? 0))
            )
          )
          yield* server.start
        }
        yield* Effect.forEach(appenders, ({ end }) => end)
        for (const error of appenders.flatMap(({ errors }) => errors)) {
          assert.instanceOf(error, EventStoreError)
        }

        const recorded = yield* Effect.retry(
          admin<{
            readonly event_id: string
          }>`SELECT event_id FROM daybook.events ORDER BY position`,
          { times: 20 }
        )
        const order = recorded.map((row) => row.event_id)
        const acknowledged = appenders.flatMap((each) => each.acknowledged)
        assert.deepStrictEqual(order.toSorted(), acknowledged.toSorted())
        for (const { fiber, given } of followers) {
          const seen = yield* Effect.replicateEffect(Queue.take(given), order.length)
          assert.deepStrictEqual<ReadonlyArray<string>>(
            seen.map(({ id }) => id),
            order
          )
          assert.isUndefined(fiber.pollUnsafe())
        }

        // The listening connections are back, and hear of appends.
        yield* until(Effect.map(listeners(admin), (pids) => pids.length === 2))
        const last = yield* Effect.replicateEffect(appendTo(two), 5)
        for (const subscriber of followers) {
          assert.deepStrictEqual(yield* subscriber.next(5), last)
          assert.strictEqual(yield* Queue.size(subscriber.given), 0)
        }
        assert.isAtLeast(acknowledged.length, 120)
      }).pipe(Effect.scoped),
    { timeout: 120_000 }
  )
}
