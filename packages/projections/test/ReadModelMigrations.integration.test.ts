/**
 * The tables of read models in PostgreSQL: created once, however many hosts start, and never
 * replaced by foreign objects of their names.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { ForeignRelation } from "@daybook/projections/ReadModelStorePostgres"
import { SchemaName } from "@daybook/store/PostgresSchema"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { claimOf, LEASE, put, shadow, shelves, serve, weighedShelves } from "./shelf.ts"
import { take } from "./taking.ts"

const services = Reactivity.layer.pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer))

const hosts = Effect.fnUntraced(function* (count: number) {
  const url = yield* PostgresServer.freshDatabase
  return yield* Effect.forEach(Array.from({ length: count }), () =>
    PgClient.make({ url, maxConnections: 2 })
  )
})

/** Makes the store of a host, on its own connections. */
const storeOf = (sql: PgClient.PgClient) =>
  Effect.provideService(ReadModelStorePostgres.make, SqlClient, sql)

layer(services, { timeout: 60_000 })("Tables of read models in PostgreSQL", (it) => {
  it.effect("are made once for ten hosts that start at once, and serve all of them", () =>
    Effect.gen(function* () {
      const clients = yield* hosts(10)
      const table = shelves()
      const opened = yield* Effect.forEach(
        clients,
        Effect.fnUntraced(function* (sql) {
          const ran = yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
          const store = yield* storeOf(sql)
          const { serving, shadow } = yield* store.open(table)
          return { ran, serving, shadow }
        }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        opened.flatMap(({ ran }) => ran),
        [[1, "generations"]]
      )
      for (const { serving, shadow } of opened) {
        assert.strictEqual(serving.generation, 1)
        assert.isTrue(Option.isNone(shadow))
      }
    }).pipe(Effect.scoped)
  )

  it.effect("are made once for hosts that open the next version at once", () =>
    Effect.gen(function* () {
      const clients = yield* hosts(6)
      const [sql] = clients
      if (sql === undefined) return
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
      const table = shelves()
      yield* (yield* storeOf(sql)).open(table)
      const next = shelves({ name: table.name, version: 2 })
      const opened = yield* Effect.forEach(
        clients,
        (sql) => Effect.flatMap(storeOf(sql), (store) => store.open(next, { parallelism: 2 })),
        { concurrency: "unbounded" }
      )
      for (const { serving, shadow } of opened) {
        assert.strictEqual(serving.generation, 1)
        const { checkpoints, generation } = Option.getOrThrow(shadow)
        assert.deepStrictEqual([generation, ...checkpoints], [2, 0n, 0n])
      }
    }).pipe(Effect.scoped)
  )

  it.effect("are two sets in two schemas of one database", () =>
    Effect.gen(function* () {
      const [sql] = yield* hosts(1)
      if (sql === undefined) return
      const table = shelves({ name: "shelves" })
      for (const schema of ["here", "there"]) {
        const store = yield* Effect.andThen(
          Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql),
          storeOf(sql)
        ).pipe(Effect.provideService(ReadModelSchema, SchemaName.make(schema)))
        yield* Effect.provideService(serve(table, [[schema, 1]]), ReadModelStore, store)
      }
      const rows = yield* sql`
        SELECT shelf FROM here.shelves UNION ALL SELECT shelf FROM there.shelves`
      assert.deepStrictEqual(rows, [{ shelf: "here" }, { shelf: "there" }])
    }).pipe(Effect.scoped)
  )

  it.effect("take no name that something else has, and leave it alone", () =>
    Effect.gen(function* () {
      const [sql] = yield* hosts(1)
      if (sql === undefined) return
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
      yield* sql`CREATE TABLE read_models.shelves (mine text)`
      yield* sql`CREATE TYPE read_models.boxes AS ENUM ('mine')`
      yield* sql`CREATE VIEW read_models.racks AS SELECT 1 AS mine`
      const store = yield* storeOf(sql)
      for (const relation of ["shelves", "boxes", "racks"]) {
        const error = yield* Effect.flip(store.open(shelves({ name: relation })))
        assert.strictEqual(error._tag, "ReadModelStoreError")
        if (error._tag !== "ReadModelStoreError") return
        assert.deepStrictEqual(
          error.cause,
          new ForeignRelation({ schema: "read_models", relation })
        )
      }
      assert.deepStrictEqual(yield* store.states(), [])
      assert.deepStrictEqual(yield* sql`SELECT mine FROM read_models.racks`, [{ mine: 1 }])
    }).pipe(Effect.scoped)
  )

  it.effect("give a generation's number to another without the claims of the first", () =>
    Effect.gen(function* () {
      const [sql] = yield* hosts(1)
      if (sql === undefined) return
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
      const store = yield* storeOf(sql)
      const table = shelves()
      yield* Effect.gen(function* () {
        yield* serve(table, [])
        const dropped = yield* shadow(table, [["a", 1]])
        yield* store.drop(table.name, dropped.generation)
        const options = { parallelism: 1, owner: "another", lease: LEASE }
        const { claim } = yield* store.beginShadow(table, options)
        assert.strictEqual(Option.getOrThrow(claim).generation, dropped.generation)
        const error = yield* Effect.flip(take(store, table, dropped, put(0, 1, [["a", 1]])))
        assert.strictEqual(error._tag, "ClaimLost")
      }).pipe(Effect.provideService(ReadModelStore, store))
    }).pipe(Effect.scoped)
  )

  it.effect("are read by connections that have read a version with other types", () =>
    Effect.gen(function* () {
      const url = yield* PostgresServer.freshDatabase
      const sql = yield* PgClient.make({ url, maxConnections: 1 })
      yield* Effect.provideService(ReadModelMigrations.migrate, SqlClient, sql)
      const store = yield* storeOf(sql)
      const table = shelves()
      const everything = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }
      const read = (of: typeof table) =>
        Effect.all([store.get(of, { shelf: "a" }), Stream.runCollect(store.query(of, everything))])
      yield* Effect.gen(function* () {
        yield* serve(table, [["a", 1]])
        yield* read(table)
        const next = weighedShelves(table.name, 2)
        const opened = yield* store.open(next)
        const claim = yield* claimOf(Option.getOrThrow(opened.shadow))
        yield* take(store, next, claim, put(0, 1, [["a", 1.5]]))
        yield* store.promote(next, claim, { compare: false, catchUp: () => Effect.void })
        const row = { shelf: "a", item: "a mug", count: 1.5 }
        assert.deepStrictEqual(yield* read(next), [Option.some(row), [row]])
      }).pipe(Effect.provideService(ReadModelStore, store))
    }).pipe(Effect.scoped)
  )
})
