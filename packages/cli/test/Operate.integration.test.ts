import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as Reactor from "@daybook/reactors/Reactor"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { Reactors } from "@daybook/reactors/Reactors"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { CONFIG, daybook } from "./child.ts"
import { on, shop } from "./shop.ts"

const TIMEOUT_MILLIS = 300_000

/** A reactor that fails on the orders of one customer, and parks them. */
const mails = Reactor.make({
  name: "order-mails",
  from: "beginning",
  onFailure: "park",
  retry: Schedule.recurs(0),
  react: ({ streamId }) => (streamId === "order-alan" ? Effect.fail("no address") : Effect.void)
})

/** Runs the reactor until it has handled the log. */
const mailed = Effect.gen(function* () {
  const groups = yield* ConsumerGroups
  while (
    (yield* groups.status("order-mails").pipe(Effect.orElseSucceed(() => undefined)))?.held
      .length !== 1
  ) {
    yield* Effect.yieldNow
  }
  while ((yield* groups.status("order-mails")).lagEvents > 0) yield* Effect.yieldNow
}).pipe(
  Effect.provide(
    Reactors.layer([mails]).pipe(
      Layer.provideMerge(ConsumerGroupsPostgres.layer),
      Layer.provideMerge(EventStorePostgres.layer)
    )
  )
)

it.layer(PostgresServer.PostgresServer.layer)("daybook", (it) => {
  it.effect(
    "pauses and resumes a read model, and records who did it",
    () =>
      Effect.gen(function* () {
        const env = { DATABASE_URL: yield* shop }
        const run = (...args: ReadonlyArray<string>) => daybook(["projections", ...args], { env })
        const paused = yield* run(
          "pause",
          "order_summary",
          "--actor",
          "ann",
          "--reason",
          "an index"
        )
        assert.deepStrictEqual(paused, { status: 0, stdout: "", stderr: "" })
        assert.match((yield* run("-o", "plain")).stdout, /\norder_summary\t1\t1\tserving\tpaused\t/)
        assert.strictEqual((yield* run("retry", "order_summary")).status, 0)
        assert.notInclude((yield* run("-o", "plain")).stdout, "paused")
        const acts = yield* run("acts", "order_summary", "-o", "ndjson")
        const [first, second] = acts.stdout.trimEnd().split("\n")
        assert.include(JSON.parse(first ?? ""), { act: "pause", actor: "ann", reason: "an index" })
        assert.include(JSON.parse(second ?? ""), { act: "resume", actor: null })
        const absent = yield* run("skip", "order_summary", "--position", "2", "--reason", "none")
        assert.deepStrictEqual(
          [absent.status, absent.stderr],
          [4, "daybook: There is no event at position 2\n"]
        )
        const folded = yield* run("skip", "order_summary", "--position", "1025", "--reason", "test")
        assert.strictEqual(folded.status, 1)
        assert.match(folded.stderr, /^daybook: [^\n]*1025[^\n]*\n$/)
        const serving = yield* run("drop", "order_summary", "1")
        assert.strictEqual(
          serving.stderr,
          "daybook: Generation 1 of order_summary serves, and is not dropped\n"
        )
        const rebuilt = yield* run("rebuild", "order_summary", "--config", CONFIG, "-o", "plain")
        assert.deepStrictEqual(
          [rebuilt.status, rebuilt.stdout],
          [0, "rebuilt\torder_summary\nevents\t20\n"]
        )
        assert.strictEqual((yield* run("drop", "order_summary", "1")).status, 0)
        assert.notInclude((yield* run("-o", "plain")).stdout, "retired")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "lists, releases and skips the held keys of a reactor, and restarts it",
    () =>
      Effect.gen(function* () {
        const url = yield* shop
        const env = { DATABASE_URL: url }
        yield* on(url, mailed)
        const run = (...args: ReadonlyArray<string>) => daybook(["reactors", ...args], { env })
        assert.match((yield* run("-o", "plain")).stdout, /^order-mails\tidle\t\d+\t0\t1\t0\n$/)
        assert.strictEqual((yield* run("held", "order-mails", "-q")).stdout, "order-alan\n")
        const held = yield* run("held", "order-mails", "-o", "ndjson")
        assert.include(JSON.parse(held.stdout), {
          key: "order-alan",
          position: "7169",
          type: "OrderCreated",
          attempts: 1,
          asked: null
        })
        assert.strictEqual(
          (yield* run("retry", "order-mails", "order-alan", "--actor", "ann")).status,
          0
        )
        const asked = yield* run("held", "order-mails", "-o", "ndjson")
        assert.include(JSON.parse(asked.stdout), { asked: "release" })
        assert.strictEqual((yield* run("skip", "order-mails", "order-alan")).status, 0)
        const dropped = yield* run("held", "order-mails", "-o", "ndjson")
        assert.include(JSON.parse(dropped.stdout), { asked: "drop" })
        const other = yield* run("skip", "order-mails", "order-eve")
        assert.deepStrictEqual(
          [other.status, other.stderr],
          [4, "daybook: There is no held key of order-mails order-eve\n"]
        )
        assert.strictEqual((yield* run("restart", "order-mails", "--from", "now")).status, 0)
        assert.strictEqual((yield* run("held", "order-mails", "-q")).stdout, "")
        const acts = yield* run("acts", "order-mails", "-q")
        assert.strictEqual(acts.stdout, "release\ndrop\nrestart\n")
      }),
    TIMEOUT_MILLIS
  )
})
