/**
 * The behaviour of a command handler, on any store.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventId from "@daybook/kernel/EventId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import {
  CommandHandler,
  CurrentMetadata,
  MaxAttempts,
  type RequestOptions
} from "@daybook/store/CommandHandler"
import {
  EventIdConflict,
  EventStore,
  EventStoreError,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { racedBy } from "./handlerHarness.ts"

const Services = CommandHandler.layer.pipe(Layer.provideMerge(SecureRandom.layerWebCrypto))

const fresh = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4())
const freshCommandId = Effect.map(fresh, CommandId.make)

const streamOf = (id: string) => Effect.fromResult(StreamId.make(aggregate.category, id))

const recorded = (id: string): Effect.Effect<ReadonlyArray<RecordedEvent>, unknown, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    return yield* Stream.runCollect(store.read(yield* streamOf(id)))
  })

const execute = (
  id: string,
  command: Parameters<typeof aggregate.decider.decide>[0],
  options?: RequestOptions
) => Effect.flatMap(CommandHandler, (handler) => handler.execute(aggregate, id, command, options))

const load = (id: string) =>
  Effect.flatMap(CommandHandler, (handler) => handler.load(aggregate, id))

/** Counts the reads that pass through. */
const countingReads = (reads: Ref.Ref<number>) =>
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store) =>
      EventStore.of({
        ...store,
        read: (streamId, options) =>
          Stream.unwrap(
            Effect.as(
              Ref.update(reads, (n) => n + 1),
              store.read(streamId, options)
            )
          )
      })
    )
  )

/** Loses answers: the append happens without one. */
const losingAnswers = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store) =>
    EventStore.of({
      ...store,
      append: (append) =>
        Effect.andThen(
          store.append(append),
          Effect.fail(new EventStoreError({ operation: "append", cause: "connection lost" }))
        )
    })
  )
)

const handlerOn = (store: Layer.Layer<EventStore, never, EventStore>) =>
  Layer.fresh(CommandHandler.layer).pipe(Layer.provide(store))

/** Executing the same command id twice records the same as executing it once. */
const countsOnce = (
  twice: (
    id: string,
    commandId: CommandId.CommandId
  ) => Effect.Effect<unknown, unknown, CommandHandler | EventStore>
) =>
  Effect.gen(function* () {
    const id = yield* fresh
    const commandId = yield* freshCommandId
    yield* twice(id, commandId)
    assert.strictEqual((yield* recorded(id)).length, 1)
  })

export const cases = <E>(name: string, store: Layer.Layer<EventStore, E>): void =>
  layer(Services.pipe(Layer.provideMerge(store)), { timeout: 60_000 })(name, (it) => {
    it.effect("gives state, revision and events of an accepted command", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* execute(id, deposit(10))
        const answer = yield* execute(id, withdraw(4))
        const [, last] = yield* recorded(id)
        if (last === undefined) return assert.fail("nothing was recorded")
        assert.deepStrictEqual(answer, {
          streamId: yield* streamOf(id),
          revision: Revision.make(2),
          position: last.position,
          state: { balance: 6 },
          events: [{ _tag: "Withdrawn", amount: 4 }],
          repeated: false
        })
        assert.deepStrictEqual((yield* load(id)).state, { balance: 6 })
      })
    )

    it.effect("does the same through the handle of an aggregate", () =>
      Effect.gen(function* () {
        const accounts = yield* CommandHandler.for(aggregate)
        const id = yield* fresh
        const first = yield* accounts.execute(id, deposit(5))
        assert.deepStrictEqual(first.state, { balance: 5 })
        const [second] = yield* accounts.executeAll(id, [{ command: withdraw(2) }])
        assert.isTrue(second !== undefined && Result.isSuccess(second))
        assert.instanceOf(yield* Effect.flip(accounts.execute(id, withdraw(9))), Overdrawn)
        const loaded = yield* accounts.load(id)
        assert.deepStrictEqual([loaded.state, Number(loaded.revision)], [{ balance: 3 }, 2])
        const before = yield* accounts.loadAt(id, { revision: Revision.make(1) })
        assert.deepStrictEqual(before.state, { balance: 5 })
        const history = yield* Stream.runCollect(accounts.history(id))
        assert.deepStrictEqual(
          history.map(({ state }) => state),
          [{ balance: 5 }, { balance: 3 }]
        )
      })
    )

    it.effect("fails with the decider's rejection and records nothing", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rejection = yield* Effect.flip(execute(id, withdraw(1)))
        assert.deepStrictEqual(rejection, new Overdrawn({ balance: 0, amount: 1 }))
        assert.deepStrictEqual(yield* recorded(id), [])
      })
    )

    it.effect("accepts a command that changes nothing without appending", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const answer = yield* execute(id, deposit(0))
        assert.strictEqual(answer.revision, 0)
        assert.deepStrictEqual(answer.events, [])
      })
    )

    it.effect("counts a command id once", () =>
      countsOnce((id, commandId) =>
        Effect.gen(function* () {
          const first = yield* execute(id, deposit(10), { commandId })
          const second = yield* execute(id, deposit(10), { commandId })
          assert.deepStrictEqual(second, { ...first, repeated: true })
        })
      )
    )

    it.effect("catches a handler that draws new ids for each attempt", () =>
      Effect.gen(function* () {
        const broken = yield* Effect.exit(
          countsOnce((id) => Effect.andThen(execute(id, deposit(10)), execute(id, deposit(10))))
        )
        assert.isTrue(Exit.isFailure(broken) && Cause.hasDies(broken.cause))
      })
    )

    it.effect("gives the first answer to a repeated command, whatever happened since", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        yield* execute(id, deposit(10))
        const first = yield* execute(id, withdraw(10), { commandId })
        yield* execute(id, deposit(3))
        const again = yield* execute(id, withdraw(10), { commandId })
        assert.deepStrictEqual(again, { ...first, repeated: true })
        assert.strictEqual((yield* load(id)).state.balance, 3)
      })
    )

    it.effect("lets one command id through when it is executed at once many times", () =>
      countsOnce((id, commandId) =>
        Effect.gen(function* () {
          const answers = yield* Effect.all(
            Array.from({ length: 8 }, () => execute(id, deposit(10), { commandId })),
            { concurrency: "unbounded" }
          )
          for (const answer of answers) assert.strictEqual(answer.revision, 1)
        })
      )
    )

    it.effect("gives all that execute one command id the answer of the one that recorded it", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        const rival = yield* CommandHandler
        // The same number of events from the same revision, but other ones: only the first is the
        // recorded one.
        const raced = racedBy(rival.execute(aggregate, id, deposit(5), { commandId }))
        const loser = yield* execute(id, deposit(7), { commandId }).pipe(
          Effect.provide(handlerOn(raced))
        )
        assert.deepStrictEqual(
          [loser.revision, loser.state.balance, loser.events, loser.repeated],
          [1, 5, [{ _tag: "Deposited", amount: 5 }], true]
        )
        const many = yield* freshCommandId
        const answers = yield* Effect.forEach(
          [1, 2, 3, 4, 5, 6, 7, 8],
          (amount) => execute(id, deposit(amount), { commandId: many }),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          answers.filter(({ repeated }) => !repeated),
          1
        )
        for (const { events } of answers) assert.deepStrictEqual(events, answers[0]?.events)
      })
    )

    it.effect("records a command once whose answer was lost", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        const lost = yield* execute(id, deposit(10), { commandId }).pipe(
          Effect.provide(handlerOn(losingAnswers)),
          Effect.flip
        )
        assert.instanceOf(lost, EventStoreError)
        const again = yield* execute(id, deposit(10), { commandId })
        assert.isTrue(again.repeated)
        assert.strictEqual((yield* recorded(id)).length, 1)
      })
    )

    it.effect(
      "gives the answer of the same command that ran elsewhere meanwhile, on another state",
      () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const commandId = yield* freshCommandId
          const rival = yield* CommandHandler
          const raced = racedBy(
            Effect.andThen(
              rival.execute(aggregate, id, deposit(100)),
              rival.execute(aggregate, id, deposit(5), { commandId })
            )
          )
          const answer = yield* execute(id, deposit(5), { commandId }).pipe(
            Effect.provide(handlerOn(raced))
          )
          assert.deepStrictEqual(
            [answer.revision, answer.state.balance, answer.repeated],
            [2, 105, true]
          )
          assert.strictEqual((yield* recorded(id)).length, 2)
        })
    )

    it.effect("takes any UUID as a command's id, of whatever version", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = CommandId.make("d41d8cd9-8f00-b204-e980-0998ecf8427e")
        const answer = yield* execute(id, deposit(1), { commandId })
        assert.strictEqual(answer.revision, 1)
      })
    )

    it.effect("answers several commands of which one ran elsewhere meanwhile", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const [one, two] = [yield* freshCommandId, yield* freshCommandId]
        const rival = yield* CommandHandler
        const raced = racedBy(rival.execute(aggregate, id, deposit(1), { commandId: one }))
        const answers = yield* Effect.flatMap(CommandHandler, (handler) =>
          handler.executeAll(aggregate, id, [
            { command: deposit(1), commandId: one },
            { command: deposit(2), commandId: two }
          ])
        ).pipe(Effect.provide(handlerOn(raced)))
        assert.deepStrictEqual(
          answers.map((answer) =>
            Result.isSuccess(answer) ? answer.success.repeated : "rejected"
          ),
          [true, false]
        )
        assert.strictEqual((yield* load(id)).state.balance, 3)
      })
    )

    it.effect("fails when ids of its command are recorded as something else", () =>
      Effect.gen(function* () {
        const commandId = CommandId.make("d41d8cd9-8f00-b204-e980-0998ecf8427e")
        const [id, other] = ["planted", yield* fresh]
        const store = yield* EventStore
        yield* store.append({
          streamId: yield* streamOf(other),
          expected: ExpectedRevision.any,
          events: [
            {
              // The UUID, version 5, of the name "0 account-planted" in the namespace of the
              // command's id.
              id: EventId.make("f30743d9-f809-5247-a392-073dc1b674e1"),
              type: "Deposited",
              schemaVersion: 1,
              data: { amount: 1 },
              metadata: { commandId },
              occurredAt: DateTime.makeUnsafe(0)
            }
          ]
        })
        const error = yield* Effect.flip(execute(id, deposit(1), { commandId }))
        assert.instanceOf(error, EventIdConflict)
        assert.deepStrictEqual(yield* recorded(id), [])
      })
    )

    it.effect("knows a command among others on its stream that are of none", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        const store = yield* EventStore
        yield* execute(id, deposit(1), { commandId })
        const [first] = yield* recorded(id)
        if (first === undefined) return assert.fail("nothing was recorded")
        yield* store.append({
          streamId: yield* streamOf(id),
          expected: ExpectedRevision.any,
          events: [{ ...first, id: EventId.make(yield* fresh), metadata: {} }]
        })
        assert.isTrue((yield* execute(id, deposit(1), { commandId })).repeated)
      })
    )

    it.effect("decides again on the events of a lost race, without another read", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* execute(id, deposit(10))
        const reads = yield* Ref.make(0)
        const raced = racedBy(rival.execute(aggregate, id, withdraw(5)))
        const rejection = yield* execute(id, withdraw(7)).pipe(
          Effect.provide(handlerOn(raced.pipe(Layer.provide(countingReads(reads))))),
          Effect.flip
        )
        assert.deepStrictEqual(rejection, new Overdrawn({ balance: 5, amount: 7 }))
        assert.strictEqual(yield* Ref.get(reads), 1)
      })
    )

    it.effect("reads on when more came between than a conflict carries", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* execute(id, deposit(10))
        const raced = racedBy(
          rival.executeAll(
            aggregate,
            id,
            Array.from({ length: 150 }, () => ({ command: deposit(1) }))
          )
        )
        const answer = yield* execute(id, withdraw(5)).pipe(Effect.provide(handlerOn(raced)))
        assert.strictEqual(answer.revision, 152)
        assert.deepStrictEqual(answer.state, { balance: 155 })
      })
    )

    it.effect("gives up after the attempts that it may make", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        const raced = racedBy(rival.execute(aggregate, id, deposit(2)))
        const error = yield* execute(id, deposit(1)).pipe(
          Effect.provide(handlerOn(raced)),
          Effect.provideService(MaxAttempts, 1),
          Effect.flip
        )
        assert.instanceOf(error, WrongExpectedRevision)
        assert.strictEqual((yield* recorded(id)).length, 1)
      })
    )

    it.effect("loses none of many commands at once on one instance", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        yield* Effect.all(
          Array.from({ length: 20 }, () => execute(id, deposit(1))),
          { concurrency: "unbounded" }
        )
        const { revision, state } = yield* load(id)
        assert.deepStrictEqual(
          { revision, state },
          { revision: Revision.make(20), state: { balance: 20 } }
        )
      })
    )

    it.effect("answers several commands each in the state that those before it left", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const handler = yield* CommandHandler
        const requests = yield* Effect.forEach(
          [deposit(5), withdraw(7), deposit(2), withdraw(7)],
          (command) => Effect.map(freshCommandId, (commandId) => ({ command, commandId }))
        )
        const first = yield* handler.executeAll(aggregate, id, requests)
        assert.deepStrictEqual(first.map(Result.isSuccess), [true, false, true, true])
        assert.deepStrictEqual((yield* load(id)).state, { balance: 0 })
        const again = yield* handler.executeAll(aggregate, id, requests)
        assert.deepStrictEqual(
          again.map((answer) => (Result.isSuccess(answer) ? answer.success.repeated : "rejected")),
          [true, "rejected", true, true]
        )
        assert.strictEqual((yield* recorded(id)).length, 3)
      })
    )

    it.effect("looks at an instance as of a revision and of instants", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const handler = yield* CommandHandler
        const at = (hour: number) => DateTime.makeUnsafe({ year: 2026, month: 11, day: 19, hour })
        yield* execute(id, deposit(1), { occurredAt: at(9) })
        yield* execute(id, deposit(2), { occurredAt: at(12) })
        yield* execute(id, deposit(4), { occurredAt: at(15) })
        const [, second] = yield* recorded(id)
        const states = yield* Effect.forEach(
          [
            { revision: Revision.make(1) },
            { revision: Revision.make(9) },
            { occurredAt: at(8) },
            { occurredAt: at(12) },
            { occurredAt: at(23) }
          ],
          (when) => handler.loadAt(aggregate, id, when)
        )
        assert.deepStrictEqual(
          states.map(({ state }) => state.balance),
          [1, 7, 0, 3, 7]
        )
        const then = yield* handler.loadAt(aggregate, id, {
          recordedAt: second === undefined ? at(0) : second.recordedAt
        })
        assert.isAtLeast(then.revision, 2)
      })
    )

    it.effect("returns the history of an instance with the state after each event", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const handler = yield* CommandHandler
        yield* execute(id, deposit(5))
        yield* execute(id, withdraw(2))
        const history = yield* Stream.runCollect(handler.history(aggregate, id))
        assert.deepStrictEqual(
          history.map(({ event, recorded, state }) => [
            recorded.revision,
            event._tag,
            state.balance
          ]),
          [
            [1, "Deposited", 5],
            [2, "Withdrawn", 3]
          ]
        )
      })
    )

    it.effect("stops at an event that it can't decode, with its address", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const store = yield* EventStore
        yield* execute(id, deposit(5))
        const [first] = yield* recorded(id)
        if (first === undefined) return assert.fail("nothing was recorded")
        const streamId = yield* streamOf(id)
        const random = yield* SecureRandom.SecureRandom
        yield* store.append({
          streamId,
          expected: ExpectedRevision.any,
          events: [{ ...first, id: (yield* random.uuidV4()) as typeof first.id, type: "Frozen" }]
        })
        const error = yield* Effect.flip(load(id))
        assert.strictEqual(error._tag, "EventDecodeError")
        assert.include(error.message, `cannot read Frozen version 1 at revision 2 of ${streamId}`)
      })
    )

    it.effect("refuses an event that its schema does not allow, and records nothing", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const error = yield* Effect.flip(execute(id, deposit(-1)))
        assert.strictEqual(error._tag, "EventEncodeError")
        assert.deepStrictEqual(yield* recorded(id), [])
      })
    )

    it.effect("refuses an id that makes no stream name", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(execute("a\u0000b", deposit(1)))
        assert.strictEqual(error._tag, "InvalidStreamId")
      })
    )

    it.effect("records the command's id, the caller's metadata and its trace", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        const metadata = { correlationId: "request-7", causationId: "click", actor: "ann" }
        const traceId = yield* Effect.gen(function* () {
          yield* execute(id, deposit(1), { commandId })
          return (yield* Effect.currentSpan).traceId
        }).pipe(Effect.withSpan("caller"), Effect.provideService(CurrentMetadata, metadata))
        const [event] = yield* recorded(id)
        const traceparent = event?.metadata.traceparent ?? ""
        assert.match(traceparent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-0[01]$`))
        assert.deepStrictEqual(event?.metadata, { ...metadata, commandId, traceparent })
      })
    )

    it.effect("records no trace without a caller's trace", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const commandId = yield* freshCommandId
        yield* execute(id, deposit(1), { commandId })
        const [event] = yield* recorded(id)
        assert.deepStrictEqual(event?.metadata, { commandId })
      })
    )

    it.effect("counts commands, conflicts, loaded events and appends", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* execute(id, deposit(1))
        yield* Effect.ignore(execute(id, withdraw(5)))
        const raced = racedBy(rival.execute(aggregate, id, deposit(2)))
        yield* execute(id, deposit(1)).pipe(Effect.provide(handlerOn(raced)))
        const counts = new Map(
          (yield* Metric.snapshot).map((metric) => [
            [metric.id, ...Object.values(metric.attributes ?? {})].join(" "),
            "count" in metric.state ? Number(metric.state.count) : 0
          ])
        )
        assert.strictEqual(counts.get("daybook_commands account accepted"), 3)
        assert.strictEqual(counts.get("daybook_commands account rejected"), 1)
        assert.strictEqual(counts.get("daybook_command_conflicts account"), 1)
        assert.strictEqual(counts.get("daybook_command_retries account"), 1)
        // 0, then 1, then 1 of the clerk in between and 1 of the loser.
        assert.strictEqual(counts.get("daybook_loaded_events account"), 3)
        const appends = new Map(
          [...counts]
            .filter(([name]) => name.startsWith("daybook_appends "))
            .map(([name, count]) => [name.split(" ").at(-1), count])
        )
        assert.strictEqual(appends.get("appended"), 3)
        assert.strictEqual(appends.get("WrongExpectedRevision"), 1)
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
    )
  })
