import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CONFIG, daybook, onTerminal } from "./child.ts"
import { note, Shop, shop } from "./shop.ts"

const TIMEOUT_MILLIS = 300_000

/** Runs the command on the shop. */
const run = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { url } = yield* Shop
  return yield* daybook(args, { env: { DATABASE_URL: url } })
})

/** Returns the output of the command; its status must be 0, and it must not complain. */
const output = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { status, stderr, stdout } = yield* run(...args)
  assert.deepStrictEqual([status, stderr], [0, ""])
  return stdout
})

const HEDY =
  '{"streamId":"order-hedy","revision":5,"position":"19457","occurredAt":"2026-11-29T14:30:00.000Z","recordedAt":"2026-11-29T14:30:00.000Z"}'

it.layer(Shop.layer, { timeout: "5 minutes" })("daybook", (it) => {
  it.effect(
    "lists streams in every format",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* output("streams"),
          [
            "stream      events  last occurred at          last position",
            "order-ada       11  2026-11-26T16:45:00.000Z          14337",
            "order-alan       4  2026-11-26T16:35:00.000Z          13313",
            "order-hedy       5  2026-11-29T14:30:00.000Z          19457",
            ""
          ].join("\n")
        )
        assert.strictEqual(
          yield* output("streams", "--prefix", "order-a", "-o", "plain"),
          "order-ada\t11\t2026-11-26T16:45:00.000Z\t14337\n" +
            "order-alan\t4\t2026-11-26T16:35:00.000Z\t13313\n"
        )
        assert.strictEqual(
          yield* output("streams", "-q", "--limit", "2"),
          "order-ada\norder-alan\n"
        )
        assert.strictEqual(
          yield* output("streams", "--prefix", "order-h", "-o", "ndjson"),
          `${HEDY}\n`
        )
        assert.strictEqual(
          yield* output("streams", "--prefix", "order-h", "-o", "json"),
          `[\n  ${HEDY}\n]\n`
        )
        assert.strictEqual(yield* output("streams", "--category", "none", "-o", "json"), "[]\n")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "shows a stream with its state, as of a revision and as of a time",
    () =>
      Effect.gen(function* () {
        const earlier = yield* output("show", "order-alan", "--config", CONFIG, "--revision", "2")
        assert.strictEqual(
          earlier,
          [
            "revision  position  occurred at               type              data",
            '       1      7169  2026-11-26T14:10:00.000Z  OrderCreated v3   {"_tag":"OrderCreated","customerId":"alan","currency":"GBP"}',
            '       2      8193  2026-11-26T14:12:00.000Z  ItemAdded v2      {"_tag":"ItemAdded","productId":"chess","name":"Travelling chess set","quantity":1,"unitPrice":{"currency":"GBP","minor":1295}}',
            "",
            "state at revision 2",
            "{",
            '  "_tag": "Draft",',
            '  "customerId": "alan",',
            '  "currency": "GBP",',
            '  "lines": [',
            "    {",
            '      "productId": "chess",',
            '      "name": "Travelling chess set",',
            '      "quantity": 1,',
            '      "unitPriceMinor": 1295',
            "    }",
            "  ]",
            "}",
            ""
          ].join("\n")
        )
        const args = ["show", "order-alan", "--config", CONFIG, "--at", "2026-11-26T14:12:00Z"]
        assert.strictEqual(yield* output(...args), earlier)
        const json: unknown = JSON.parse(yield* output(...args, "-o", "json"))
        assert.nestedPropertyVal(json, "state._tag", "Draft")
        assert.nestedPropertyVal(json, "events[1].today[0].name", "Travelling chess set")
        assert.strictEqual(
          yield* output("show", "order-ada", "--config", CONFIG, "--diff", "9..10"),
          'path  before   after\n_tag  "Draft"  "Confirmed"\n'
        )
        assert.strictEqual(
          yield* output("show", "order-alan", "--config", CONFIG, "--raw", "-o", "plain"),
          yield* output("show", "order-alan", "-o", "plain")
        )
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "searches events by correlation, actor and time",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* output("events", "--correlation", "checkout-7f3a", "-o", "plain"),
          [
            "11265\torder-ada\t10\t2026-11-26T15:55:00.000Z\tOrderConfirmed v2\t{}",
            "12289\torder-alan\t3\t2026-11-26T16:20:00.000Z\tOrderConfirmed v2\t{}",
            "18433\torder-hedy\t4\t2026-11-28T16:20:00.000Z\tOrderConfirmed v2\t{}",
            ""
          ].join("\n")
        )
        assert.strictEqual(
          yield* output("events", "--correlation", "checkout-7f3a", "-q", "--limit", "1"),
          yield* output(
            "events",
            "--type",
            "OrderConfirmed",
            "--after",
            "11264",
            "-q",
            "--limit",
            "1"
          )
        )
        const until = ["--since", "2026-11-26T16:00Z", "--until", "2026-11-26T16:35Z"]
        assert.strictEqual((yield* output("events", ...until, "-q")).split("\n").length, 3)
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "prints the newest events, and follows the log until a signal",
    () =>
      Effect.gen(function* () {
        // A log of its own, since the test appends.
        const url = yield* shop
        assert.strictEqual(
          yield* output("tail", "--no-follow", "-n", "1", "-o", "plain"),
          '19457\torder-hedy\t5\t2026-11-29T14:30:00.000Z\tOrderShipped\t{"carrier":"Royal Mail","tracking":"RM 20"}\n'
        )
        const append = Effect.orDie(note(url))
        const { status, stderr, stdout } = yield* daybook(
          ["tail", "-n", "1", "-o", "ndjson", "--url", url],
          {
            during: (child) =>
              Effect.callback<void>((resume) => {
                let lines = 0
                child.stdout?.on("data", (text: string) => {
                  lines += text.split("\n").length - 1
                  if (lines === 1) resume(append)
                  if (lines === 2) child.kill("SIGINT")
                })
              })
          }
        )
        assert.strictEqual(status, 130)
        assert.strictEqual(stderr, "daybook: interrupted\n")
        const [, live] = stdout.trimEnd().split("\n")
        assert.nestedPropertyVal(JSON.parse(live ?? ""), "data.text", "live")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "queries the rows that serve, and those of an earlier time",
    () =>
      Effect.gen(function* () {
        const query = (...args: ReadonlyArray<string>) =>
          output("query", "customer_orders", "--config", CONFIG, "-o", "plain", ...args)
        assert.match(yield* query("--where", "orderId=ada"), /^ada\tada\tshipped\tGBP\t1780\t6\t/)
        assert.strictEqual(yield* query("-q"), "ada\nalan\nhedy\n")
        assert.strictEqual(yield* query("-q", "--as-of", "2026-11-26T15:00:00Z"), "ada\nalan\n")
        assert.strictEqual(yield* query("-q", "--position", "7168"), "ada\n")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "catalogs event types by their versions, and what folds them",
    () =>
      Effect.gen(function* () {
        const known = yield* output("catalog", "--config", CONFIG, "--count", "-o", "plain")
        assert.include(known, "order\tItemAdded\t2\ttoday\t6\t\torder_summary customer_orders\n")
        assert.include(known, "order\tOrderCreated\t1\tpast\t0\t")
        const unknown = yield* output("catalog", "-o", "plain")
        assert.include(unknown, "order\tItemAdded\t2\tunknown\t6\t\t\n")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "measures the log",
    () =>
      Effect.gen(function* () {
        const stats: unknown = JSON.parse(yield* output("stats", "-o", "json"))
        assert.nestedPropertyVal(stats, "categories.order.events", 20)
        assert.nestedPropertyVal(stats, "categories.order.streams", 3)
        assert.nestedProperty(stats, "table bytes")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "lists read models and consumer groups",
    () =>
      Effect.gen(function* () {
        assert.match(
          yield* output("projections", "-o", "plain"),
          /^customer_orders\t1\t1\tserving\t[^\n]*\norder_summary\t1\t1\tserving\t[^\n]*\n$/
        )
        assert.strictEqual(yield* output("reactors", "-o", "json"), "[]\n")
        assert.strictEqual(yield* output("snapshots", "-o", "json"), "[]\n")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "prints titles in bold on a terminal, and progress beside an export",
    () =>
      Effect.gen(function* () {
        const { url } = yield* Shop
        const env = { DATABASE_URL: url }
        const streams = yield* onTerminal(["streams", "--limit", "1"], { env })
        assert.include(
          streams.stdout,
          "\u001b[1mstream     events  last occurred at          last position\u001b[22m"
        )
        const plain = yield* onTerminal(["streams", "--limit", "1"], {
          env: { ...env, NO_COLOR: "1" }
        })
        assert.notInclude(plain.stdout, "\u001b")
        const verified = yield* onTerminal(["verify"], { env })
        assert.include(verified.stdout, "\r\u001b[K")
        assert.include(verified.stdout, "checked")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "has help with examples for each command, and completions",
    () =>
      Effect.gen(function* () {
        const help = yield* output("--help")
        for (const name of ["streams", "verify", "export", "projections", "doctor", "contexts"]) {
          assert.include(help, `  ${name} `)
        }
        assert.include(yield* output("projections", "rebuild", "--help"), "EXAMPLES")
        assert.include(yield* output("--completions", "bash"), "_daybook")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "reports what the server is fit for, and what it could not see",
    () =>
      Effect.gen(function* () {
        const report = yield* output("doctor", "-o", "plain")
        assert.match(report, /^well\tserver\tPostgreSQL \d+/)
        assert.include(report, "well\tlistener\t")
        assert.include(report, "not checked\tbackups\t")
      }),
    TIMEOUT_MILLIS
  )

  for (const [name, status, line, args] of [
    ["an unknown flag", 2, "Unrecognized flag: --bogus", ["streams", "--bogus"]],
    ["a missing argument", 2, "Missing required argument: STREAM", ["show"]],
    ["an invalid time", 2, "noon is not a time", ["show", "order-ada", "--at", "noon"]],
    ["an invalid stream id", 2, "a stream id", ["show", "order"]],
    [
      "two moments",
      2,
      "exclude one another",
      ["show", "order-ada", "--revision", "1", "--diff", "1..2"]
    ],
    [
      "a state without an aggregate",
      2,
      "needs the aggregate of order",
      ["show", "order-ada", "--diff", "1..2"]
    ],
    [
      "a missing configuration",
      2,
      "There is no configuration /none.ts",
      ["streams", "--config", "none.ts"]
    ],
    ["an invalid schema name", 2, "--schema", ["streams", "--schema", "pg_x"]],
    [
      "another schema",
      1,
      "and this code needs 1: run daybook migrate",
      ["streams", "--schema", "other"]
    ],
    ["a missing stream", 4, "There is no stream order-none", ["show", "order-none"]],
    [
      "a missing read model",
      4,
      "There is no read model none: there are",
      ["projections", "pause", "none"]
    ],
    [
      "a missing projection",
      4,
      "There is no projection in the configuration none",
      ["query", "none"]
    ],
    ["a missing group", 4, "There is no consumer group none", ["reactors", "held", "none"]]
  ] as const) {
    it.effect(
      `ends with one line and status ${status} on ${name}`,
      () =>
        Effect.gen(function* () {
          const ended = yield* run(...args)
          assert.strictEqual(ended.stdout, "")
          assert.match(ended.stderr, /^daybook: [^\n]*\n$/)
          assert.include(ended.stderr, line)
          assert.strictEqual(ended.status, status)
        }),
      TIMEOUT_MILLIS
    )
  }
})
