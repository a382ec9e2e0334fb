/**
 * The example of the guide "A store of your own" keeps the contract of event stores, and a broken
 * version of it is caught.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as AppendRules from "@daybook/store/driver/AppendRules"
import * as EventStoreService from "@daybook/store/driver/EventStoreService"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { cases } from "./commandHandlerCases.ts"
import * as EventStoreSqlite from "./EventStoreSqlite.ts"

LawSuite.suite("EventStoreSqlite", EventStoreLaws.laws, EventStoreSqlite.layer(":memory:"))

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
    const named = EventStoreLaws.laws.filter(({ name }) =>
      name.endsWith("one of the appends with the same exact expectation wins")
    )
    assert.lengthOf(named, 1)
    const [broken] = yield* Effect.provide(Law.broken(named), checksThenWrites, { local: true })
    assert.include(broken?.message, "one append wins")
  })
)

const streamId = Result.getOrThrow(StreamId.fromString("note-1"))

const event = {
  id: EventId.make("00000000-0000-4000-8000-000000000001"),
  type: "Noted",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
}

it.effect("keeps its log and its id in a file", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-sqlite-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
    )
    const onFile = <A, E>(run: Effect.Effect<A, E, EventStore>) =>
      Effect.provide(run, EventStoreSqlite.layer(Path.join(folder, "log.sqlite")), { local: true })
    yield* onFile(
      Effect.flatMap(EventStore, (store) =>
        store.append({ streamId, expected: ExpectedRevision.noStream, events: [event] })
      )
    )
    const end = Effect.flatMap(EventStore, (store) => store.checkpoint)
    const before = yield* onFile(end)
    assert.strictEqual(before.position, 1n)
    assert.deepStrictEqual(yield* onFile(end), before)
    const count = Effect.flatMap(EventStore, (store) => Stream.runCount(store.readAll()))
    assert.strictEqual(yield* onFile(count), 1)
  }).pipe(Effect.scoped)
)
