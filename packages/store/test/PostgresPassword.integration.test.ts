/**
 * S11: a password that changes while a store is open.
 */
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresUnavailable } from "@daybook/store/PostgresStart"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { noteIn } from "./notes.ts"
import { clientOf } from "./tlsServer.ts"

class VaultSealed extends Data.TaggedError("VaultSealed")<{}> {
  override get message() {
    return "the vault is sealed"
  }
}

const newName = () => `shop_${SecureRandom.uuidV4Unsafe().replaceAll("-", "")}`

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "S11: a password from a provider",
  (it) => {
    it.effect(
      "changes while the store lives, for its pool and for the connection that listens",
      () =>
        Effect.gen(function* () {
          const url = yield* PostgresServer.freshDatabase
          const superuser = yield* clientOf(url)
          yield* Effect.provideService(PostgresMigrations.migrate, SqlClient, superuser)
          const name = newName()
          const roles = {
            owner: PostgresRoles.RoleName.make(`${name}_owner`),
            writer: PostgresRoles.RoleName.make(`${name}_writer`),
            reader: PostgresRoles.RoleName.make(`${name}_reader`)
          }
          yield* Effect.provideService(PostgresRoles.grant(roles), SqlClient, superuser)
          yield* superuser.unsafe(
            `CREATE ROLE ${name} LOGIN PASSWORD 'first' IN ROLE ${roles.writer}`
          )
          let password = "first"
          let asked = 0
          const own = new URL(Redacted.value(url))
          own.username = name
          own.password = "of old"
          const host = EventStorePostgres.layer.pipe(
            Layer.provideMerge(
              Postgres.layerPassword(
                Effect.sync(() => {
                  asked++
                  return Redacted.make(password)
                })
              )
            ),
            Layer.provide(
              ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: own.href } }))
            )
          )
          const context = yield* Layer.build(Layer.fresh(host))
          const store = Context.get(context, EventStore)
          const listening = superuser<{ readonly pid: number }>`
          SELECT pid FROM pg_stat_activity WHERE usename = ${name} AND application_name = 'daybook listener'`.pipe(
            Effect.filterOrFail((rows) => rows.length > 0),
            Effect.retry(Schedule.spaced("20 millis"))
          )
          // The connection listens for as long as a subscription is open.
          yield* Effect.forkScoped(Stream.runDrain(store.subscribe()), { startImmediately: true })
          const followed = yield* store
            .subscribe()
            .pipe(Stream.take(2), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
          const [first] = yield* Effect.all([listening, noteIn(store)])
          const before = asked

          yield* superuser.unsafe(`ALTER ROLE ${name} PASSWORD 'second'`)
          yield* superuser`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ${name}`
          // The provider has the old password for a while: subscriptions outlast refused connections.
          yield* Effect.repeat(Effect.exit(store.head), {
            until: () => asked >= before + 6,
            schedule: Schedule.spaced("20 millis")
          })
          password = "second"
          yield* Effect.retry(noteIn(store), { times: 20 })
          const second = yield* listening
          assert.notDeepEqual(second, first)
          assert.isAtLeast((yield* Fiber.join(followed)).length, 2)
        }).pipe(Effect.scoped)
    )

    it.effect("that can't be had keeps the host from starting, and says why", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        for (const password of [Effect.fail(new VaultSealed()), Effect.die(new VaultSealed())]) {
          const error = yield* Effect.flip(
            Layer.build(Layer.fresh(Postgres.layerOf({ url, password })))
          )
          assert.instanceOf(error, PostgresUnavailable)
          assert.match(
            StartFailure.lineOf(error),
            /^Cannot connect to .* as daybook: the vault is sealed: see why: the password is asked for at each connection$/
          )
        }
      }).pipe(Effect.scoped)
    )

    it.effect(
      "that can't be had for a while fails statements, typed, and they go on after it",
      () =>
        Effect.gen(function* () {
          const url = yield* PostgresServer.freshDatabase
          const right = Redacted.make(new URL(Redacted.value(url)).password)
          let isSealed = false
          const context = yield* Layer.build(
            Layer.fresh(
              Postgres.layerOf({
                url,
                password: Effect.suspend(() =>
                  isSealed ? Effect.fail(new VaultSealed()) : Effect.succeed(right)
                )
              })
            )
          )
          const sql = Context.get(context, SqlClient)
          // More appends at once than the pool has open connections.
          const many = Effect.forEach(
            [1, 2, 3, 4],
            (n) => sql`SELECT ${n}::int AS n, pg_sleep(0.05)`,
            {
              concurrency: 4
            }
          )
          yield* sql`SELECT 1`
          isSealed = true
          const error = yield* Effect.flip(many)
          assert.isTrue(isSqlError(error))
          isSealed = false
          assert.lengthOf(yield* many, 4)
        }).pipe(Effect.scoped)
    )
  }
)
