/**
 * A command handler with the revision that a caller expects, with and without snapshots and cached
 * states, on any store.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventId from "@daybook/kernel/EventId"
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler, MaxAttempts } from "@daybook/store/CommandHandler"
import { EventStore, MAX_DATA_BYTES, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, type Vitest } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import { balance, caching, counting, fresh, move, racedBy, snapshotting } from "./handlerHarness.ts"

const at = (revision: number) => ({ expected: ExpectedRevision.exactly(Revision.make(revision)) })
const noStream = { expected: ExpectedRevision.noStream }
const exists = { expected: ExpectedRevision.exists }

/** The content of a refusal, with the revisions of its events in place of the events. */
const refused = <A>(execution: Effect.Effect<A, unknown, CommandHandler>) =>
  Effect.map(Effect.flip(execution), (error) => {
    if (!(error instanceof WrongExpectedRevision)) return error
    const { actual, between, expected } = error
    return [expected, Number(actual), between.map(({ revision }) => Number(revision))]
  })

const execute = (
  id: string,
  command: Parameters<typeof aggregate.decider.decide>[0],
  options: Parameters<CommandHandler["Service"]["execute"]>[3]
) => Effect.flatMap(CommandHandler, (accounts) => accounts.execute(aggregate, id, command, options))

/** The cases, on the stores of `it`. */
export const expectedRevisionCases = (
  it: Vitest.MethodsNonLive<EventStore | SnapshotStore>
): void => {
  const handlers = {
    "no shortcut": caching(0),
    "cached states": caching(10),
    "a snapshot of each revision": snapshotting(SnapshotPolicy.every(1))
  }
  for (const [what, handler] of Object.entries(handlers)) {
    it.layer(handler)(`An expected revision with ${what}`, (on) => {
      on.effect("lets a command through on that revision", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          yield* execute(id, deposit(1), at(0))
          yield* execute(id, deposit(2), at(1))
          yield* execute(id, deposit(4), exists)
          assert.deepStrictEqual(yield* balance(id), [3, 7])
          const other = yield* fresh
          yield* execute(other, deposit(1), noStream)
          assert.deepStrictEqual(yield* balance(other), [1, 1])
        })
      )

      on.effect("refuses a command on a stream that has moved on, with what came between", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          yield* move(id, 1, 2, 4)
          assert.deepStrictEqual(yield* refused(execute(id, deposit(8), at(1))), [
            { _tag: "Exactly", revision: 1 },
            3,
            [2, 3]
          ])
          assert.deepStrictEqual(yield* refused(execute(id, deposit(8), noStream)), [
            { _tag: "NoStream" },
            3,
            [1, 2, 3]
          ])
          // Neither decided nor rejected: its caller does not know the present state.
          assert.deepStrictEqual(yield* refused(execute(id, withdraw(99), at(2))), [
            { _tag: "Exactly", revision: 2 },
            3,
            [3]
          ])
          assert.deepStrictEqual(yield* refused(execute(id, deposit(0), at(2))), [
            { _tag: "Exactly", revision: 2 },
            3,
            [3]
          ])
          assert.deepStrictEqual(yield* balance(id), [3, 7])
        })
      )

      on.effect("refuses it with no more events than a refused append brings", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const store = yield* EventStore
          const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
          // An event with the largest data, with metadata of 2 bytes: two of them are 4 bytes too
          // many.
          const large = Effect.map(fresh, (eventId) => ({
            id: EventId.make(eventId),
            type: "Deposited",
            schemaVersion: 1,
            data: { amount: 1, note: "x".repeat(MAX_DATA_BYTES - 22) },
            metadata: {},
            occurredAt: DateTime.makeUnsafe(0)
          }))
          for (let n = 0; n < 3; n++) {
            yield* store.append({
              streamId,
              expected: ExpectedRevision.any,
              events: [yield* large]
            })
          }
          yield* move(id, 1, 1)
          const between = [
            [{ _tag: "NoStream" }, 5, [1]],
            [{ _tag: "Exactly", revision: 1 }, 5, [2]],
            [{ _tag: "Exactly", revision: 2 }, 5, [3, 4, 5]]
          ]
          for (const [n, expected] of [noStream, at(1), at(2)].entries()) {
            assert.deepStrictEqual(yield* refused(execute(id, deposit(8), expected)), between[n])
          }
        })
      )

      on.effect("refuses a command on a stream that is not as far, or not there", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          assert.deepStrictEqual(yield* refused(execute(id, deposit(1), exists)), [
            { _tag: "Exists" },
            0,
            []
          ])
          yield* move(id, 1)
          assert.deepStrictEqual(yield* refused(execute(id, deposit(1), at(2))), [
            { _tag: "Exactly", revision: 2 },
            1,
            []
          ])
          const highest = Revision.make(Number.MAX_SAFE_INTEGER)
          const far = { expected: ExpectedRevision.exactly(highest) }
          assert.deepStrictEqual(yield* refused(execute(id, deposit(1), far)), [
            { _tag: "Exactly", revision: highest },
            1,
            []
          ])
        })
      )

      on.effect("rejects by the state at that revision", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          yield* move(id, 5)
          const rejected = yield* Effect.flip(execute(id, withdraw(9), at(1)))
          assert.deepStrictEqual(rejected, new Overdrawn({ balance: 5, amount: 9 }))
        })
      )

      on.effect("gives a repeated command its first answer, though the stream has moved on", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const commandId = CommandId.make(yield* fresh)
          yield* move(id, 5)
          const first = yield* execute(id, withdraw(5), { commandId, ...at(1) })
          yield* move(id, 1, 1)
          const again = yield* execute(id, withdraw(5), { commandId, ...at(1) })
          assert.deepStrictEqual(again, { ...first, repeated: true })
          assert.deepStrictEqual(yield* balance(id), [4, 2])
        })
      )

      on.effect("is of the stream before the first of several commands", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const accounts = yield* CommandHandler
          const requests = [
            { command: deposit(1), commandId: CommandId.make(yield* fresh) },
            { command: withdraw(9), commandId: CommandId.make(yield* fresh) },
            { command: deposit(2), commandId: CommandId.make(yield* fresh) }
          ]
          const first = yield* accounts.executeAll(aggregate, id, requests, at(0))
          assert.deepStrictEqual(first.map(Result.isSuccess), [true, false, true])
          // Its answer was lost: a rejected command is rejected again.
          const again = yield* accounts.executeAll(aggregate, id, requests, at(0))
          assert.deepStrictEqual(
            again.map(Result.map(({ repeated, revision }) => [Number(revision), repeated])),
            [
              Result.succeed([1, true]),
              Result.fail(new Overdrawn({ balance: 3, amount: 9 })),
              Result.succeed([2, true])
            ]
          )
          // With more to record it is not a repeated call.
          const more = [...requests, { command: deposit(4) }]
          assert.deepStrictEqual(yield* refused(accounts.executeAll(aggregate, id, more, at(0))), [
            { _tag: "Exactly", revision: 0 },
            2,
            [1, 2]
          ])
          assert.deepStrictEqual(yield* balance(id), [2, 3])
        })
      )

      on.effect("lets one of many commands at once through, each of one try", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          yield* move(id, 1)
          const results = yield* Effect.all(
            [2, 3, 4, 5, 6, 7, 8, 9].map((amount) =>
              Effect.result(execute(id, deposit(amount), at(1)))
            ),
            { concurrency: "unbounded" }
          )
          assert.lengthOf(results.filter(Result.isSuccess), 1)
          for (const result of results.filter(Result.isFailure)) {
            assert.instanceOf(result.failure, WrongExpectedRevision)
          }
          assert.strictEqual((yield* balance(id))[0], 2)
        })
      )

      on.effect("leaves the commands that wait with it alone", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          yield* move(id, 1)
          const results = yield* Effect.all(
            [at(1), {}, at(1), {}, at(9), {}].map((options) =>
              Effect.map(Effect.result(execute(id, deposit(1), options)), Result.isSuccess)
            ),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            [...results.slice(1, 2), ...results.slice(2)],
            [true, false, true, false, true]
          )
        })
      )
    })
  }

  it.layer(caching(0))("An expected revision when another host is faster", (on) => {
    on.effect("refuses at once, and asks the log for nothing more", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* move(id, 1)
        const calls = yield* Ref.make<ReadonlyArray<string>>([])
        const raced = racedBy(rival.execute(aggregate, id, deposit(2))).pipe(
          Layer.provide(counting(calls))
        )
        const outcome = yield* refused(execute(id, deposit(4), at(1))).pipe(
          Effect.provide(caching(0).pipe(Layer.provide(raced)))
        )
        assert.deepStrictEqual(outcome, [{ _tag: "Exactly", revision: 1 }, 2, [2]])
        assert.deepStrictEqual(yield* Ref.get(calls), ["read", "append"])
      })
    )

    on.effect("decides again while the stream is still as expected", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* move(id, 1)
        const raced = racedBy(rival.execute(aggregate, id, deposit(2)))
        const { revision } = yield* execute(id, deposit(4), exists).pipe(
          Effect.provide(caching(0).pipe(Layer.provide(raced)))
        )
        assert.strictEqual<number>(revision, 3)
      })
    )

    on.effect("is met by what another host has recorded since a state was cached", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const rival = yield* CommandHandler
        yield* Effect.gen(function* () {
          yield* move(id, 1)
          yield* rival.execute(aggregate, id, deposit(2))
          yield* execute(id, deposit(4), at(2))
          yield* rival.execute(aggregate, id, deposit(8))
          // The state in the cache is at revision 3, as expected, and the stream no longer is.
          assert.deepStrictEqual(yield* refused(execute(id, deposit(16), at(3))), [
            { _tag: "Exactly", revision: 3 },
            4,
            [4]
          ])
        }).pipe(Effect.provide(caching(1)), Effect.provideService(MaxAttempts, 1))
        assert.deepStrictEqual(yield* balance(id), [4, 15])
      })
    )
  })
}
