/**
 * A log and its read models on a real server, with users who have the privileges of
 * `docs/guide/least-privilege.md`.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import * as EventId from "@daybook/kernel/EventId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { aggregateOf, takings } from "./Till.ts"

export const services = Reactivity.layer.pipe(
  Layer.provideMerge(PostgresServer.PostgresServer.layer)
)

/**
 * Connects users of a new database; their roles are dropped with it. `before` runs on the database
 * first, as a stranger who may create in `public`.
 */
export const logins = Effect.fnUntraced(function* (
  before: (stranger: SqlClient) => Effect.Effect<unknown, SqlError> = () => Effect.void
) {
  const server = yield* PostgresServer.PostgresServer
  const suffix = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const role = (name: string) => PostgresRoles.RoleName.make(`${name}_${suffix}`)
  const roles = { owner: role("owner"), writer: role("writer"), reader: role("reader") }
  const [projector, modelReader] = [role("projector"), role("model_reader")]
  const keeper = role("inline")
  const reactivity = yield* Reactivity.Reactivity
  // Roles can be dropped only when no database has objects of theirs, so after the database.
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const sql = yield* PgClient.make({ url: server.url, maxConnections: 1 })
      const found = yield* sql<{ readonly name: string }>`
        SELECT rolname::text AS name FROM pg_roles WHERE rolname LIKE ${`%_${suffix}`}`
      for (const { name } of found) yield* sql`DROP ROLE ${sql(name)}`.unprepared
    }).pipe(Effect.scoped, Effect.provideService(Reactivity.Reactivity, reactivity), Effect.orDie)
  )
  const url = yield* PostgresServer.freshDatabase
  const superuser = yield* PgClient.make({ url })
  const as = Effect.fnUntraced(function* (name: string, ...members: ReadonlyArray<string>) {
    const user = role(name)
    yield* superuser.unsafe(
      `CREATE ROLE "${user}" LOGIN PASSWORD 'secret' ${
        members.length === 0 ? "" : `IN ROLE ${members.map((of) => `"${of}"`).join(", ")}`
      }`
    )
    const changed = new URL(Redacted.value(url))
    changed.username = user
    changed.password = "secret"
    return yield* PgClient.make({ url: Redacted.make(changed.href), maxConnections: 4 })
  })
  const stranger = yield* as("stranger")
  yield* superuser.unsafe(`GRANT CREATE ON SCHEMA public TO "${role("stranger")}"`)
  yield* before(stranger)
  yield* Effect.provideService(
    Effect.andThen(PostgresMigrations.migrate, PostgresRoles.grant(roles)),
    SqlClient,
    superuser
  )
  // The statements of the guide.
  yield* superuser.unsafe(`CREATE ROLE "${projector}" IN ROLE "${roles.reader}"`)
  yield* superuser.unsafe(`CREATE ROLE "${modelReader}"`)
  yield* superuser.unsafe(`CREATE SCHEMA read_models AUTHORIZATION "${projector}"`)
  yield* superuser.unsafe(`CREATE ROLE "${keeper}" IN ROLE "${roles.writer}"`)
  yield* superuser.unsafe(`GRANT USAGE ON SCHEMA read_models TO "${modelReader}", "${keeper}"`)
  for (const [what, to] of [
    ["SELECT", modelReader],
    ["SELECT, INSERT, UPDATE, DELETE", keeper]
  ]) {
    yield* superuser.unsafe(
      `ALTER DEFAULT PRIVILEGES FOR ROLE "${projector}" IN SCHEMA read_models
      GRANT ${what} ON TABLES TO "${to}"`
    )
  }
  yield* superuser.unsafe(`GRANT EXECUTE ON FUNCTION daybook.record_act TO "${projector}"`)
  return {
    role,
    roles,
    projector,
    modelReader,
    superuser,
    stranger,
    writer: yield* as("writing_host", roles.writer),
    projecting: yield* as("projecting_host", projector),
    projectingToo: yield* as("other_projecting_host", projector),
    inline: yield* as("inline_host", keeper),
    reading: yield* as("dashboards", modelReader)
  }
})

export const stores = (sql: PgClient.PgClient) =>
  Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
    Layer.provideMerge(Layer.succeed(SqlClient, sql))
  )

/** The event store of a role that only appends, and may not use the schema of read models. */
export const logOf = (sql: PgClient.PgClient) =>
  EventStorePostgres.layer.pipe(Layer.provide(Layer.succeed(SqlClient, sql)))

const till = aggregateOf("till")
export const projection = takings(till, "takings")

export const sell = (id: string, cents: number) =>
  Effect.flatMap(EventStore, (events) =>
    events.append({
      streamId: Result.getOrThrow(StreamId.make(till.category, id)),
      expected: ExpectedRevision.any,
      events: [
        {
          id: EventId.make(SecureRandom.uuidV4Unsafe()),
          type: "Sold",
          schemaVersion: 1,
          data: { product: "tea", cents },
          metadata: {},
          occurredAt: DateTime.makeUnsafe(0)
        }
      ]
    })
  )

/** Runs the projections as a user until the rows hold all recorded events. */
export const project = (
  sql: PgClient.PgClient,
  projections: Parameters<typeof Projections.layer>[0],
  then: (runner: Projections["Service"]) => Effect.Effect<unknown, unknown> = () => Effect.void
) =>
  Effect.gen(function* () {
    const runner = Context.get(
      yield* Layer.build(Layer.fresh(Projections.layer(projections))),
      Projections
    )
    const head = yield* Effect.flatMap(EventStore, (events) => events.head)
    yield* runner.waitFor(projection.name, head, "20 seconds")
    yield* then(runner)
  }).pipe(
    Effect.scoped,
    Effect.provideService(RunnerSettings, { ...defaults, pollInterval: "20 millis" }),
    Effect.provide(stores(sql))
  )
