import { aggregate } from "@daybook/order/Order"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CONFIG, daybook, FIXTURE } from "./child.ts"
import { on, shop, sqlOn } from "./shop.ts"

const TIMEOUT_MILLIS = 600_000

const verify = (url: string, ...args: ReadonlyArray<string>) =>
  daybook(["verify", "--config", CONFIG, "-o", "plain", ...args], { env: { DATABASE_URL: url } })

/** Alters an event as only a superuser can. */
const alter = Effect.fnUntraced(function* (url: string, position: number, set: string) {
  yield* sqlOn(url, "ALTER TABLE daybook.events DISABLE TRIGGER append_only")
  yield* sqlOn(url, `UPDATE daybook.events SET ${set} WHERE position = ${position}`)
  yield* sqlOn(url, "ALTER TABLE daybook.events ENABLE ALWAYS TRIGGER append_only")
})

it.layer(PostgresServer.PostgresServer.layer)("daybook verify", (it) => {
  it.effect(
    "says what it checked and what it did not when all is well",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        const { status, stderr, stdout } = yield* verify(url, "--against", FIXTURE)
        assert.deepStrictEqual([status, stderr], [0, ""])
        assert.strictEqual(
          stdout.replaceAll(/position \d+/g, "position N"),
          [
            "well\thealth\ttriggers, sequence, id and settings of the log are as migrations make them",
            "well\torder\t20 events in 3 streams: positions increase, revisions are dense",
            "well\ttimes\trecorded times never decrease along a stream",
            "well\tdecoding\t20 events decode",
            "well\tagainst the export\t20 events are as the file has them",
            "well\tsnapshots\t0 snapshots equal the replay of their streams",
            "well\trows of order_summary\t3 rows equal a fresh fold up to position N",
            "well\trows of customer_orders\t3 rows equal a fresh fold up to position N",
            ""
          ].join("\n")
        )
        const bare = yield* daybook(["verify", "-o", "plain"], { env: { DATABASE_URL: url } })
        assert.strictEqual(bare.status, 0)
        assert.include(bare.stdout, "not checked\tdecoding of order\t20 events: the configuration")
        assert.include(bare.stdout, "not checked\tcontent\t")
        assert.include(bare.stdout, "not checked\trows of order_summary\t")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "finds one altered byte of an event, and says where",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        yield* alter(url, 1025, `data = replace(data::text, '"quantity":4', '"quantity":5')::json`)
        const blind = yield* verify(url)
        assert.strictEqual(blind.status, 3)
        assert.match(
          blind.stdout,
          /fault\trows of order_summary\tthe row orderId "ada" has totalMinor "1780", and its events make "2119"; its events: order-ada revision 1 \(position 1\), order-ada revision 2 \(position 1025\)/
        )
        assert.match(
          blind.stderr,
          /^daybook: 3 checks found a fault; the first: rows of order_summary: [^\n]*\n$/
        )
        assert.include(blind.stdout, "fault\tsuspects\tthe wrong rows share 11 events: order-ada ")
        const { status, stdout } = yield* verify(url, "--against", FIXTURE)
        assert.strictEqual(status, 3)
        assert.include(
          stdout,
          "fault\tagainst the export\tthe event ItemAdded at revision 2 of order-ada, position 1025 has data.quantity 5, and the file 4\n"
        )
        const quiet = yield* verify(url, "-q")
        assert.strictEqual(
          quiet.stdout,
          "rows of order_summary\nrows of customer_orders\nsuspects\n"
        )
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "finds an event that does not decode, a gap, and times out of order",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        yield* alter(url, 1025, `data = replace(data::text, '"quantity":4', '"quantitY":4')::json`)
        yield* alter(url, 19457, "revision = 7, recorded_at = '2026-11-01Z'")
        const { status, stdout } = yield* verify(url)
        assert.strictEqual(status, 3)
        assert.match(
          stdout,
          /fault\tdecoding\t[^\n]*ItemAdded version 2 at revision 2 of order-ada \(position 1025\)/
        )
        assert.include(
          stdout,
          "fault\torder\tOrderShipped at revision 7 of order-hedy, position 19457: the stream's next revision is 5\n"
        )
        assert.include(stdout, "fault\ttimes\tOrderShipped at revision 7 of order-hedy")
        assert.match(stdout, /fault\trows of order_summary\t[^\n]*position 1025/)
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "finds a row and a snapshot that were edited",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        yield* on(
          url,
          Effect.gen(function* () {
            yield* (yield* CommandHandler).execute(aggregate, "new", {
              _tag: "CreateOrder",
              customerId: "ada",
              currency: "GBP"
            })
          }).pipe(
            Effect.provide(
              CommandHandler.layerSnapshots(SnapshotPolicy.every(1)).pipe(
                Layer.provide(Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer))
              )
            ),
            Effect.scoped
          )
        )
        const before = yield* verify(url)
        assert.strictEqual(before.status, 0)
        assert.include(before.stdout, "well\tsnapshots\t1 snapshot equal the replay")
        yield* sqlOn(
          url,
          "UPDATE daybook.snapshots SET state = replace(state::text, 'GBP', 'EUR')::json"
        )
        yield* sqlOn(
          url,
          "UPDATE read_models.order_summary SET customer_id = 'eve' WHERE order_id = 'alan'"
        )
        const { status, stdout } = yield* verify(url)
        assert.strictEqual(status, 3)
        assert.include(
          stdout,
          'fault\tsnapshots\tthe snapshot of order-new at revision 1 has "EUR" at currency, and the replay "GBP"'
        )
        assert.include(
          stdout,
          'fault\trows of order_summary\tthe row orderId "alan" has customerId "eve", and its events make "alan"'
        )
        const env = { DATABASE_URL: url }
        const listed = yield* daybook(["snapshots", "-q"], { env })
        assert.strictEqual(listed.stdout, "order-new\n")
        assert.strictEqual((yield* daybook(["snapshots", "prune"], { env })).status, 0)
        assert.strictEqual(
          (yield* daybook(["snapshots", "drop"], { env })).stderr,
          "daybook: Give one of STREAM, --category and --all\n"
        )
        yield* daybook(["snapshots", "drop", "order-new"], { env })
        const refused = yield* daybook(
          ["projections", "rebuild", "order_summary", "--config", CONFIG],
          { env }
        )
        assert.strictEqual(refused.status, 1)
        const rebuilt = yield* daybook(
          ["projections", "rebuild", "order_summary", "--config", CONFIG, "--accept", "-q"],
          { env }
        )
        assert.deepStrictEqual(rebuilt, { status: 0, stdout: "order_summary\n", stderr: "" })
        assert.strictEqual((yield* verify(url)).status, 0)
      }),
    TIMEOUT_MILLIS
  )
})
