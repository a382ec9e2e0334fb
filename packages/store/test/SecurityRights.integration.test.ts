/**
 * Who gets rights that were not granted: the findings of the security review of November 2026, each as who attacks.
 */
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { note } from "./notes.ts"
import { overloadsCalled } from "./overloads.ts"
import { Logins } from "./roleLogins.ts"

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

layer(Logins.layerOverloaded, { timeout: 120_000, excludeTestServices: true })(
  "S4: functions that a stranger made in public",
  (it) => {
    it.effect("S4: are there, and a careless statement calls them", () =>
      Effect.gen(function* () {
        const { reader, superuser } = yield* Logins
        const [made] = yield* superuser<{ readonly count: number }>`
          SELECT count(*)::integer AS count FROM pg_proc
          WHERE pronamespace = 'public'::regnamespace::oid`.unprepared
        assert.isAbove(made?.count ?? 0, 1_000)
        const careless = [
          "SELECT format('%s', current_user)",
          "SELECT quote_ident(current_user)",
          "SELECT unnest(ARRAY['a'])",
          "SELECT hashtextextended('a', 0)",
          "SELECT 'a '::text || 'pg_class'::regclass"
        ]
        for (const statement of careless) {
          const error = yield* Effect.flip(reader.withTransaction(reader.unsafe(statement)))
          assert.include(String(error.reason.cause), "called as", statement)
        }
        yield* superuser`SELECT setval('public.overloads_called', 1, false)`.unprepared
      })
    )

    it.effect("S4: run as nobody who deploys, appends or reads", () =>
      Effect.gen(function* () {
        const { migrator, reader, roles, superuser, writer } = yield* Logins
        const deploy = PostgresMigrations.migrate.pipe(
          Effect.andThen(PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 1_000 })),
          Effect.andThen(PostgresRoles.grant(roles))
        )
        for (const sql of [migrator, superuser]) {
          yield* Effect.provideService(deploy, SqlClient, sql)
        }
        const { streamId } = yield* note(writer)
        const store = yield* storeOf(reader)
        const [read] = yield* Stream.runCollect(store.read(streamId))
        assert.strictEqual(read?.streamId, streamId)
        const categories = [read.streamId.slice(0, 4) as never]
        const log = yield* Stream.runCollect(store.readAll({ categories, types: [read.type] }))
        assert.deepStrictEqual(log.at(-1), read)
        assert.strictEqual((yield* store.find([read.id])).length, 1)
        assert.isAbove((yield* store.backlog()).events, 0)
        const pages = store.subscribe().pipe(Stream.take(1))
        assert.strictEqual((yield* Stream.runCollect(pages)).length, 1)
        const snapshots = yield* Effect.provideService(
          SnapshotStorePostgres.make,
          SqlClient,
          reader
        )
        assert.deepInclude(yield* snapshots.load(streamId), { _tag: "None" })
        assert.deepStrictEqual(yield* overloadsCalled(superuser), [{ called: false }])
      })
    )
  }
)
