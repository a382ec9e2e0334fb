import { Projections } from "@daybook/projections/Projections"
import { ClaimLost } from "@daybook/projections/ReadModelError"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { put } from "./shelf.ts"
import { aggregateOf, takings } from "./Till.ts"
import { take } from "./taking.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-reopened-"))),
  (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
)

/** Makes a host on a folder, with services of its own. */
const host = (dataDir: string) =>
  Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
    Layer.provideMerge(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
    Layer.provideMerge(EmbeddedPostgres.layer({ dataDir })),
    Layer.fresh
  )

const till = aggregateOf("till")
const model = takings(till, "takings")
const LEASE = Duration.hours(1)

/** Makes a claim that is never released, like the claim of a killed host. */
const claimed = Effect.gen(function* () {
  const store = yield* ReadModelStore
  const table = yield* Effect.fromResult(ReadModelTable.make(model))
  const { serving } = yield* store.open(table)
  const claim = Option.getOrThrow(yield* store.claim(serving, "a host", LEASE))
  yield* take(store, table, claim, put(0, 0, []))
  return { table, claim }
})

it.live(
  "frees what the host before had claimed when the folder is opened again",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const left = yield* Effect.provide(claimed, host(folder))
      yield* Effect.gen(function* () {
        const store = yield* ReadModelStore
        assert.isTrue(Option.isSome(yield* store.claim(left.claim, "another host", LEASE)))
        const late = yield* Effect.flip(take(store, left.table, left.claim, put(0, 0, [])))
        assert.instanceOf(late, ClaimLost)
      }).pipe(Effect.provide(host(folder)))
    }).pipe(Effect.scoped),
  120_000
)

it.live(
  "leaves alone what was claimed since the folder was opened",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function* () {
        const { claim, table } = yield* claimed
        const second = yield* ReadModelStorePostgres.make
        yield* second.open(table)
        assert.isTrue(Option.isNone(yield* second.claim(claim, "another runner", LEASE)))
      }).pipe(Effect.provide(host(folder)))
    }).pipe(Effect.scoped),
  120_000
)

it.live(
  "keeps read models at once when the host before was killed under a lease of an hour",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.provide(claimed, host(folder))
      const projections = Projections.layer({ async: [model] }).pipe(
        Layer.provideMerge(CommandHandler.layer),
        Layer.provide(Layer.succeed(RunnerSettings, { ...defaults, lease: LEASE })),
        Layer.provideMerge(host(folder))
      )
      yield* Effect.gen(function* () {
        const { execute } = yield* CommandHandler
        yield* execute(till, "1", { _tag: "Sell", product: "mug", cents: 250 })
        const { head } = yield* (yield* EventStore).backlog()
        yield* (yield* Projections).waitFor("takings", head, "20 seconds")
        const row = Option.getOrThrow(yield* ReadModel.get(model, { tillId: "1" }))
        assert.strictEqual(row.cents, 250)
      }).pipe(Effect.provide(projections))
    }).pipe(Effect.scoped),
  120_000
)
