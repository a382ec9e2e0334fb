/**
 * Maintains inline read models in the transaction of the append: once an append has succeeded, the
 * rows reflect it. Appends that wait go together in one transaction, where the store has one.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { LogId } from "@daybook/kernel/LogId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Decorated from "@daybook/store/driver/Decorated"
import type { AppendHook } from "@daybook/store/driver/EventStoreDriver"
import { type Append, type Appended, EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { settled } from "./history.ts"
import { BRIEF_WAIT, fitting, touchesOf, type Touches, union } from "./inlineTouches.ts"
import { type AnyModel, prepare } from "../fold/rowFold.ts"
import { foldBounded } from "../fold/stepSize.ts"
import type {
  InlinePoison,
  InlineVersionMismatch,
  ReadModelStoreError
} from "../../ReadModelError.ts"
import { type InlineAppend, ReadModelStore } from "../../ReadModelStore.ts"
import * as ReadModelTable from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"

/** An error of the append itself, which the store of read models passes on. */
class NotAppended<out E> {
  readonly _tag = "NotAppended"
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

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

  /**
   * Appends and updates the touched rows; retries without the read models that can't fold it.
   *
   * A read model that this host can't maintain fails several appends that go together, behind which
   * others wait: alone, the append that touches it gives it back, or fails if this host may not do
   * that.
   */
  const maintaining = Effect.fnUntraced(function* <A, E>(
    operation: string,
    isAlone: boolean,
    call: Pick<InlineAppend<A, EventStoreError>, "touches" | "recorded" | "lockWait">,
    append: Effect.Effect<A, E>
  ): Effect.fn.Return<A, E | EventStoreError> {
    log ??= yield* events.identity
    for (;;) {
      const outcome = yield* store
        .inline<A, NotAppended<E> | EventStoreError>({
          ...call,
          log,
          append: Effect.mapError(append, (error) => new NotAppended(error)),
          fold: folds
        })
        .pipe(Effect.result)
      if (Result.isSuccess(outcome)) return outcome.success
      const { failure } = outcome
      switch (failure._tag) {
        case "NotAppended":
          return yield* Effect.fail(failure.error)
        case "EventStoreError":
          return yield* failure
        case "ReadModelStoreError":
          return yield* failed(operation)(failure)
        case "InlinePoison":
        case "InlineVersionMismatch":
          if (!isAlone) return yield* new EventStoreError({ operation, cause: failure })
          yield* giveBack(failure, operation)
      }
    }
  })

  /** Maintains the read models that appends touch, in the caller's transaction or their own. */
  const ownCall = <E>(
    operation: string,
    appends: Arr.NonEmptyReadonlyArray<Append>,
    append: Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, E>
  ): Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, E | EventStoreError> =>
    Effect.suspend(() => {
      const touches = touchesOf(
        models,
        appends.flatMap(({ events, streamId }) => events.map((event) => ({ ...event, streamId })))
      )
      const recorded = (appended: Arr.NonEmptyReadonlyArray<Appended>) =>
        recordedBy(appends, appended)
      return touches.length === 0
        ? append
        : maintaining(operation, true, { touches, recorded }, append)
    })

  const hook: AppendHook<Touches> = {
    prepare: (pending) => touchesOf(models, pending),
    fitting,
    around: ({ appends, recorded, waits, write }) =>
      maintaining(
        "append",
        appends.length === 1,
        {
          touches: union(appends),
          recorded: (answer) => Effect.succeed(recorded(answer)),
          lockWait: waits === "briefly" ? BRIEF_WAIT : undefined
        },
        write
      )
  }
  const appendTogether = yield* Decorated.appendWith(events, hook)
  const categories = new Set(
    Array.from(models.values()).flatMap(({ projection }) =>
      projection.from.map(({ category }) => category)
    )
  )

  return EventStore.of({
    ...events,
    append: (append) => {
      if (!categories.has(StreamId.category(append.streamId))) return events.append(append)
      const ownAppend = Effect.map(
        ownCall("append", [append], Effect.map(events.append(append), Arr.of)),
        ([appended]) => appended
      )
      return appendTogether === undefined
        ? ownAppend
        : Effect.flatMap(events.inTransaction, (isInside) =>
            isInside ? ownAppend : appendTogether(append)
          )
    },
    appendAll: (options) => ownCall("appendAll", options.appends, events.appendAll(options))
  })
})

const failed = (operation: string) => (cause: ReadModelStoreError) =>
  Effect.fail(new EventStoreError({ operation, cause }))
