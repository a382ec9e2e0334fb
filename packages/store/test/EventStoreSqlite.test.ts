/**
 * The example of the guide "A store of your own" keeps the contract of event stores, and a broken
 * version of it is caught.
 */
import * as AppendRules from "@daybook/store/driver/AppendRules"
import * as EventStoreService from "@daybook/store/driver/EventStoreService"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreLaws from "@daybook/testing/EventStoreLaws"
import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { cases } from "./commandHandlerCases.ts"
import * as EventStoreSqlite from "./EventStoreSqlite.ts"

EventStoreSuite.suite("EventStoreSqlite", EventStoreSqlite.layer(":memory:"))

cases("CommandHandler on SQLite", EventStoreSqlite.layer(":memory:"))

/** Checks the expectations, and writes in a later step. */
const checksThenWrites = Layer.effect(
  EventStore,
  Effect.map(EventStoreSqlite.open(":memory:"), ({ db, log }) =>
    EventStoreService.make({
      ...EventStoreSqlite.driver(db, log),
      append: Effect.fnUntraced(function* (appends) {
        const decided = yield* Effect.fromResult(
          AppendRules.decide(EventStoreSqlite.facts(db), appends, 0)
        )
        yield* Effect.yieldNow
        // Numbered again, as a store does that lets the database count.
        const again = AppendRules.decide(
          EventStoreSqlite.facts(db),
          [{ ...appends[0], expected: { _tag: "Any" } }],
          0
        )
        if (Result.isFailure(again)) return decided.answers
        EventStoreSqlite.write(db, again.success.events)
        return again.success.answers
      })
    })
  )
)

it.effect("a driver is caught that checks and writes in two steps", () =>
  Effect.gen(function* () {
    const cause = yield* Effect.flip(
      Effect.sandbox(Effect.provide(EventStoreLaws.oneWinner, checksThenWrites, { local: true }))
    )
    const error = Cause.squash(cause)
    assert.instanceOf(error, Error)
    assert.include(error.message, "one append wins")
  })
)

it.effect("keeps its log and its id in a file", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-sqlite-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
    )
    const onFile = <A, E>(run: Effect.Effect<A, E, EventStore>) =>
      Effect.provide(run, EventStoreSqlite.layer(Path.join(folder, "log.sqlite")), { local: true })
    yield* onFile(EventStoreLaws.repeatIsIdempotent)
    const end = Effect.flatMap(EventStore, (store) => store.checkpoint)
    const before = yield* onFile(end)
    assert.isAbove(Number(before.position), 0)
    assert.deepStrictEqual(yield* onFile(end), before)
    const count = Effect.flatMap(EventStore, (store) => Stream.runCount(store.readAll()))
    assert.strictEqual(yield* onFile(count), Number(before.position))
  }).pipe(Effect.scoped)
)
