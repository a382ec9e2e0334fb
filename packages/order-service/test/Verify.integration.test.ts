import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs"
import { daybook, demo } from "./child.ts"
import { dirty, folder, realOrders } from "./files.ts"

const TIMEOUT_MILLIS = 600_000

const verify = (dataDir: string) => daybook(["verify", "--data", dataDir, "-o", "plain"])

/** Alters one byte of one event, as only a superuser can. */
const alterOneByte = (dataDir: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql`ALTER TABLE daybook.events DISABLE TRIGGER append_only`
    const [altered] = yield* sql<{ readonly streamId: string; readonly revision: number }>`
      UPDATE daybook.events
      SET data = regexp_replace(data::text, '"quantity":([1-8])(\\d*)', '"quantity":9\\2')::json
      WHERE position = (
        SELECT position FROM daybook.events
        WHERE type = 'ItemAdded' AND data::text ~ '"quantity":[1-8]' ORDER BY position LIMIT 1
      )
      RETURNING stream_id AS "streamId", revision`
    yield* sql`ALTER TABLE daybook.events ENABLE ALWAYS TRIGGER append_only`
    if (altered === undefined) return yield* Effect.die("no event was altered")
    return altered
  }).pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir })))

it.layer(NodeServices.layer)("daybook verify", (it) => {
  for (const [name, file] of [
    ["orders with faults", dirty],
    // Not every machine has them.
    ...(Fs.existsSync(realOrders) ? [["real orders", realOrders] as const] : [])
  ] as const) {
    it.effect(
      `finds an import of ${name} well, and then one altered byte in it`,
      () =>
        Effect.gen(function* () {
          const dataDir = yield* folder
          assert.strictEqual((yield* demo([file, "--data", dataDir])).status, 0)
          const well = yield* verify(dataDir)
          assert.deepStrictEqual([well.status, well.stderr], [0, ""])
          assert.notInclude(well.stdout, "fault")
          for (const readModel of ["order_summary", "customer_orders", "product_demand"]) {
            assert.include(well.stdout, `well\trows of ${readModel}\t`)
          }
          const { revision, streamId } = yield* alterOneByte(dataDir)
          const { status, stdout } = yield* verify(dataDir)
          assert.strictEqual(status, 3)
          const line = stdout
            .split("\n")
            .find((one) => one.startsWith("fault\trows of order_summary"))
          assert.include(line, `${streamId} revision ${revision} `)
          assert.include(line, "has totalMinor ")
          assert.match(
            stdout,
            new RegExp(
              `fault\tsuspects\tthe wrong rows share \\d events?: .*${streamId} revision ${revision} `
            )
          )
        }),
      TIMEOUT_MILLIS
    )
  }
})
