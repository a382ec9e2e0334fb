/**
 * The user of the hosts, which may only append and maintain read models.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"

const role = (name: string) => PostgresRoles.RoleName.make(name)
export const roles = {
  owner: role("log_owner"),
  writer: role("log_writer"),
  reader: role("log_reader")
}

/**
 * Makes everything that a deploy makes, as the superuser of `url`, and returns the URL for hosts.
 */
export const deploy = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const sql = yield* SqlClient
  const password = SecureRandom.uuidV4Unsafe()
  yield* PostgresMigrations.migrate
  yield* PostgresRoles.grant(roles)
  // As in the guide on least privilege.
  for (const statement of [
    `CREATE ROLE projector IN ROLE ${roles.reader}`,
    `CREATE SCHEMA read_models AUTHORIZATION projector`,
    `CREATE ROLE shop LOGIN PASSWORD '${password}' IN ROLE projector, ${roles.writer}`
  ]) {
    yield* sql.unsafe(statement).unprepared
  }
  yield* ReadModelMigrations.migrate
  const shop = new URL(Redacted.value(url))
  shop.username = "shop"
  shop.password = password
  return Redacted.make(shop.href)
})

/** The hostile users, from the fewest rights to the most. */
export type Actor = "stranger" | "dashboards" | "reader" | "projector" | "writer"

/** Sessions of each hostile user, one connection each. */
export interface Hostiles {
  readonly sessionsOf: (
    actor: Actor
  ) => ReadonlyArray<{ readonly sql: SqlClient; readonly turn: Semaphore.Semaphore }>
}

const MEMBER_OF: Record<Actor, string | undefined> = {
  stranger: undefined,
  dashboards: "model_reader",
  reader: roles.reader,
  projector: "projector",
  writer: roles.writer
}

const SESSIONS_EACH = 2

/** Makes users as the guide on least privilege does, with the rights of each, after the deploy. */
export const hostiles = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const sql = yield* SqlClient
  for (const statement of [
    "CREATE ROLE model_reader",
    "GRANT USAGE ON SCHEMA read_models TO model_reader",
    "ALTER DEFAULT PRIVILEGES FOR ROLE projector IN SCHEMA read_models GRANT SELECT ON TABLES TO model_reader",
    // Hosts have made the tables of today by now.
    "GRANT SELECT ON ALL TABLES IN SCHEMA read_models TO model_reader"
  ]) {
    yield* sql.unsafe(statement).unprepared
  }
  // It takes back what readers of rows may not see.
  yield* ReadModelMigrations.migrate
  const sessions = new Map<Actor, ReturnType<Hostiles["sessionsOf"]>>()
  for (const actor of Record.keys(MEMBER_OF)) {
    const [role, password] = [MEMBER_OF[actor], SecureRandom.uuidV4Unsafe()]
    yield* sql.unsafe(
      `CREATE ROLE hostile_${actor} LOGIN PASSWORD '${password}'${role === undefined ? "" : ` IN ROLE ${role}`}`
    ).unprepared
    const own = new URL(Redacted.value(url))
    own.username = `hostile_${actor}`
    own.password = password
    sessions.set(
      actor,
      yield* Effect.forEach(Array.from({ length: SESSIONS_EACH }), () =>
        Effect.all({
          sql: Effect.map(
            Layer.build(PgClient.layer({ url: Redacted.make(own.href), maxConnections: 1 })),
            (built) => Context.get(built, SqlClient)
          ),
          turn: Semaphore.make(1)
        })
      )
    )
  }
  const made: Hostiles = { sessionsOf: (actor) => sessions.get(actor) ?? [] }
  return made
})

/** Lets hosts change events at will, which no log should allow. */
export const spoil = Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`GRANT ALL ON daybook.events TO shop`.unprepared
  // A constraint of the table calls it.
  yield* sql`GRANT EXECUTE ON FUNCTION daybook.check_event TO shop`.unprepared
  yield* sql`ALTER TABLE daybook.events DISABLE TRIGGER USER`.unprepared
})

const ALTERATIONS = [
  "UPDATE daybook.events SET type = 'Forged'",
  "DELETE FROM daybook.events",
  "TRUNCATE daybook.events CASCADE",
  "INSERT INTO daybook.events SELECT * FROM daybook.events ON CONFLICT DO NOTHING",
  "ALTER TABLE daybook.events DISABLE TRIGGER USER",
  "SET LOCAL session_replication_role = replica"
]

/**
 * Tries each statement that alters the log as `user`, rolls it back, and returns whether it was
 * refused.
 */
export const alter = (user: SqlClient) =>
  Effect.forEach(ALTERATIONS, (statement) =>
    user.unsafe(statement).unprepared.pipe(
      Effect.result,
      Effect.flatMap((outcome) => Effect.fail(outcome)),
      user.withTransaction,
      Effect.catch((outcome) => {
        if (isSqlError(outcome)) return Effect.fail(outcome)
        if (Result.isSuccess(outcome)) return Effect.succeed({ statement, refused: false })
        const { failure } = outcome
        // Any other failure, such as a cut connection, proves nothing.
        return failure.reason._tag === "AuthorizationError"
          ? Effect.succeed({ statement, refused: true })
          : Effect.fail(failure)
      })
    )
  )
