/**
 * Twins of what orders run on, each with a mistake that is often made.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

/** Tries again without the command's id when the store fails. */
export const forgetfulHandler = Layer.effect(
  CommandHandler,
  Effect.map(CommandHandler, (handler) =>
    CommandHandler.of({
      ...handler,
      executeAll: (aggregate, id, requests) =>
        handler.executeAll(aggregate, id, requests).pipe(
          Effect.catchTag("EventStoreError", () =>
            handler.executeAll(
              aggregate,
              id,
              requests.map(({ command, occurredAt }) => ({ command, occurredAt }))
            )
          )
        )
    })
  )
).pipe(Layer.provide(CommandHandler.layer))

/** Looks whether the stream is as expected, and then writes. */
const hastyStore = Effect.map(EventStoreMemory.make, (store) =>
  EventStore.of({
    ...store,
    append: (append) =>
      Effect.gen(function* () {
        const { expected, streamId } = append
        const recorded = yield* Stream.runCollect(store.read(streamId)).pipe(
          Effect.catchTag("InvalidReadOption", Effect.die)
        )
        const isMet = expected._tag !== "Exactly" || recorded.length === expected.revision
        return yield* store.append(isMet ? { ...append, expected: ExpectedRevision.any } : append)
      })
  })
)

/** Keeps the rows first, and then the checkpoint, by another trip to the store. */
const apartStore = Effect.map(ReadModelStoreMemory.make, (store) =>
  ReadModelStore.of({
    ...store,
    step: (table, claim, step) =>
      Effect.andThen(
        Effect.tap(store.step(table, claim, { ...step, to: step.from }), () =>
          Effect.sleep("5 millis")
        ),
        store.step(table, claim, {
          ...step,
          keys: [],
          fold: () => Result.succeed({ upserts: [], deletions: [] }),
          events: 0
        })
      )
  })
)

export const hasty = Layer.mergeAll(
  Layer.effect(EventStore, hastyStore),
  SnapshotStoreMemory.layer,
  ReadModelStoreMemory.layer
)

export const apart = Layer.mergeAll(
  EventStoreMemory.layer,
  SnapshotStoreMemory.layer,
  Layer.effect(ReadModelStore, apartStore)
)
