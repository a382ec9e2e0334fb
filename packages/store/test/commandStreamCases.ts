/**
 * A command handler with one command id on several streams, and the positions in its answers, with
 * and without snapshots and cached states, on any store.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { aggregate, deposit, withdraw } from "./Account.ts"
import { balance, caching, fresh, move, snapshotting } from "./handlerHarness.ts"

const positions = (id: string) =>
  Effect.gen(function* () {
    const streamId = yield* Effect.fromResult(StreamId.make(aggregate.category, id))
    const recorded = yield* Stream.runCollect((yield* EventStore).read(streamId))
    return recorded.map(({ position }) => position)
  })

/** The cases, on the stores of `it`. */
export const commandStreamCases = (it: Vitest.MethodsNonLive<EventStore | SnapshotStore>): void => {
  const handlers = {
    "no shortcut": caching(0),
    "cached states": caching(10),
    "a snapshot of each revision": snapshotting(SnapshotPolicy.every(1))
  }
  for (const [what, handler] of Object.entries(handlers)) {
    it.layer(handler)(`A command with ${what}`, (on) => {
      on.effect("S26: is another one on another stream, and counts once on each", () =>
        Effect.gen(function* () {
          const [one, two] = [yield* fresh, yield* fresh]
          const commandId = CommandId.make(yield* fresh)
          const accounts = yield* CommandHandler
          const execute = (id: string, amount: number) =>
            accounts.execute(aggregate, id, withdraw(amount), { commandId })
          yield* move(one, 10)
          yield* move(two, 10)
          const first = yield* execute(one, 7)
          const second = yield* execute(two, 8)
          // They would be refused by now, had they not been executed before.
          yield* move(one, 1)
          yield* move(two, -2)
          assert.deepStrictEqual(yield* execute(one, 7), { ...first, repeated: true })
          assert.deepStrictEqual(yield* execute(two, 8), { ...second, repeated: true })
          assert.deepStrictEqual(yield* balance(one), [3, 4])
          assert.deepStrictEqual(yield* balance(two), [3, 0])
        })
      )

      on.effect("is another one when several of one caller go to two streams", () =>
        Effect.gen(function* () {
          const ids = [yield* fresh, yield* fresh]
          const requests = [
            { command: deposit(2), commandId: CommandId.make(yield* fresh) },
            { command: deposit(3), commandId: CommandId.make(yield* fresh) }
          ]
          const accounts = yield* CommandHandler
          for (const expected of [false, true]) {
            for (const id of ids) {
              const answers = yield* accounts.executeAll(aggregate, id, requests)
              assert.deepStrictEqual(answers.map(Result.map(({ repeated }) => repeated)), [
                Result.succeed(expected),
                Result.succeed(expected)
              ])
              assert.deepStrictEqual(yield* balance(id), [2, 5])
            }
          }
        })
      )

      on.effect("gives the position of its last event, a repeated one too", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const commandId = CommandId.make(yield* fresh)
          const accounts = yield* CommandHandler
          yield* move(id, 1)
          const first = yield* accounts.execute(aggregate, id, deposit(2), { commandId })
          yield* move(id, 4)
          const again = yield* accounts.execute(aggregate, id, deposit(2), { commandId })
          const [, second] = yield* positions(id)
          assert.deepStrictEqual([first.position, again.position], [second, second])
        })
      )

      on.effect("that records nothing gives the position of the stream's last event", () =>
        Effect.gen(function* () {
          const [id, other] = [yield* fresh, yield* fresh]
          const accounts = yield* CommandHandler
          const none = yield* accounts.execute(aggregate, id, deposit(0))
          assert.deepStrictEqual([Number(none.revision), none.position], [0, 0n])
          yield* move(id, 1, 2)
          yield* move(other, 1)
          const nothing = yield* accounts.execute(aggregate, id, deposit(0))
          const [, second] = yield* positions(id)
          assert.deepStrictEqual([Number(nothing.revision), nothing.position], [2, second])
        })
      )

      on.effect("that goes with others gives the position of the last of them", () =>
        Effect.gen(function* () {
          const id = yield* fresh
          const accounts = yield* CommandHandler
          yield* move(id, 1)
          const commandId = CommandId.make(yield* fresh)
          const requests = [
            { command: deposit(0) },
            { command: deposit(2), commandId },
            { command: deposit(0) },
            { command: deposit(4) }
          ]
          const answers = yield* accounts.executeAll(aggregate, id, requests)
          const [first, second, third] = yield* positions(id)
          assert.deepStrictEqual(
            answers.map((answer) =>
              Result.isSuccess(answer) ? answer.success.position : undefined
            ),
            [first, third, third, third]
          )
          const again = yield* accounts.execute(aggregate, id, deposit(2), { commandId })
          assert.strictEqual(again.position, second)
        })
      )
    })
  }
}
