/**
 * Waits for open appends: for those that had begun, however they end, and for no others.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as OpenAppends from "@daybook/store/sql/OpenAppends"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as PostgresLayers from "./postgresLayers.ts"

const append = Effect.suspend(() => {
  const id = SecureRandom.uuidV4Unsafe()
  return Effect.flatMap(EventStore, (events) =>
    events.append({
      streamId: Result.getOrThrow(StreamId.fromString(`note-${id}`)),
      expected: ExpectedRevision.any,
      events: [
        {
          id: EventId.make(id),
          type: "Noted",
          schemaVersion: 1,
          data: {},
          metadata: {},
          occurredAt: DateTime.makeUnsafe(0)
        }
      ]
    })
  )
})

/** An append in a transaction that stays open until it is ended from outside. */
const openAppend = Effect.gen(function* () {
  const sql = yield* SqlClient
  const appended = yield* Deferred.make<void>()
  const end = yield* Deferred.make<void, "undone">()
  const fiber = yield* sql
    .withTransaction(
      Effect.gen(function* () {
        yield* append
        yield* Deferred.succeed(appended, undefined)
        yield* Deferred.await(end)
      })
    )
    .pipe(Effect.exit, Effect.forkScoped)
  yield* Deferred.await(appended)
  return { end, ended: Fiber.join(fiber) }
})

const sleeping = Effect.flatMap(
  SqlClient,
  (sql) => sql`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`
)

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "1 minute" })(
  "Waiting for open appends",
  (it) => {
    it.effect("ends at once when there are none", () =>
      Effect.andThen(append, OpenAppends.awaitEnd(Duration.zero))
    )

    for (const [outcome, how] of [
      ["committed", Exit.void],
      ["undone", Exit.fail("undone" as const)]
    ] as const) {
      it.effect(`ends when those that had begun are ${outcome}, though others have begun`, () =>
        Effect.gen(function* () {
          const first = yield* openAppend
          yield* append
          const waiting = yield* Effect.forkScoped(OpenAppends.awaitEnd(Duration.minutes(1)))
          yield* Effect.repeat(sleeping, { until: ({ length }) => length > 0 })
          const second = yield* openAppend
          yield* Deferred.done(first.end, how)
          yield* first.ended
          yield* Fiber.join(waiting)
          yield* Deferred.succeed(second.end, undefined)
          yield* second.ended
        }).pipe(Effect.scoped)
      )
    }

    it.effect("fails when they are open for longer than it waits", () =>
      Effect.gen(function* () {
        const open = yield* openAppend
        const error = yield* Effect.flip(OpenAppends.awaitEnd(Duration.millis(20)))
        assert.deepStrictEqual(error, new OpenAppends.AppendsStillOpen({ waitedMillis: 20 }))
        yield* Deferred.succeed(open.end, undefined)
        yield* open.ended
      }).pipe(Effect.scoped)
    )
  }
)
