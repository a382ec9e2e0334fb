/**
 * Who keeps read models, and who reads them: each by what it needs, as `docs/guide/least-privilege.md` says.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import * as EventId from "@daybook/kernel/EventId"
import * as InlineProjections from "@daybook/projections/InlineProjections"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { aggregateOf, takings } from "./Till.ts"

const services = Reactivity.layer.pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer))

/** Users of a new database, connected; the roles are gone with it. */
const logins = Effect.gen(function* () {
  const server = yield* PostgresServer.PostgresServer
  const suffix = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const role = (name: string) => PostgresRoles.RoleName.make(`${name}_${suffix}`)
  const roles = { owner: role("owner"), writer: role("writer"), reader: role("reader") }
  const [projector, modelReader] = [role("projector"), role("model_reader")]
  const made = [roles.owner, roles.writer, roles.reader, projector, modelReader]
  const reactivity = yield* Reactivity.Reactivity
  // Roles can go when no database holds anything of theirs, so after the database.
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
      `CREATE ROLE "${user}" LOGIN PASSWORD 'secret' IN ROLE ${members.map((of) => `"${of}"`).join(", ")}`
    )
    const changed = new URL(Redacted.value(url))
    changed.username = user
    changed.password = "secret"
    return yield* PgClient.make({ url: Redacted.make(changed.href), maxConnections: 4 })
  })
  yield* Effect.provideService(
    Effect.andThen(PostgresMigrations.migrate, PostgresRoles.grant(roles)),
    SqlClient,
    superuser
  )
  // What the guide says.
  yield* superuser.unsafe(`CREATE ROLE "${projector}" IN ROLE "${roles.reader}"`)
  yield* superuser.unsafe(`CREATE ROLE "${modelReader}"`)
  yield* superuser.unsafe(`CREATE SCHEMA read_models AUTHORIZATION "${projector}"`)
  yield* superuser.unsafe(`GRANT USAGE ON SCHEMA read_models TO "${modelReader}"`)
  yield* superuser.unsafe(
    `ALTER DEFAULT PRIVILEGES FOR ROLE "${projector}" IN SCHEMA read_models
    GRANT SELECT ON TABLES TO "${modelReader}"`
  )
  return {
    made,
    superuser,
    writer: yield* as("writing_host", roles.writer),
    projecting: yield* as("projecting_host", projector),
    projectingToo: yield* as("other_projecting_host", projector),
    inline: yield* as("inline_host", projector, roles.writer),
    reading: yield* as("report", modelReader)
  }
})

const stores = (sql: PgClient.PgClient) =>
  Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
    Layer.provideMerge(Layer.succeed(SqlClient, sql))
  )

const till = aggregateOf("till")
const projection = takings(till, "takings")

const sell = (id: string, cents: number) =>
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

/** Runs the projections as a user until what is recorded is in the rows. */
const project = (
  sql: PgClient.PgClient,
  projections: Parameters<typeof Projections.layer>[0],
  then: (runner: Projections["Service"]) => Effect.Effect<unknown, unknown>
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

layer(services, { excludeTestServices: true, timeout: "1 minute" })(
  "Roles of read models",
  (it) => {
    it.effect("keep them, switch them, keep them inline and read them, each by its grants", () =>
      Effect.gen(function* () {
        const { inline, projecting, projectingToo, reading, superuser, writer } = yield* logins
        yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, projecting)
        yield* Effect.provide(
          Effect.andThen(sell("1", 250), sell("2", 100)),
          EventStorePostgres.layer.pipe(Layer.provide(Layer.succeed(SqlClient, writer)))
        )
        const unfit = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(stores(writer)))))
        assert.strictEqual(unfit._tag, "NotPermitted")
        const none = () => Effect.void
        yield* project(projecting, { async: [projection] }, none)
        // Another member of the group, with a table that the first one made.
        yield* project(projectingToo, { async: [projection] }, (runner) =>
          Stream.runDrain(runner.rebuild(projection.name))
        )
        yield* project(inline, { inline: [projection] }, (runner) =>
          Effect.repeat(runner.status(projection.name), {
            until: ({ doing }) => doing === "inline"
          })
        )
        yield* Effect.gen(function* () {
          const context = yield* Layer.build(Layer.fresh(InlineProjections.layer([projection])))
          yield* Effect.provideService(sell("1", 1), EventStore, Context.get(context, EventStore))
        }).pipe(Effect.scoped, Effect.provide(stores(inline)))

        const plain = yield* reading`SELECT till_id, cents FROM read_models.takings ORDER BY 1`
        assert.deepStrictEqual(plain, [
          { till_id: "1", cents: 251n },
          { till_id: "2", cents: 100n }
        ])
        const typed = yield* Stream.runCollect(ReadModel.query(projection)).pipe(
          Effect.provide(
            ReadModelStorePostgres.layer.pipe(Layer.provide(Layer.succeed(SqlClient, reading)))
          )
        )
        assert.strictEqual(typed.length, 2)

        const refused = [
          [reading, "UPDATE read_models.takings SET cents = 0"],
          [reading, "DELETE FROM read_models.daybook__generations"],
          [reading, "TRUNCATE read_models.takings"],
          [reading, "CREATE TABLE read_models.mine ()"],
          [reading, "DROP TABLE read_models.takings"],
          [reading, "SELECT nextval('read_models.daybook__epochs')"],
          [reading, "SELECT FROM daybook.events"],
          [reading, "SELECT daybook.settled_position()"],
          [writer, "SELECT FROM read_models.takings"],
          [writer, "UPDATE read_models.daybook__checkpoints SET position = 0"],
          [projecting, "INSERT INTO daybook.events SELECT * FROM daybook.events"],
          [
            projecting,
            "SELECT daybook.append('{}','{}','{}','{}','{}','{}','{}','{}','{}',true,1)"
          ],
          [projecting, "INSERT INTO daybook.snapshots SELECT * FROM daybook.snapshots"]
        ] as const
        for (const [user, statement] of refused) {
          const error = yield* Effect.flip(user.unsafe(statement).unprepared)
          assert.strictEqual(error.reason._tag, "AuthorizationError", statement)
        }
        const owners = yield* superuser`
          SELECT DISTINCT pg_get_userbyid(relowner) = pg_get_userbyid(nspowner) AS of_schema
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE nspname = 'read_models'`
        assert.deepStrictEqual(owners, [{ of_schema: true }])
      }).pipe(Effect.scoped)
    )
  }
)
