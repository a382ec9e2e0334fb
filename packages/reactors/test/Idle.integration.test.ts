/**
 * The statements of a host whose group is idle.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { stores } from "./postgresLayers.ts"
import * as Database from "../src/internal/postgres/database.ts"
import { driver } from "../src/internal/postgres/driver.ts"
import { SchemaName } from "@daybook/store/PostgresSchema"
import { EventStore } from "@daybook/store/EventStore"

const counting = stores.pipe(
  Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 4 })),
  Layer.provideMerge(PostgresServer.PostgresServer.layerCounting)
)

layer(counting, { timeout: 120_000, excludeTestServices: true })("A turn of a host", (it) => {
  it.effect("is one statement while nothing changes, and sees what does", () =>
    Effect.gen(function* () {
      yield* ConsumerGroups
      const sql = yield* SqlClient
      const { checkpoint } = yield* EventStore
      const rows = driver(
        Database.make(sql, {
          schema: SchemaName.make("reactors"),
          log: SchemaName.make("daybook"),
          lease: 3_600_000
        })
      )
      yield* rows.open("idle", {}, checkpoint)
      const take = (owner: string, draining: ReadonlySet<number> = new Set()) =>
        rows.tick("idle", { owner, lease: 3_600_000, draining, released: new Set() })
      const first = yield* take("one")
      assert.lengthOf(first.own, 1)
      const [again, statements] = yield* PostgresServer.counted(sql, take("one"))
      assert.deepStrictEqual(again.own, first.own)
      assert.strictEqual(statements.count, 1)

      yield* take("two")
      const drained = yield* take("one")
      assert.deepStrictEqual(
        drained.drain,
        first.own.map(({ epoch }) => epoch)
      )
      yield* rows.leave("idle", "two")
      const alone = yield* take("one")
      assert.deepStrictEqual(alone.drain, [])
      yield* rows.restart("idle", yield* checkpoint, {})
      const restarted = yield* take("one")
      assert.notStrictEqual(restarted.own[0]?.epoch, first.own[0]?.epoch)
      assert.lengthOf(restarted.own, 1)
    })
  )
})
