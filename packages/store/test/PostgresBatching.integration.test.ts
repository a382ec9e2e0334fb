/**
 * Two hosts that append to the same streams at once, in calls of many appends.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { cases } from "./batchCases.ts"
import { embedded, server, serverPartitioned } from "./postgresLayers.ts"

cases("Appends that arrive together in memory", EventStoreMemory.layer)
cases("Appends that arrive together, embedded", embedded)
cases("Appends that arrive together on a server", server)
cases("Appends that arrive together in partitions", serverPartitioned)

const event = () => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

const otherHost = Effect.map(Layer.build(Layer.fresh(EventStorePostgres.layer)), (context) =>
  Context.get(context, EventStore)
)

const kinds = [
  ["Two hosts", server],
  ["Two hosts on a log in partitions", serverPartitioned]
] as const

for (const [title, log] of kinds) {
  layer(log, { timeout: 120_000 })(title, (it) => {
    it.effect("never wait for each other in a ring, and lose nothing", () =>
      Effect.gen(function* () {
        const hosts = [yield* EventStore, yield* otherHost]
        const streams = yield* Effect.forEach(Arr.range(1, 10), () =>
          Effect.fromResult(StreamId.fromString(`note-${SecureRandom.uuidV4Unsafe()}`))
        )
        const appends = Arr.makeBy(600, (n) =>
          Effect.gen(function* () {
            const host = Arr.getUnsafe(hosts, n % 2)
            const [one, two] = yield* Random.shuffle(streams)
            if (one === undefined || two === undefined) return yield* Effect.die("there are ten")
            const append = (streamId: StreamId.StreamId, count: number) => ({
              streamId,
              expected: ExpectedRevision.any,
              events: Arr.makeBy(count, event)
            })
            if (n % 5 > 0)
              return yield* Effect.as(host.append(append(one, 1 + (n % 3))), 1 + (n % 3))
            return yield* Effect.as(
              host.appendAll({ appends: [append(one, 1), append(two, 2)] }),
              3
            )
          })
        )
        const written = yield* Effect.all(appends, { concurrency: "unbounded" })
        const store = Arr.getUnsafe(hosts, 0)
        const all = yield* Effect.forEach(streams, (streamId) =>
          Stream.runCollect(store.read(streamId))
        )
        for (const events of all) {
          assert.deepStrictEqual(
            events.map(({ revision }) => Number(revision)),
            Arr.range(1, events.length)
          )
        }
        assert.strictEqual(
          all.reduce((sum, events) => sum + events.length, 0),
          written.reduce((sum, count) => sum + count, 0)
        )
      }).pipe(Effect.scoped)
    )

    it.effect("are not held up by a locked stream", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const sql = yield* SqlClient
        const append = (streamId: StreamId.StreamId) =>
          store.append({ streamId, expected: ExpectedRevision.any, events: [event()] })
        const [held, ...others] = yield* Effect.forEach(Arr.range(0, 40), () =>
          Effect.fromResult(StreamId.fromString(`note-${SecureRandom.uuidV4Unsafe()}`))
        )
        if (held === undefined) return assert.fail("there are 41")
        const holds = yield* Deferred.make<void>()
        const ends = yield* Deferred.make<void>()
        const stranger = yield* Effect.forkChild(
          sql.withTransaction(
            append(held).pipe(
              Effect.andThen(Deferred.succeed(holds, undefined)),
              Effect.andThen(Deferred.await(ends))
            )
          )
        )
        yield* Deferred.await(holds)
        const waiting = yield* Effect.forEach(Arr.range(1, 30), () =>
          Effect.forkChild(append(held))
        )
        yield* Effect.all(others.map(append), { concurrency: "unbounded" })
        assert.isTrue(waiting.every((fiber) => fiber.pollUnsafe() === undefined))
        yield* Deferred.succeed(ends, undefined)
        yield* Fiber.join(stranger)
        const revisions = yield* Effect.forEach(waiting, Fiber.join)
        assert.deepStrictEqual(
          revisions.map(({ revision }) => Number(revision)).toSorted((a, b) => a - b),
          Arr.range(2, 31)
        )
      })
    )
  })
}
