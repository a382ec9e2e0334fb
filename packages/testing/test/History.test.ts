import * as History from "@daybook/testing/History"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Account from "./Account.ts"

const sample = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
  Arbitrary.sampleEffect(arbitrary, { count: 200, size: 20, seed: 1 })

describe("Generated histories", () => {
  it.effect("are mostly of commands that are accepted, and have rejected ones too", () =>
    Effect.gen(function* () {
      const drawn = yield* History.coverage(Account.decider, Account.Command, {
        count: 200,
        size: 20,
        seed: 1
      })
      assert.sameMembers([...drawn.events.keys()], Object.keys(Account.Event.cases))
      assert.sameMembers([...drawn.rejections.keys()], Object.keys(Account.Rejection.cases))
      assert.sameMembers([...drawn.states.keys()], Object.keys(Account.State.cases))
      assert.sameMembers([...drawn.commands.keys()], Object.keys(Account.Command.cases))
      const places = yield* sample(
        Arbitrary.array(Arbitrary.schema(Account.Command), { maxLength: 40 })
      )
      const accepted = (histories: ReadonlyArray<ReadonlyArray<Account.Command>>) => {
        const steps = histories.flatMap((history) => History.steps(Account.decider, history))
        return steps.filter(({ decided }) => Result.isSuccess(decided)).length / steps.length
      }
      const chosen = yield* sample(History.arbitrary(Account.decider, Account.Command))
      assert.isAbove(accepted(chosen), 0.5)
      assert.isBelow(accepted(places), 0.35)
    })
  )

  it.effect("have few values of a kind, so that commands concern the same things", () =>
    Effect.gen(function* () {
      const Transfer = Schema.TaggedUnion({
        Open: { id: Schema.String },
        Move: {
          from: Schema.String,
          to: Schema.String,
          tags: Schema.Array(Schema.String),
          amount: Schema.Int.check(Schema.isGreaterThan(0)),
          note: Schema.optionalKey(Schema.Literals(["a", "b", "c", "d", "e"]))
        }
      })
      const decider = {
        initialState: null,
        decide: (command: typeof Transfer.Type) => Result.succeed([command]),
        evolve: () => null
      }
      const histories = (yield* sample(History.arbitrary(decider, Transfer))).filter(
        (history) => history.length > 10
      )
      const shares = histories.map((history) => {
        const ids = history.flatMap((command) =>
          command._tag === "Open" ? [command.id] : [command.from, command.to, ...command.tags]
        )
        return new Set(ids).size / ids.length
      })
      assert.isAbove(histories.length, 20)
      assert.isBelow(shares.reduce((sum, share) => sum + share, 0) / shares.length, 0.4)
      const fits = Schema.is(Transfer)
      assert.isTrue(histories.flat().every((command) => fits(command)))
    })
  )

  it.effect("leave commands as drawn where fields depend on one another", () =>
    Effect.gen(function* () {
      const Range = Schema.TaggedStruct("Range", { from: Schema.Int, to: Schema.Int }).check(
        Schema.makeFilter(({ from, to }) => from <= to, { expected: "an ascending range" })
      )
      const decider = {
        initialState: null,
        decide: (command: typeof Range.Type) => Result.succeed([command]),
        evolve: () => null
      }
      const histories = yield* sample(History.arbitrary(decider, Range))
      assert.isTrue(histories.flat().every(({ from, to }) => from <= to))
    })
  )

  it.effect("are of commands that contain themselves", () =>
    Effect.gen(function* () {
      interface Tree {
        readonly name: string
        readonly under: ReadonlyArray<Tree>
      }
      const Tree = Schema.Struct({
        name: Schema.String,
        under: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
      })
      const decider = {
        initialState: 0,
        decide: (tree: Tree) => Result.succeed([tree]),
        evolve: (count: number) => count + 1
      }
      const histories = yield* sample(History.arbitrary(decider, Tree))
      const fits = Schema.is(Tree)
      assert.isTrue(histories.flat().every((tree) => fits(tree)))
    })
  )

  it.effect("shrink to a history that could have happened", () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(
        History.arbitrary(Account.decider, Account.Command),
        (commands) =>
          !History.steps(Account.decider, commands).some(
            ({ command, decided }) => command._tag === "Close" && Result.isSuccess(decided)
          ),
        { runs: 500, size: 20, seed: 1 }
      )
      if (result._tag !== "Falsified") return assert.fail(result._tag)
      assert.deepStrictEqual(
        result.shrunkInput.map(({ _tag }) => _tag),
        ["Open", "Close"]
      )
    })
  )
})

describe("Simpler histories", () => {
  it("have fewer commands, long stretches first, or one that is simpler and fits its schema", () => {
    const simpler = History.simpler(Account.Command)
    assert.deepStrictEqual(simpler([{ _tag: "Close" }, { _tag: "Deposit", amount: 5n }]), [
      [{ _tag: "Deposit", amount: 5n }],
      [{ _tag: "Close" }],
      [{ _tag: "Close" }, { _tag: "Deposit", amount: 1n }],
      [{ _tag: "Close" }, { _tag: "Deposit", amount: 2n }],
      [{ _tag: "Close" }, { _tag: "Deposit", amount: 4n }]
    ])
    assert.deepStrictEqual(simpler([{ _tag: "Deposit", amount: 1n }]), [[]])
    const drawn = History.simpler(Arbitrary.schema(Account.Command))
    assert.deepStrictEqual(drawn([{ _tag: "Deposit", amount: 5n }]), [[]])
  })

  it("come to an end for commands of any depth", () => {
    const Command = Schema.Struct({
      names: Schema.Array(Schema.Struct({ name: Schema.String, at: Schema.Int }))
    })
    const simpler = History.simpler(Command)
    let history: ReadonlyArray<typeof Command.Type> = [
      {
        names: [
          { name: "some name", at: -17 },
          { name: "b", at: 40 }
        ]
      }
    ]
    for (let tried = 0; tried < 200; tried++) history = simpler(history).at(-1) ?? history
    assert.deepStrictEqual(history, [])
  })
})

describe("A history as text", () => {
  it("has a line for each command, and its events or rejection", () => {
    assert.strictEqual(
      History.show(Account.decider, [
        { _tag: "Close" },
        { _tag: "Open", owner: "Ada" },
        { _tag: "Withdraw", amount: 1n }
      ]),
      `after these commands:
   1. Close
      rejected: NotOpen
   2. Open { owner: "Ada" }
      Opened { owner: "Ada" }
   3. Withdraw { amount: 1n }
      rejected: TooLittle { balance: 0n, asked: 1n }`
    )
  })

  it("ends where the decider throws, and shows when nothing happens", () => {
    const decider = {
      initialState: 0,
      decide: (command: number): Result.Result<ReadonlyArray<number>, string> => {
        if (command > 1) throw new Error("too many")
        return Result.succeed([])
      },
      evolve: (state: number) => state
    }
    assert.strictEqual(
      History.show(decider, [1, 2, 3]),
      "after these commands:\n   1. 1\n      nothing\n   2. 2\n      threw: Error: too many"
    )
    assert.strictEqual(History.show(decider, []), "before any command")
  })
})
