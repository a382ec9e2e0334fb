import * as PostgresPassOver from "@daybook/store/PostgresPassOver"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { aggregate, deposit } from "./Account.ts"
import { cases, PassOvers } from "./passOverCases.ts"
import { embedded, embeddedPartitioned, server, serverPartitioned } from "./postgresLayers.ts"

const passing = Layer.effect(
  PassOvers,
  Effect.map(SqlClient, (sql) => ({
    passOver: (given: Parameters<PassOvers["Service"]["passOver"]>[0]) =>
      PostgresPassOver.passOver(given).pipe(
        Effect.provideService(SqlClient, sql),
        Effect.catchTag("SqlError", Effect.die),
        Effect.asVoid
      )
  }))
)

cases("Passing over on a server", Layer.provideMerge(passing, server))
cases("Passing over on a log in partitions", Layer.provideMerge(passing, serverPartitioned))
cases("Passing over on an embedded log", Layer.provideMerge(passing, embedded))
cases(
  "Passing over on an embedded log in partitions",
  Layer.provideMerge(passing, embeddedPartitioned)
)

layer(server, { timeout: "2 minutes", excludeTestServices: true })("Passing over", (it) => {
  it.effect("deletes snapshots that may hold the event, and none before it", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const key = SecureRandom.uuidV4Unsafe()
      const streamId = StreamId.StreamId.make(`account-${key}`)
      // Closing the handler waits for its snapshots.
      yield* Effect.gen(function* () {
        const handler = yield* CommandHandler
        for (const amount of [1, 2, 4]) yield* handler.execute(aggregate, key, deposit(amount))
      }).pipe(
        Effect.provide(
          Layer.fresh(
            CommandHandler.layerSnapshots(SnapshotPolicy.keeping(SnapshotPolicy.every(1), 9))
          )
        ),
        Effect.provide(SnapshotStorePostgres.layer)
      )
      const sql = yield* SqlClient
      const revisions = sql<{ readonly revision: number }>`
        SELECT revision FROM daybook.snapshots WHERE stream_id = ${streamId} ORDER BY revision`
      assert.include(
        (yield* revisions).map(({ revision }) => revision),
        3
      )
      const [, second] = yield* Stream.runCollect(store.read(streamId))
      if (second === undefined) return assert.fail("no event")
      const { login, ...passed } = yield* PostgresPassOver.passOver({
        position: second.position,
        eventId: second.id,
        actor: "ann",
        reason: "counted twice"
      })
      assert.deepStrictEqual(
        (yield* revisions).filter(({ revision }) => revision >= 2),
        []
      )
      const listed = yield* PostgresPassOver.list
      assert.deepStrictEqual(listed.at(-1), { ...passed, login })
      const fresh = yield* Effect.gen(function* () {
        return yield* (yield* CommandHandler).load(aggregate, key)
      }).pipe(Effect.provide(Layer.fresh(CommandHandler.layer)))
      assert.deepStrictEqual([Number(fresh.revision), fresh.state], [3, { balance: 5 }])
    })
  )
})
