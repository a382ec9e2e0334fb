/**
 * Appends within the limits on a server as installed: finding S15 of the security review of
 * November 2026.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { MAX_STREAMS } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

/** A host on a server of its own, whose lock table no other test uses. */
const host = PostgresMigrations.layer.pipe(
  Layer.provideMerge(
    PostgresServer.layerClient({ maxConnections: 24 }).pipe(
      Layer.provide(PostgresServer.PostgresServer.layerEmbedded)
    )
  )
)

const append = (streamId: string) => ({
  streamId: StreamId.StreamId.make(streamId),
  expected: ExpectedRevision.noStream,
  events: Arr.of({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  })
})

layer(host, { timeout: 300_000, excludeTestServices: true })("The lock table", (it) => {
  it.effect("S15: holds 24 calls of the most streams at once", () =>
    Effect.gen(function* () {
      const store = yield* EventStorePostgres.make
      assert.strictEqual(MAX_STREAMS, 1_000)
      const answers = yield* Effect.forEach(
        Arr.range(1, 24),
        (call) =>
          store.appendAll({ appends: Arr.makeBy(1_000, (n) => append(`call-${call}-${n}`)) }),
        { concurrency: "unbounded" }
      )
      const revisions = answers.flat().map(({ revision }) => Number(revision))
      assert.deepStrictEqual(
        revisions,
        Arr.makeBy(24_000, () => 1)
      )
      const sql = yield* SqlClient
      const [row] = yield* sql<{ readonly count: number }>`
        SELECT count(*)::integer AS count FROM daybook.events WHERE stream_id LIKE 'call-%'`
      assert.strictEqual(row?.count, 24_000)
    }).pipe(Effect.scoped)
  )

  it.effect("S15: holds single appends to 6,000 streams at once", () =>
    Effect.gen(function* () {
      const hosts = yield* Effect.forEach(Arr.range(1, 6), () => EventStorePostgres.make)
      const answers = yield* Effect.forEach(
        Arr.makeBy(6_000, (n) => n),
        (n) => Arr.getUnsafe(hosts, n % 6).append(append(`one-${n}`)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        answers.map(({ revision }) => Number(revision)),
        Arr.makeBy(6_000, () => 1)
      )
    }).pipe(Effect.scoped)
  )
})
