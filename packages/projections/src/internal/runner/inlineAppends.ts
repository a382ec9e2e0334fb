/**
 * Maintains inline read models in the transaction of the append: once an append has succeeded, the
 * rows reflect it.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { LogId } from "@daybook/kernel/LogId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Decorated from "@daybook/store/driver/Decorated"
import { type Append, type Appended, EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { settled } from "../fold/history.ts"
import { type AnyModel, keysToTouch, prepare } from "../fold/rowFold.ts"
import { foldBounded } from "../fold/stepSize.ts"
import { InlinePoison, InlineVersionMismatch, ReadModelStoreError } from "../../ReadModelError.ts"
import { ReadModelStore } from "../../ReadModelStore.ts"
import * as ReadModelTable from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"

/** Wraps the event store, so that its appends also maintain the read models. */
export const make = Effect.fnUntraced(function* (projections: ReadonlyArray<Projection.Any>) {
  const events = yield* EventStore
  const store = yield* ReadModelStore
  const models = new Map<string, AnyModel>()
  for (const projection of projections) {
    const table = yield* Effect.fromResult(ReadModelTable.make(projection))
    models.set(table.name, { projection, table })
  }
  if (models.size === 0) return events
  yield* Decorated.wrapped(events, `the inline read models ${Array.from(models.keys()).join(", ")}`)

  // Read with the first append, since the log need not exist before.
  let log: LogId | undefined

  const recordedBy = Effect.fnUntraced(function* (
    appends: ReadonlyArray<Append>,
    appended: ReadonlyArray<Appended>
  ): Effect.fn.Return<ReadonlyArray<RecordedEvent>, EventStoreError> {
    const recorded: Array<RecordedEvent> = []
    for (const [index, { events: written, streamId }] of appends.entries()) {
      const { repeated, revision } = Arr.getUnsafe(appended, index)
      // The rows were updated when the append was first recorded.
      if (repeated) continue
      const from = Revision.make(revision - written.length + 1)
      const read = yield* Stream.runCollect(events.read(streamId, { from, to: revision })).pipe(
        Effect.catchTag("InvalidReadOption", Effect.die)
      )
      for (const event of read) recorded.push(event)
    }
    return recorded.toSorted((a, b) => (a.position < b.position ? -1 : 1))
  })

  const folds = (
    name: Projection.Name,
    recorded: ReadonlyArray<RecordedEvent>,
    rows: ReadonlyMap<string, StoredRow>
  ) => {
    const model = models.get(name)
    // The store folds only touched read models, and only models of this host are touched.
    if (model === undefined) throw new Error(`${name} is not an inline projection of this host`)
    const batch = prepare(model, recorded, new Set())
    return batch.poison === undefined ? foldBounded(model, batch, rows) : Result.fail(batch.poison)
  }

  /** Gives a read model that this host can't maintain back to the runner, as of its last fold. */
  const giveBack = Effect.fnUntraced(function* (
    error: InlinePoison | InlineVersionMismatch,
    operation: string
  ) {
    // In a transaction of the caller, the changes to the rows end with it: nothing is given back.
    if (yield* events.inTransaction) return yield* new EventStoreError({ operation, cause: error })
    yield* store
      .makeAsync(error.name, settled({ events, store }, error.name))
      .pipe(Effect.catchTag("ReadModelStoreError", failed(operation)))
    yield* Effect.logError(`${error.message}; a runner maintains it after the log from now on`)
  })

  /** Appends and updates the touched rows; retries without the read models that can't fold it. */
  const maintaining = Effect.fnUntraced(function* <E>(
    operation: string,
    appends: ReadonlyArray<Append>,
    append: Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, E>
  ): Effect.fn.Return<Arr.NonEmptyReadonlyArray<Appended>, E | EventStoreError> {
    const categories = new Set(appends.map(({ streamId }) => StreamId.category(streamId)))
    const touches = Array.from(models.values())
      .filter(({ projection }) => projection.from.some(({ category }) => categories.has(category)))
      .map((model) => ({ table: model.table, keys: keysToTouch(model, appends) }))
    if (touches.length === 0) return yield* append
    log ??= yield* events.identity
    for (;;) {
      const outcome = yield* store
        .inline<Arr.NonEmptyReadonlyArray<Appended>, E | EventStoreError>({
          log,
          touches,
          append,
          recorded: (appended) => recordedBy(appends, appended),
          fold: folds
        })
        .pipe(Effect.catchIf(isStoreError, failed(operation)), Effect.result)
      if (Result.isSuccess(outcome)) return outcome.success
      const { failure } = outcome
      if (!isInlinePoison(failure) && !isVersionMismatch(failure))
        return yield* Effect.fail(failure)
      yield* giveBack(failure, operation)
    }
  })

  return EventStore.of({
    ...events,
    append: (append) =>
      Effect.map(
        maintaining("append", [append], Effect.map(events.append(append), Arr.of)),
        ([appended]) => appended
      ),
    appendAll: (options) => maintaining("appendAll", options.appends, events.appendAll(options))
  })
})

const failed = (operation: string) => (cause: ReadModelStoreError) =>
  Effect.fail(new EventStoreError({ operation, cause }))

const isStoreError = (error: unknown): error is ReadModelStoreError =>
  error instanceof ReadModelStoreError

const isInlinePoison = (error: unknown): error is InlinePoison => error instanceof InlinePoison

const isVersionMismatch = (error: unknown): error is InlineVersionMismatch =>
  error instanceof InlineVersionMismatch
