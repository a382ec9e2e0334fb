/**
 * Appends that wait for a stream which another writer holds, and the limit of their bytes in a
 * host.
 */
import * as EventId from "@daybook/kernel/EventId"
import { StreamId } from "@daybook/kernel/StreamId"
import { type AppendError, EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { MaxHeld, Overloaded } from "@daybook/store/Overloaded"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { Logins } from "./roleLogins.ts"
import { database } from "./subscribingHosts.ts"

const MIB = 1_048_576
const limit = { calls: 1_000, bytes: 3 * MIB }

const asWriter = EventStorePostgres.layer.pipe(
  Layer.provide(Layer.succeed(MaxHeld, limit)),
  Layer.provideMerge(Logins.layerWriter)
)

const note = (stream: string, text = "") => ({
  streamId: StreamId.make(`note-${stream}`),
  expected: ExpectedRevision.any,
  events: [
    {
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "Noted",
      schemaVersion: 1,
      data: { text },
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }
  ] as const
})

layer(asWriter, { timeout: 60_000, excludeTestServices: true })("Appends that wait", (it) => {
  it.effect(
    "S25: are refused beyond the bytes that a store holds, typed, and nothing is lost",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* EventStore
        const [held, free] = [SecureRandom.uuidV4Unsafe(), SecureRandom.uuidV4Unsafe()]
        const [appended, released] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const holder = yield* Effect.forkChild(
          sql.withTransaction(
            store
              .append(note(held))
              .pipe(
                Effect.andThen(Deferred.succeed(appended, undefined)),
                Effect.andThen(Deferred.await(released))
              )
          )
        )
        yield* Deferred.await(appended)
        const large = "x".repeat(0.9 * MIB)
        const waiting = yield* Effect.forkChild(store.append(note(held, large)), {
          startImmediately: true
        })
        const refused: ReadonlyArray<Effect.Effect<unknown, AppendError>> = [
          store.append(note(free, large)),
          store.append(note(held, large)),
          store.appendAll({ appends: [note(free, large)] })
        ]
        for (const call of refused) {
          const error = yield* Effect.flip(call)
          assert.instanceOf(error, Overloaded)
          assert.strictEqual(error.where, "store")
          assert.strictEqual(error.held.calls, 1)
          // Two bytes per character.
          assert.isAtLeast(error.held.bytes, 1.8 * MIB)
          assert.isAtMost(error.held.bytes, 1.9 * MIB)
          assert.deepStrictEqual(error.limit, limit)
        }
        // Appends that fit are written meanwhile, and in the caller's transaction any append.
        const { revision } = yield* store.append(note(free))
        assert.strictEqual<number>(revision, 1)
        yield* sql.withTransaction(store.append(note(free, large)))
        yield* Deferred.succeed(released, undefined)
        yield* Fiber.join(holder)
        assert.strictEqual<number>((yield* Fiber.join(waiting)).revision, 2)
        assert.strictEqual<number>((yield* store.append(note(free, large))).revision, 3)
      })
  )
})

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "Streams that a stranger locks",
  (it) => {
    it.effect("S3: take two connections of a host, however many they are", () =>
      Effect.gen(function* () {
        const { admin, start } = yield* database
        const { store } = yield* start({}, { maxConnections: 4, applicationName: "the host" })
        const streams = Array.from({ length: 100 }, (_, n) => `held-${n}`)
        const [locked, released] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const stranger = yield* admin`
          SELECT pg_advisory_xact_lock(hashtextextended('note-held-' || n,
            'daybook.append_number'::regclass::oid::bigint)) FROM generate_series(0, 99) AS n`.pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Deferred.await(released)),
          admin.withTransaction,
          Effect.forkScoped
        )
        yield* Deferred.await(locked)
        const waiting = yield* Effect.forEach(streams, (stream) =>
          Effect.forkScoped(store.append(note(stream)))
        )
        const connections = Effect.map(
          admin<{ readonly count: number }>`
            SELECT count(*)::integer AS count FROM pg_stat_activity
            WHERE application_name = 'the host' AND wait_event = 'advisory'`,
          ([row]) => row?.count ?? 0
        )
        // The first try of each may take them all.
        let appended = 0
        for (let few = 0; few < 40; appended++) {
          yield* store.append(note(`free-${appended}`))
          few = (yield* connections) <= 2 ? few + 1 : 0
        }
        yield* Deferred.succeed(released, undefined)
        yield* Fiber.join(stranger)
        for (const fiber of waiting) {
          assert.strictEqual<number>((yield* Fiber.join(fiber)).revision, 1)
        }
      }).pipe(Effect.scoped)
    )
  }
)
