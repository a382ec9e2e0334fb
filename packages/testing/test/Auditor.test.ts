import * as CommandId from "@daybook/kernel/CommandId"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Auditor from "@daybook/testing/simulation/Auditor"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Account from "./Account.ts"

const model: Auditor.Model<Account.Command, Account.State, Account.Event> = {
  instance: (accepted) => {
    let balance = 0n
    let owner: string | undefined
    for (const { command } of accepted) {
      if (command._tag === "Open") owner = command.owner
      else if (owner === undefined) throw new Error("a deposit into no account")
      else if (command._tag === "Deposit") balance += command.amount
      else if (command._tag === "Withdraw") balance -= command.amount
    }
    return {
      state: owner === undefined ? { _tag: "None" } : { _tag: "Open", owner, balance }
    }
  }
}

const accounts = Auditor.of(Account.aggregate, model)
const { category } = Account.aggregate

const balances = Projection.define({
  name: "balances",
  version: 1,
  from: [Account.aggregate],
  row: Schema.Struct({
    id: Schema.String,
    balance: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
  }),
  primaryKey: ["id"]
}).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })

const occurredAt = DateTime.makeUnsafe(0)
const commands: ReadonlyArray<Account.Command> = [
  { _tag: "Open", owner: "Ada" },
  { _tag: "Deposit", amount: 5n }
]

/** The log of accounts that were opened and paid into by the same requests, and all that is known of that. */
const observationsOf = (...ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const handler = yield* CommandHandler
    const sent: Array<Auditor.Sent<Account.Command, Account.State>> = []
    for (const [id, index, command] of ids.flatMap((of) =>
      commands.map((one, place) => [of, place, one] as const)
    )) {
      const commandId = CommandId.make(`00000000-0000-4000-8000-00000000000${index}`)
      const { events, revision, state } = yield* handler.execute(Account.aggregate, id, command, {
        commandId,
        occurredAt
      })
      const answer = { _tag: "Accepted", revision, events: events.length, state } as const
      sent.push({
        category,
        id,
        command,
        commandId,
        occurredAt,
        answers: [answer],
        doubtful: false
      })
    }
    const log = yield* Stream.runCollect((yield* EventStore).readAll())
    const last = yield* Effect.forEach(ids, (id) =>
      Effect.map(handler.load(Account.aggregate, id), (loaded) => ({ category, id, ...loaded }))
    )
    const found: Auditor.Observations = {
      sent,
      together: [],
      reactors: [],
      processes: [],
      lost: [],
      endMillis: undefined,
      log,
      loads: last,
      folds: last,
      prefixes: [],
      subscribers: new Map(),
      rows: [],
      overdue: []
    }
    return found
  }).pipe(
    Effect.provide(CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))),
    Effect.orDie
  )

const observations = observationsOf("1")

/** By their invariants. */
const violations = (found: Auditor.Observations) =>
  Auditor.audit([accounts], found).violations.map(({ invariant }) => invariant)

describe("An auditor", () => {
  it.effect("finds no violation in a log that agrees with the commands", () =>
    Effect.gen(function* () {
      const { checks, violations } = Auditor.audit([accounts], yield* observations)
      assert.deepStrictEqual(violations, [])
      for (const invariant of [1, 2, 3, 6, 8, 9, 12])
        assert.isAtLeast(checks.get(invariant) ?? 0, 1)
    })
  )

  it.effect("treats one command id on two streams as two commands", () =>
    Effect.gen(function* () {
      const both = yield* observationsOf("1", "2")
      assert.deepStrictEqual(violations(both), [])
      // What was sent to the first alone is recorded on both.
      const told = violations({ ...both, sent: both.sent.filter(({ id }) => id === "1") })
      assert.include(told, 3)
    })
  )

  it.effect("reports accepted commands for which the model has no state", () =>
    Effect.gen(function* () {
      const found = yield* observations
      // The command that opened the account was never sent.
      const told = violations({ ...found, sent: found.sent.slice(1) })
      assert.strictEqual(told[0], 3)
      assert.include(told, 2)
    })
  )

  it.effect("reports the event that can't be decoded", () =>
    Effect.gen(function* () {
      const found = yield* observations
      const log = found.log.map((event) =>
        event.type === "Deposited" ? { ...event, data: { amount: "five" } } : event
      )
      assert.deepStrictEqual(violations({ ...found, log }), [9])
    })
  )

  it.effect("reports rows that do not fit their schema, stored or predicted", () =>
    Effect.gen(function* () {
      const found = yield* observations
      const kept = (balance: number, predicted: number) =>
        Auditor.audit(
          [
            Auditor.of(Account.aggregate, {
              ...model,
              rows: () => new Map([["balances", [{ id: "1", balance: predicted }]]])
            })
          ],
          {
            ...found,
            rows: [{ projection: balances, way: "at hand", rows: [{ id: "1", balance }] }]
          }
        ).violations.map(({ invariant, message }) => `${invariant}: ${message.split(":")[0]}`)
      assert.deepStrictEqual(kept(5, 5), [])
      assert.deepStrictEqual(kept(5, 6), ["10: rows of balances, at hand"])
      assert.deepStrictEqual(kept(-5, 5), [
        "10: rows of balances, at hand, do not fit their schema"
      ])
      assert.deepStrictEqual(kept(5, -5), ["10: the commands lead to invalid rows of balances"])
    })
  )

  it.effect("reports a state that does not fit its schema", () =>
    Effect.gen(function* () {
      const found = yield* observations
      const loads = found.loads.map((load) => ({
        ...load,
        // As a fold does whose types are not minded.
        state: { _tag: "Open", owner: "Ada", balance: 5 } as unknown as Account.State
      }))
      assert.deepStrictEqual(violations({ ...found, loads }), [12])
    })
  )

  describe("of commands together", () => {
    const predicting = Auditor.of(Account.aggregate, {
      instance: (accepted) => ({
        ...model.instance(accepted),
        events: accepted.map(({ command }) =>
          command._tag === "Open"
            ? { ...command, _tag: "Opened" as const }
            : { _tag: "Deposited" as const, amount: 5n }
        )
      })
    })
    const streams = ["1", "2"].map((id) => ({ category, id }))

    /** The accounts 1 and 2 are opened together; the log holds what `keep` keeps of that. */
    const openedTogether = (
      keep: (log: Auditor.Observations["log"]) => Auditor.Observations["log"]
    ) =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const commandId = CommandId.make("00000000-0000-4000-8000-000000000009")
        const command = { _tag: "Open", owner: "Ada" } as const
        yield* handler.executeTogether(
          streams.map(({ id }) => CommandCall.make(Account.aggregate, id, command)),
          { commandId, occurredAt }
        )
        const log = yield* Stream.runCollect((yield* EventStore).readAll())
        return {
          sent: streams.map((on) => ({
            ...on,
            command,
            commandId,
            occurredAt,
            answers: [],
            doubtful: true
          })),
          together: [{ commandId, streams }],
          reactors: [],
          processes: [],
          lost: [],
          endMillis: undefined,
          log: keep(log),
          loads: [],
          folds: [],
          prefixes: [],
          subscribers: new Map(),
          rows: [],
          overdue: []
        }
      }).pipe(
        Effect.provide(CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))),
        Effect.orDie
      )

    it.effect("finds nothing in one append", () =>
      Effect.gen(function* () {
        const found = yield* openedTogether((log) => log)
        assert.deepStrictEqual(Auditor.audit([predicting], found).violations, [])
      })
    )

    it.effect("reports one of them that is missing, though no answer came", () =>
      Effect.gen(function* () {
        const found = yield* openedTogether((log) => log.slice(0, 1))
        const [first, ...others] = Auditor.audit([predicting], found).violations
        assert.deepStrictEqual([first?.invariant, others], [2, []])
        assert.include(first?.message ?? "", "not on account-2")
      })
    )

    it.effect("reports two appends", () =>
      Effect.gen(function* () {
        const found = yield* openedTogether((log) =>
          log.map((event, index) => ({
            ...event,
            position: Position.make(event.position + BigInt(index))
          }))
        )
        const [first] = Auditor.audit([predicting], found).violations
        assert.include(first?.message ?? "", "are not one append")
      })
    )
  })

  it.effect("reports an event without a reaction, and reactions of one key out of order", () =>
    Effect.gen(function* () {
      const found = yield* observationsOf("1", "2")
      const expected = found.log.map((event) => ({
        event: EventMark.of(event),
        key: event.streamId
      }))
      const [openedOne, paidOne, openedTwo, paidTwo] = expected
      if (openedOne === undefined || paidOne === undefined) return assert.fail("too few events")
      if (openedTwo === undefined || paidTwo === undefined) return assert.fail("too few events")
      const told = (...reacted: ReadonlyArray<typeof openedOne>) =>
        violations({ ...found, reactors: [{ reactor: "mail", expected, reacted }] })
      // Other keys go on beside a key that waits, and an event may come again.
      assert.deepStrictEqual(told(openedTwo, openedOne, paidTwo, openedTwo, paidOne), [])
      assert.deepStrictEqual(told(openedOne, paidOne, openedTwo), [5])
      assert.deepStrictEqual(told(paidOne, openedOne, openedTwo, paidTwo), [5])
    })
  )
})
