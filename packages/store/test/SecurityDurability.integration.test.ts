/**
 * Settings of sessions and logins that take durability or order from appends: findings S18 and S22
 * of the security review of November 2026, each from the attacker's side.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { noteIn } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

const append = (streamId: string) => ({
  streamId: StreamId.StreamId.make(streamId),
  expected: ExpectedRevision.any,
  events: Arr.of({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  })
})

const health = (sql: SqlClient) => Effect.provideService(PostgresHealth.check, SqlClient, sql)

/**
 * Returns the value of a setting in a transaction that has appended, under a setting of the
 * session, for each way of appending.
 */
const settingAfter = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  sql: SqlClient,
  name: string,
  before: string
) {
  const answers: Array<string | undefined> = []
  for (const way of [
    Effect.asVoid(store.append(append(`set-${SecureRandom.uuidV4Unsafe()}`))),
    Effect.asVoid(store.append(append("set-1"))),
    Effect.asVoid(
      store.appendAll({
        appends: [append("set-2"), append(`set-${SecureRandom.uuidV4Unsafe()}`)]
      })
    )
  ]) {
    const [row] = yield* sql.withTransaction(
      sql`SELECT set_config(${name}, ${before}, true)`.pipe(
        Effect.andThen(way),
        Effect.andThen(sql<{ readonly is: string }>`SELECT current_setting(${name}) AS is`)
      )
    )
    answers.push(row?.is)
  }
  return answers
})

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })(
  "Settings that a writer's session has",
  (it) => {
    for (const [before, after] of [
      ["off", "on"],
      ["local", "local"],
      ["on", "on"],
      ["remote_apply", "remote_apply"]
    ] as const) {
      it.effect(`S18: appends under synchronous_commit ${before} are under ${after}`, () =>
        Effect.gen(function* () {
          const { writer } = yield* Logins
          const store = yield* storeOf(writer)
          assert.deepStrictEqual(yield* settingAfter(store, writer, "synchronous_commit", before), [
            after,
            after,
            after
          ])
        })
      )
    }

    it.effect("S18: one event alone waits for the disk too", () =>
      Effect.gen(function* () {
        const { writer } = yield* Logins
        const [row] = yield* writer.withTransaction(
          writer`SET LOCAL synchronous_commit = off`.unprepared.pipe(
            Effect.andThen(writer`SELECT FROM daybook.try_append_event('set-3', -2, ${SecureRandom.uuidV4Unsafe()},
              'Noted', 1::smallint, '1', '{}', '2026-01-01')`),
            Effect.andThen(writer`SELECT current_setting('synchronous_commit') AS is`)
          )
        )
        assert.deepStrictEqual(row, { is: "on" })
      })
    )

    it.effect("S18: appends of a store that is configured so wait for no disk", () =>
      Effect.gen(function* () {
        const { writer } = yield* Logins
        const store = yield* Effect.provideService(
          storeOf(writer),
          EventStorePostgres.Durability,
          "asynchronous"
        )
        assert.deepStrictEqual(yield* settingAfter(store, writer, "synchronous_commit", "on"), [
          "off",
          "off",
          "off"
        ])
      })
    )

    for (const [before, after] of [
      ["0", "1min"],
      ["2h", "1min"],
      ["61s", "1min"],
      ["1min", "1min"],
      ["5s", "5s"]
    ] as const) {
      it.effect(
        `S22: an append under an idle timeout of ${before} is idle for ${after} at most`,
        () =>
          Effect.gen(function* () {
            const { writer } = yield* Logins
            const store = yield* storeOf(writer)
            assert.deepStrictEqual(
              yield* settingAfter(store, writer, "idle_in_transaction_session_timeout", before),
              [after, after, after]
            )
          })
      )
    }

    it.effect("S18: those of a login are reported, and appends of its hosts continue", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const [login] = yield* writer<{ readonly name: string }>`SELECT current_user::text AS name`
        const role = login?.name ?? ""
        assert.deepStrictEqual(yield* health(reader), [])
        yield* Effect.addFinalizer(() => Effect.ignore(writer`ALTER ROLE CURRENT_USER RESET ALL`))
        yield* writer`ALTER ROLE CURRENT_USER SET synchronous_commit = off`
        yield* writer`ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'serializable'`
        yield* writer`ALTER ROLE CURRENT_USER SET DateStyle = 'German'`
        const findings = yield* health(reader)
        assert.deepStrictEqual(findings, [
          {
            _tag: "RoleSetting",
            role,
            database: undefined,
            setting: "default_transaction_isolation",
            value: "serializable"
          },
          {
            _tag: "RoleSetting",
            role,
            database: undefined,
            setting: "synchronous_commit",
            value: "off"
          }
        ])
        assert.include(
          findings.map(PostgresHealth.describe).at(1) ?? "",
          `ALTER ROLE "${role}" RESET synchronous_commit`
        )
        yield* noteIn(yield* storeOf(writer))
      }).pipe(Effect.scoped)
    )
  }
)
