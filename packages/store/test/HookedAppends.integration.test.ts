/**
 * Appends with the work of a hook: the events that it gets, and the errors that it fails with.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Decorated from "@daybook/store/driver/Decorated"
import type { AppendHook, HookedCall } from "@daybook/store/driver/EventStoreDriver"
import { type Append, EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { transaction } from "@daybook/store/sql/Transaction"
import { assert, it as plain, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, LockTimeoutError, SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"

const noted = (fields: Partial<NewEvent> = {}): NewEvent => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Noted",
  schemaVersion: 1,
  data: { text: "a" },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  ...fields
})

const append = (...events: Arr.NonEmptyReadonlyArray<NewEvent>): Append => ({
  streamId: StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`),
  expected: ExpectedRevision.any,
  events
})

/** The types of the events of an append. */
type Types = ReadonlyArray<string>

type Calls = Array<{ readonly appends: ReadonlyArray<Types>; readonly waits: string }>

/** A hook that runs each write in a transaction, and fails calls as `refusal` says. */
const hooked = Effect.fnUntraced(function* (
  refusal: (call: Calls[number]) => unknown = () => undefined
) {
  const sql = yield* SqlClient
  const recorded: Array<RecordedEvent> = []
  const calls: Calls = []
  let [patient, mostPatient] = [0, 0]
  const hook: AppendHook<Types> = {
    prepare: (events) => events.map(({ type }) => type),
    fitting: () => () => true,
    around: <A, E>({ appends, recorded: by, waits, write }: HookedCall<Types, A, E>) => {
      if (waits === "patiently") mostPatient = Math.max(mostPatient, ++patient)
      return transaction(
        sql,
        Effect.gen(function* () {
          calls.push({ appends, waits })
          const answer = yield* write
          const cause = refusal({ appends, waits })
          if (cause !== undefined) {
            return yield* new EventStoreError({ operation: "append", cause })
          }
          recorded.push(...by(answer))
          return answer
        })
      ).pipe(
        Effect.mapError((error) =>
          error instanceof SqlError
            ? new EventStoreError({ operation: "append", cause: error })
            : error
        ),
        Effect.ensuring(
          Effect.sync(() => {
            if (waits === "patiently") patient--
          })
        )
      )
    }
  }
  const appendWith = yield* Decorated.appendWith(yield* EventStore, hook)
  return {
    append: appendWith ?? assert.fail("the store has transactions"),
    calls,
    recorded,
    /** Returns the most calls that waited patiently at a time. */
    mostPatient: () => mostPatient
  }
})

const together = (append: EventStore["Service"]["append"], appends: ReadonlyArray<Append>) =>
  Effect.forEach(appends, (one) => Effect.result(append(one)), { concurrency: "unbounded" })

const read = (appends: ReadonlyArray<Append>) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const events = yield* Effect.forEach(appends, ({ streamId }) =>
      Stream.runCollect(store.read(streamId))
    )
    return events.flat().toSorted((a, b) => (a.position < b.position ? -1 : 1))
  })

const cases = <E>(where: string, stores: Layer.Layer<EventStore | SqlClient, E>): void => {
  layer(stores, { timeout: "2 minutes", excludeTestServices: true })(
    `Appends with a hook on ${where}`,
    (it) => {
      it.effect("give it the events as they are read, and no repeated ones", () =>
        Effect.gen(function* () {
          const { append: appendWith, calls, recorded } = yield* hooked()
          const unusual = noted({
            schemaVersion: 7,
            data: { text: "\u20ac \ud83d\ude00", n: 1e-7, list: [1.5, null, { deep: [[]] }] },
            metadata: { actor: "ada", custom: { x: [1] } },
            occurredAt: DateTime.makeUnsafe(-62_135_596_800_000)
          })
          const appends = [
            append(noted()),
            append(noted(), unusual, noted({ occurredAt: DateTime.makeUnsafe(1_234_567) })),
            ...Arr.makeBy(20, () => append(noted(), noted()))
          ]
          const answers = yield* together(appendWith, appends)
          assert.deepStrictEqual(
            answers.flatMap((one) => (Result.isFailure(one) ? [one.failure.message] : [])),
            []
          )
          assert.isBelow(calls.length, appends.length)
          const sorted = recorded.toSorted((a, b) => (a.position < b.position ? -1 : 1))
          assert.deepStrictEqual(sorted, yield* read(appends))
          recorded.length = 0
          const again = yield* together(appendWith, appends)
          assert.deepStrictEqual(
            again,
            answers.map(Result.map((answer) => ({ ...answer, repeated: true })))
          )
          assert.deepStrictEqual(recorded, [])
        }).pipe(Effect.scoped)
      )

      it.effect("fail for their own reasons only", () =>
        Effect.gen(function* () {
          const { append: appendWith, recorded } = yield* hooked(({ appends }) =>
            appends.some((types) => types.includes("Guilty")) ? "guilty" : undefined
          )
          const good = Arr.makeBy(20, () => append(noted()))
          const guilty = append(noted({ type: "Guilty" }))
          const answers = yield* together(appendWith, [
            ...good.slice(0, 9),
            guilty,
            ...good.slice(9)
          ])
          assert.deepStrictEqual(
            answers.flatMap((answer, index) => (Result.isFailure(answer) ? [index] : [])),
            [9]
          )
          assert.deepStrictEqual(yield* read([guilty]), [])
          assert.lengthOf(recorded, 20)
        }).pipe(Effect.scoped)
      )

      it.effect("fail together when the connection is lost", () =>
        Effect.gen(function* () {
          const lost = new SqlError({ reason: new ConnectionError({ cause: "lost" }) })
          const { append: appendWith, calls } = yield* hooked(() => lost)
          const appends = Arr.makeBy(20, () => append(noted()))
          const answers = yield* together(appendWith, appends)
          assert.isTrue(answers.every(Result.isFailure))
          assert.isTrue(calls.every(({ waits }) => waits === "briefly"))
        }).pipe(Effect.scoped)
      )

      it.effect("are repeated patiently, each alone, after a short wait for a lock", () =>
        Effect.gen(function* () {
          const timeout = new SqlError({ reason: new LockTimeoutError({ cause: "held" }) })
          const { append: appendWith, calls } = yield* hooked(({ waits }) =>
            waits === "briefly" ? timeout : undefined
          )
          const appends = Arr.makeBy(20, () => append(noted()))
          const answers = yield* together(appendWith, appends)
          assert.isTrue(answers.every(Result.isSuccess))
          const patient = calls.filter(({ waits }) => waits === "patiently")
          assert.deepStrictEqual(
            patient.map(({ appends }) => appends.length),
            appends.map(() => 1)
          )
        }).pipe(Effect.scoped)
      )

      it.effect("succeed where another one to their stream waits for a lock in vain", () =>
        Effect.gen(function* () {
          const timeout = new SqlError({ reason: new LockTimeoutError({ cause: "held" }) })
          const { append: appendWith, calls } = yield* hooked(({ appends, waits }) =>
            waits === "briefly" || appends.some((types) => types.includes("Held"))
              ? timeout
              : undefined
          )
          const { streamId } = append(noted())
          const appends = Arr.makeBy(6, (index) => ({
            ...append(noted({ type: index === 3 ? "Held" : "Noted" })),
            streamId
          }))
          const answers = yield* together(appendWith, appends)
          assert.deepStrictEqual(
            answers.flatMap((answer, index) => (Result.isFailure(answer) ? [index] : [])),
            [3]
          )
          assert.lengthOf(yield* read(appends.slice(0, 1)), 5)
          const patient = calls.filter(({ waits }) => waits === "patiently")
          assert.isTrue(patient.every(({ appends }) => appends.length === 1))
        }).pipe(Effect.scoped)
      )

      it.effect("leave connections to others while many of them wait patiently", () =>
        Effect.gen(function* () {
          const timeout = new SqlError({ reason: new LockTimeoutError({ cause: "held" }) })
          const { append: appendWith, mostPatient } = yield* hooked(({ waits }) =>
            waits === "briefly" ? timeout : undefined
          )
          const answers = yield* together(
            appendWith,
            Arr.makeBy(24, () => append(noted()))
          )
          assert.isTrue(answers.every(Result.isSuccess))
          assert.strictEqual(mostPatient(), 4)
        }).pipe(Effect.scoped)
      )

      it.effect("are refused in a transaction of the caller, which could not undo them", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const { append: appendWith, calls } = yield* hooked()
          const one = append(noted())
          const exit = yield* sql.withTransaction(Effect.exit(appendWith(one)))
          assert.deepStrictEqual(
            exit,
            Exit.die(new Error("cannot append with a hook: the caller has a transaction open"))
          )
          assert.deepStrictEqual(calls, [])
          assert.deepStrictEqual(yield* read([one]), [])
        }).pipe(Effect.scoped)
      )

      it.effect("have transactions of their own where a transaction of the caller made them", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          // The function outlives the transaction, which is rolled back.
          const made = yield* Effect.flip(sql.withTransaction(Effect.flip(hooked())))
          if (made instanceof SqlError) return yield* made
          const { append: appendWith, recorded } = made
          const one = append(noted())
          yield* appendWith(one)
          assert.deepStrictEqual(recorded, yield* read([one]))
        }).pipe(Effect.scoped)
      )
    }
  )
}

cases("a server", PostgresLayers.server)
cases("an embedded PostgreSQL", PostgresLayers.embedded)
cases("a server with partitions", PostgresLayers.serverPartitioned)

plain.effect("A store without transactions runs no hook", () =>
  Effect.gen(function* () {
    const hook: AppendHook<undefined> = {
      prepare: () => undefined,
      fitting: () => () => true,
      around: ({ write }) => write
    }
    assert.isUndefined(yield* Decorated.appendWith(yield* EventStore, hook))
  }).pipe(Effect.scoped, Effect.provide(EventStoreMemory.layer))
)
