/**
 * Calls that write several streams all or none go together, and none suffers from the others.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import type { EncodedAppend } from "@daybook/store/driver/EventStoreDriver"
import { WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it } from "@effect/vitest"
import type * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import * as TogetherLanes from "../src/internal/postgres/log/togetherLanes.ts"
import type { Written } from "../src/internal/postgres/log/callTryAppend.ts"

type Together = Arr.NonEmptyReadonlyArray<EncodedAppend>

const event = {
  id: EventId.make("00000000-0000-4000-8000-000000000000"),
  type: "Noted",
  schemaVersion: 1,
  data: "{}",
  metadata: "{}",
  occurredAt: 0
}

/** A call that writes all given streams but the negative ones, which it checks. */
const call = (first: number, ...others: ReadonlyArray<number>): Together => {
  const one = (id: number): EncodedAppend => ({
    streamId: StreamId.make(`note-${Math.abs(id)}`),
    expected: ExpectedRevision.any,
    events: id < 0 ? [] : [event]
  })
  return [one(first), ...others.map(one)]
}

const idOf = ({ streamId }: EncodedAppend) => Number(streamId.slice("note-".length))

/** Returns an answer with the number in the stream's name. */
const appended = (one: EncodedAppend) => ({
  revision: Revision.make(idOf(one)),
  position: Position.make(1n),
  recordedAt: DateTime.makeUnsafe(0),
  repeated: false
})

const conflict = (one: EncodedAppend) =>
  new WrongExpectedRevision({
    streamId: one.streamId,
    expected: ExpectedRevision.any,
    actual: Revision.make(1),
    between: []
  })

const failure = (reason: "server" | "connection"): SqlError => {
  const cause = { cause: new Error(reason), message: reason, operation: "execute" }
  return new SqlError({
    reason: reason === "server" ? new UnknownError(cause) : new ConnectionError(cause)
  })
}

/** Sends calls while a first one is being written, and returns their answers and what was sent. */
const sendWhileBusy = (
  calls: ReadonlyArray<Together>,
  tryAppend: (appends: Together) => Effect.Effect<Written, SqlError> = (appends) =>
    Effect.succeed(appends.map(appended))
) =>
  Effect.gen(function* () {
    const sent: Array<ReadonlyArray<number>> = []
    const waited: Array<ReadonlyArray<number>> = []
    const isFree = yield* Deferred.make<void>()
    const enqueue = yield* TogetherLanes.make({
      tryAppend: (appends) =>
        Effect.suspend(() => {
          sent.push(appends.map(idOf))
          return Effect.andThen(Deferred.await(isFree), tryAppend(appends))
        }),
      waitAndAppend: (appends) =>
        Effect.suspend(() => {
          waited.push(appends.map(idOf))
          const wrong = appends.find((one) => idOf(one) === WRONG)
          return wrong === undefined
            ? Effect.succeed([appended(appends[0])] as const)
            : Effect.fail(conflict(wrong))
        }),
      keep: () => () => {},
      lanes: 1
    })
    const fibers = yield* Effect.forEach([call(100), ...calls], (one) =>
      Effect.forkChild(enqueue(one), { startImmediately: true })
    )
    yield* Deferred.succeed(isFree, undefined)
    const [, ...exits] = yield* Effect.forEach(fibers, Fiber.await)
    return {
      sent: sent.slice(1),
      waited,
      answers: exits.map((exit) =>
        Exit.isSuccess(exit) ? exit.value.map(({ revision }) => Number(revision)) : "failed"
      )
    }
  }).pipe(Effect.scoped)

/** A stream that is not as expected. */
const WRONG = 13

/** Leaves all appends of a call with the wrong stream. */
const exceptWrong = (appends: Together) =>
  Effect.succeed(
    appends.map((one) => (appends.some((each) => idOf(each) === WRONG) ? undefined : appended(one)))
  )

it.effect("sends the calls that arrive while another is written together", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* sendWhileBusy([call(1, 2), call(3, -4), call(5)]), {
      sent: [[1, 2, 3, 4, 5]],
      waited: [],
      answers: [[1, 2], [3], [5]]
    })
  })
)

it.effect("keeps calls of one stream apart, though they only check it", () =>
  Effect.gen(function* () {
    const { answers, sent } = yield* sendWhileBusy([call(1, -9), call(2, -9), call(3, 2)])
    assert.deepStrictEqual(sent, [
      [1, 9],
      [2, 9],
      [3, 2]
    ])
    assert.deepStrictEqual(answers, [[1], [2], [3, 2]])
  })
)

it.effect("writes each call alone when they could not be written together", () =>
  Effect.gen(function* () {
    const { answers, sent, waited } = yield* sendWhileBusy(
      [call(1, 2), call(3, WRONG), call(5)],
      exceptWrong
    )
    assert.deepStrictEqual(sent, [[1, 2, 3, WRONG, 5], [1, 2], [3, WRONG], [5]])
    assert.deepStrictEqual([answers, waited], [[[1, 2], "failed", [5]], [[3, WRONG]]])
  })
)

it.effect("lets only the call fail that the server refuses", () =>
  Effect.gen(function* () {
    const { answers } = yield* sendWhileBusy([call(1, 2), call(3, WRONG), call(5)], (appends) =>
      appends.some((one) => idOf(one) === WRONG)
        ? Effect.fail(failure("server"))
        : Effect.succeed(appends.map(appended))
    )
    assert.deepStrictEqual(answers, [[1, 2], "failed", [5]])
  })
)

it.effect("fails all calls of a lost connection, which may have been written", () =>
  Effect.gen(function* () {
    const { answers, sent } = yield* sendWhileBusy([call(1, 2), call(5)], (appends) =>
      idOf(appends[0]) === 100
        ? Effect.succeed(appends.map(appended))
        : Effect.fail(failure("connection"))
    )
    assert.deepStrictEqual([answers, sent], [["failed", "failed"], [[1, 2, 5]]])
  })
)
