/**
 * The checks of a host on PostgreSQL.
 */
import * as Health from "@daybook/http/Health"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { serve } from "./serve.ts"

const database = EventStorePostgres.layer.pipe(
  Layer.provideMerge(PostgresMigrations.layer),
  Layer.provideMerge(EmbeddedPostgres.layer())
)

describe("the health of a log in PostgreSQL", () => {
  it.effect("is bad while it lacks a function of this version", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const shared = Layer.succeedContext(yield* Effect.context<Layer.Success<typeof database>>())
      const ready = Effect.gen(function* () {
        const health = Health.layer({ checks: [Health.store, Health.migrations] })
        const { send } = yield* serve(
          health.pipe(Layer.provide(shared), Layer.provide(Logger.layer([])))
        )
        return yield* send("GET", "/health/ready")
      })
      assert.strictEqual((yield* ready).status, 200)

      yield* sql`ALTER FUNCTION daybook.position_at RENAME TO position_of_another_release`
      const { json, status, text } = yield* ready
      assert.strictEqual(status, 503)
      assert.deepStrictEqual(json, {
        status: "unready",
        checks: [
          { name: "store", status: "pass" },
          { name: "migrations", status: "fail" }
        ]
      })
      assert.notInclude(text, "position_at")

      yield* PostgresMigrations.migrate
      assert.strictEqual((yield* ready).status, 200)
    }).pipe(Effect.provide(database))
  )

  it.live("tells the timeline and the failovers of the primary that is followed", () =>
    Effect.gen(function* () {
      const look = Effect.catch(Health.primary.look, Effect.die)
      const one = yield* look.pipe(Effect.provide(EmbeddedPostgres.layer()))
      assert.deepStrictEqual(one, { passes: true })
      const server = yield* PostgresServer.restartable
      const url = new URL(Redacted.value(server.url))
      url.searchParams.set("target_session_attrs", "read-write")
      const client = yield* Layer.build(Postgres.layerOf({ url: Redacted.make(url.href) }))
      const found = look.pipe(Effect.provideContext(client))
      const facts = { failovers: 0, timeline: 1 }
      assert.deepStrictEqual(yield* found, { passes: true, facts })
      yield* server.stop("fast")
      yield* Effect.repeat(found, {
        until: ({ passes }) => !passes,
        schedule: Schedule.spaced("50 millis")
      })
      yield* server.start
      const last = yield* Effect.repeat(found, {
        until: ({ passes }) => passes,
        schedule: Schedule.spaced("50 millis")
      })
      assert.deepStrictEqual(last, { passes: true, facts })
    }).pipe(Effect.scoped)
  )
})
