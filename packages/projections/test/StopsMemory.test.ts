import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { cases } from "./stopCases.ts"

const stores = Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)

cases("Stops in memory", stores)

it.live("writes rows that are large in several steps, each of them bounded", () =>
  Effect.gen(function* () {
    const events = yield* EventStore
    const store = yield* ReadModelStore
    const rows = Projection.define({
      name: "large_rows",
      version: 1,
      from: [
        {
          category: StreamId.Category.make("large"),
          codec: EventCodec.make({ name: "large", events: Schema.TaggedUnion({ Made: {} }) })
        }
      ],
      row: Schema.Struct({ id: Schema.String, text: Schema.String }),
      primaryKey: ["id"]
    }).fold({
      keys: (_, { streamId }) => [{ id: StreamId.id(streamId) }],
      initial: (key) => ({ ...key, text: "" }),
      // Three bytes a code unit at most, so 12 of them are as much as a step has.
      apply: (row) => ({ ...row, text: "x".repeat(7_000_000) })
    })
    for (let n = 0; n < 40; n++) {
      yield* events.append({
        streamId: StreamId.StreamId.make(`large-${n}`),
        expected: ExpectedRevision.noStream,
        events: [
          {
            id: EventId.make(SecureRandom.uuidV4Unsafe()),
            type: "Made",
            schemaVersion: 1,
            data: {},
            metadata: {},
            occurredAt: DateTime.makeUnsafe(0)
          }
        ]
      })
    }
    const written: Array<number> = []
    const counting: ReadModelStore["Service"] = {
      ...store,
      step: (table, claim, step) =>
        store.step(table, claim, {
          ...step,
          fold: (found) =>
            Result.map(step.fold(found), (changes) => {
              written.push(changes.upserts.length)
              return changes
            })
        })
    }
    const context = yield* Layer.build(Projections.layer({ async: [rows] })).pipe(
      Effect.provideService(ReadModelStore, counting)
    )
    const { head } = yield* events.backlog()
    yield* Context.get(context, Projections).waitFor(rows.name, head, "20 seconds")
    assert.strictEqual(
      written.reduce((sum, count) => sum + count, 0),
      40
    )
    assert.isTrue(
      written.every((count) => count <= 12),
      written.join()
    )
  }).pipe(Effect.scoped, Effect.provide(stores))
)
