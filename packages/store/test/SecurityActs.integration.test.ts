/**
 * The record of administrative acts on a log: its content, its readers, and its protection from
 * changes.
 */
import * as PostgresActs from "@daybook/store/PostgresActs"
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { changes } from "../src/internal/postgres/schema/privileges.ts"
import { Logins } from "./roleLogins.ts"

const as = (sql: SqlClient) => Effect.provideService(SqlClient, sql)

/** Returns the acts that are recorded while `work` runs, as the reader sees them. */
const during = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { reader } = yield* Logins
    const before = yield* Stream.runCollect(PostgresActs.list()).pipe(as(reader))
    yield* work
    return yield* Stream.runCollect(PostgresActs.list({ after: before.at(-1)?.number })).pipe(
      as(reader)
    )
  })

layer(Logins.layer, { timeout: 120_000, excludeTestServices: true })("Acts on a log", (it) => {
  it.effect("S20: the first deploy is recorded, with its login and what it granted", () =>
    Effect.gen(function* () {
      const { reader, roles } = yield* Logins
      const acts = yield* Stream.runCollect(PostgresActs.list({ subject: "log" })).pipe(as(reader))
      assert.deepStrictEqual(
        acts.slice(0, 2).map(({ act, subject }) => [act, subject]),
        [
          ["migrate", "log"],
          ["grant", "log"]
        ]
      )
      const [migrated, granted] = acts
      assert.deepStrictEqual(migrated?.details["migrations"], ["1 log"])
      assert.strictEqual(migrated?.login, roles.owner.replace("_owner_", "_migrator_"))
      const lines = JSON.stringify(granted?.details)
      assert.include(lines, `EXECUTE on try_append to ${roles.writer}`)
      assert.include(lines, `events belongs to ${roles.owner}`)
      assert.deepStrictEqual(migrated?.actor, Option.none())
    })
  )

  it.effect("S20: what changes nothing is not recorded, nor is what was refused", () =>
    Effect.gen(function* () {
      const { migrator, roles, superuser } = yield* Logins
      const acts = yield* during(
        Effect.gen(function* () {
          yield* as(migrator)(PostgresMigrations.migrate)
          yield* as(migrator)(PostgresRoles.grant(roles))
          yield* superuser.unsafe(`ALTER ROLE "${roles.writer}" CREATEROLE`)
          yield* superuser.unsafe(`GRANT DELETE ON daybook.events TO "${roles.writer}"`)
          yield* Effect.flip(as(migrator)(PostgresRoles.grant(roles)))
          yield* superuser.unsafe(`ALTER ROLE "${roles.writer}" NOCREATEROLE`)
        })
      )
      assert.deepStrictEqual(acts, [])
    })
  )

  it.effect("S20: grants that were taken back, and partitions, are recorded with who and why", () =>
    Effect.gen(function* () {
      const { migrator, roles, superuser } = yield* Logins
      yield* superuser.unsafe(`GRANT DELETE ON daybook.events TO "${roles.writer}"`)
      const [granted, ...more] = yield* during(
        as(migrator)(PostgresRoles.grant(roles)).pipe(
          Effect.provideService(PostgresActs.CurrentWhy, { actor: "Ada", reason: "release 7" })
        )
      )
      assert.deepStrictEqual(more, [])
      assert.deepStrictEqual(
        [granted?.act, granted?.actor, granted?.reason, granted?.details],
        [
          "grant",
          Option.some("Ada"),
          Option.some("release 7"),
          {
            ...roles,
            granted: { count: 0, first: [] },
            revoked: { count: 1, first: [`DELETE on events to ${roles.writer}`] }
          }
        ]
      )
      const partitioned = yield* during(
        as(migrator)(PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 3 }))
      )
      assert.deepStrictEqual(
        partitioned.map(({ act, details }) => [act, details["made"]]),
        [
          ["partition", { count: 1, first: ["events_1"] }],
          ["partition", { count: 1, first: ["events_15"] }]
        ]
      )
      const again = yield* during(
        as(migrator)(PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 3 }))
      )
      assert.deepStrictEqual(again, [])
    })
  )

  it.effect("S20: acts are changed by no user, in no session", () =>
    Effect.gen(function* () {
      const { migrator, reader, roles, stranger, superuser, writer } = yield* Logins
      const owner = (statement: string) =>
        migrator.withTransaction(
          Effect.andThen(
            migrator.unsafe(`SET LOCAL ROLE "${roles.owner}"`),
            migrator.unsafe(statement)
          )
        )
      const replica = (statement: string) =>
        superuser.withTransaction(
          Effect.andThen(
            superuser.unsafe(`SET LOCAL session_replication_role = replica`),
            superuser.unsafe(statement)
          )
        )
      const users = {
        stranger: (statement: string) => stranger.unsafe(statement),
        reader: (statement: string) => reader.unsafe(statement),
        writer: (statement: string) => writer.unsafe(statement),
        owner,
        superuser: (statement: string) => superuser.unsafe(statement),
        replica
      }
      const before = yield* Stream.runCollect(PostgresActs.list()).pipe(as(reader))
      for (const [who, run] of Object.entries(users)) {
        for (const statement of [
          `UPDATE daybook.acts SET login = 'another'`,
          `DELETE FROM daybook.acts`,
          `TRUNCATE daybook.acts`
        ]) {
          const error = yield* Effect.flip(run(statement))
          assert.strictEqual(error.reason._tag, "AuthorizationError", `${who}: ${statement}`)
        }
      }
      for (const sql of [stranger, reader, writer]) {
        for (const statement of [
          `SELECT daybook.record_act('grant', 'log', NULL, NULL, '{}')`,
          `INSERT INTO daybook.acts (acted_at, act, subject, login, details)
            VALUES (now(), 'grant', 'log', 'another', '{}')`
        ]) {
          const error = yield* Effect.flip(sql.unsafe(statement))
          assert.strictEqual(error.reason._tag, "AuthorizationError", statement)
        }
      }
      for (const sql of [stranger, writer]) {
        const error = yield* Effect.flip(sql.unsafe(`SELECT FROM daybook.acts`))
        assert.strictEqual(error.reason._tag, "AuthorizationError")
      }
      assert.deepStrictEqual(yield* Stream.runCollect(PostgresActs.list()).pipe(as(reader)), before)
    })
  )

  it.effect(
    "S20: an owner who switches the trigger off is seen, and putting it back is recorded",
    () =>
      Effect.gen(function* () {
        const { migrator, reader, roles } = yield* Logins
        yield* migrator.withTransaction(
          Effect.andThen(
            migrator.unsafe(`SET LOCAL ROLE "${roles.owner}"`),
            migrator.unsafe(`ALTER TABLE daybook.acts DISABLE TRIGGER append_only`)
          )
        )
        assert.deepStrictEqual(yield* as(reader)(PostgresHealth.check), [
          { _tag: "TriggerResting", table: "acts", trigger: "append_only", state: "disabled" }
        ])
        const acts = yield* during(as(migrator)(PostgresMigrations.migrate))
        assert.deepStrictEqual(
          acts.map(({ act, details }) => [act, details]),
          [["repair", { repaired: { count: 1, first: ["trigger append_only of acts was D"] } }]]
        )
        assert.deepStrictEqual(yield* as(reader)(PostgresHealth.check), [])
      })
  )

  it.effect("lists more acts than a page has, in their order, and those of one subject", () =>
    Effect.gen(function* () {
      const { reader, superuser } = yield* Logins
      yield* superuser.unsafe(
        `SELECT daybook.record_act('pause', 'read model ' || n % 2, NULL, NULL, '{}')
        FROM generate_series(1, 1200) n`
      )
      const all = yield* Stream.runCollect(PostgresActs.list()).pipe(as(reader))
      assert.isAbove(all.length, 1_200)
      const numbers = all.map(({ number }) => number)
      assert.deepStrictEqual(
        numbers,
        numbers.toSorted((a, b) => Number(a - b))
      )
      const ones = yield* Stream.runCollect(PostgresActs.list({ subject: "read model 1" })).pipe(
        as(reader)
      )
      assert.lengthOf(ones, 600)
    })
  )

  it("S20: a record of grants names a hundred of each kind, and how many there were", () => {
    const lines = Array.from({ length: 150 }, (_, n) => `SELECT on t${n} to x`)
    assert.isUndefined(changes(lines, lines.toReversed()))
    const found = changes([], lines)
    assert.strictEqual(found?.granted.count, 150)
    assert.deepStrictEqual(found?.granted.first, lines.slice(0, 100))
    assert.deepStrictEqual(found?.revoked, { count: 0, first: [] })
  })
})
