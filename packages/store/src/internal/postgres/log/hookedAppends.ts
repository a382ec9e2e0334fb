/**
 * Appends with the work of a hook, batched like those without: a call is one transaction.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Appended, EventStoreError } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { AppendHook, EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import { pendingEvents, recordedEvents } from "../../driver/recordedEvents.ts"
import type { PostgresWakeUps } from "../live/wakeUps.ts"
import * as Turns from "../locks/turns.ts"
import * as AppendLanes from "./appendLanes.ts"
import { appendEach, type Refusal } from "./callAppend.ts"
import { orLeft, tryOnce } from "./callTryAppend.ts"

/**
 * An append and the work that the hook prepared for it. Its parsed events would take memory that
 * `MaxHeld` does not count, so they are not kept while it waits.
 */
interface Item<Prepared> extends EncodedAppend {
  readonly prepared: Prepared
}

/**
 * The most connections of a host on which calls wait patiently. Each append of a row that another
 * transaction holds makes such a call, and would otherwise take a connection for seconds.
 */
const WAITING = 4

const turnOf = Turns.make(WAITING)

/** Makes a function that appends with a hook, for callers without a transaction. */
export const make = <Prepared>(options: {
  readonly sql: SqlClient
  readonly schema: SchemaName
  readonly hook: AppendHook<Prepared>
  /** Runs a write with the settings of the store. */
  readonly asOpened: <A, E>(write: Effect.Effect<A, E>) => Effect.Effect<A, E>
  readonly wakeUps: PostgresWakeUps
  readonly keep: (append: EncodedAppend) => () => void
}): Effect.Effect<
  (append: EncodedAppend) => Effect.Effect<Appended, Refusal | SqlError | EventStoreError>,
  never,
  Scope.Scope
> => {
  const { asOpened, hook, keep, schema, sql, wakeUps } = options
  const lanes = AppendLanes.make<Item<Prepared>, EventStoreError>({
    tryAppend: (appends) =>
      wakeUps.after(
        orLeft(
          appends,
          hook.around({
            appends: Arr.map(appends, ({ prepared }) => prepared),
            write: asOpened(tryOnce(sql, schema, appends)),
            recorded: (written) => recordedBy(appends, written),
            waits: "briefly"
          })
        ),
        (written) => written.some((one) => one !== undefined)
      ),
    appendEach: (appends) =>
      turnOf(sql)(
        Effect.suspend(() =>
          wakeUps.after(
            hook.around({
              appends: Arr.map(appends, ({ prepared }) => prepared),
              write: asOpened(appendEach(sql, schema, appends)),
              recorded: (answers) =>
                recordedBy(
                  appends,
                  answers.map((answer) => (Result.isSuccess(answer) ? answer.success : undefined))
                ),
              waits: "patiently"
            }),
            (answers) => answers.some(Result.isSuccess)
          )
        )
      ),
    fitting: () => {
      const fits = hook.fitting()
      return ({ prepared }) => fits(prepared)
    },
    // A row that the hook waits for would fail the other appends to the stream.
    repeatsAlone: true,
    keep
  })
  return Effect.map(
    // The fibers of the lanes must not join a transaction in which they are made.
    Effect.updateContext(lanes, (context: Context.Context<Scope.Scope>) =>
      Context.omit(sql.transactionService)(context)
    ),
    (enqueue) => (append) =>
      Effect.suspend(() => enqueue({ ...append, prepared: hook.prepare(pendingEvents(append)) }))
  )
}

const recordedBy = (
  appends: ReadonlyArray<Item<unknown>>,
  answers: ReadonlyArray<Appended | undefined>
): ReadonlyArray<RecordedEvent> =>
  // A call numbers its appends in their order.
  appends.flatMap((append, index) => {
    const answer = answers[index]
    return answer === undefined ? [] : recordedEvents(pendingEvents(append), answer)
  })
