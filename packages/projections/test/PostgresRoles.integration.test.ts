/**
 * The roles that maintain and read read models, each with the least privileges, as
 * `docs/guide/least-privilege.md` grants them.
 */
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { logins, logOf, project, projection, sell, services, stores } from "./readModelLogins.ts"

layer(services, { excludeTestServices: true, timeout: "1 minute" })(
  "Roles of read models",
  (it) => {
    it.effect("keep them, switch them, keep them inline and read them, each by its grants", () =>
      Effect.gen(function* () {
        const { inline, projecting, projectingToo, reading, superuser, writer } = yield* logins()
        yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, projecting)
        yield* Effect.provide(Effect.andThen(sell("1", 250), sell("2", 100)), logOf(writer))
        const unfit = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(stores(writer)))))
        assert.strictEqual(unfit._tag, "NotPermitted")
        const none = () => Effect.void
        yield* project(projecting, { async: [projection] }, none)
        // Another member of the group rebuilds a table that the first member made.
        yield* project(projectingToo, { async: [projection] }, (runner) =>
          Stream.runDrain(runner.rebuild(projection.name))
        )
        yield* project(projecting, { inline: [projection] }, (runner) =>
          Effect.repeat(runner.status(projection.name), {
            until: ({ state }) => state === "inline"
          })
        )
        yield* Effect.gen(function* () {
          const context = yield* Layer.build(Layer.fresh(Projections.layerAppends([projection])))
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
