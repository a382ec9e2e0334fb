import * as Simulation from "@daybook/testing/simulation/Simulation"
import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Account from "./Account.ts"

const wrong = Schema.TaggedUnion({ Open: { owner: Schema.Int }, Close: {} })
const some = Schema.TaggedUnion({ Open: { owner: Schema.String }, Close: {} })

const model = { instance: () => ({ state: Account.aggregate.decider.initialState }) }
const ofAccounts = { aggregate: Account.aggregate, model }

/** Is not called: only its types matter. */
const typesOf = (uncalled: () => unknown) => expectTypeOf(uncalled).toBeFunction()

describe("A schema of commands", () => {
  it("is accepted when its commands are some or all of the decided ones", () => {
    expectTypeOf<Simulation.CommandSchema<typeof some, Account.Command>>().toEqualTypeOf<
      typeof some
    >()
    expectTypeOf<Simulation.CommandSchema<typeof Account.Command, Account.Command>>().toEqualTypeOf<
      typeof Account.Command
    >()
    typesOf(() => Simulation.of({ ...ofAccounts, command: some }))
    typesOf(() => Simulation.of({ ...ofAccounts, command: Account.Command }))
  })

  it("is a message that lists the commands of the schema that are not decided", () => {
    expectTypeOf<Simulation.CommandSchema<typeof wrong, Account.Command>>().toEqualTypeOf<{
      readonly "this schema gives commands that are not decided": {
        readonly _tag: "Open"
        readonly owner: number
      }
      readonly "commands that are decided": Account.Command
    }>()
    expectTypeOf<
      Simulation.CommandSchema<typeof Account.Command.cases, Account.Command>
    >().toEqualTypeOf<{
      readonly "this is no schema that needs no services": typeof Account.Command.cases
    }>()
  })

  it("has its compile error at the schema, not at the aggregate", () => {
    typesOf(() =>
      Simulation.of({
        aggregate: Account.aggregate,
        model,
        // @ts-expect-error: its owner is a number
        command: wrong
      })
    )
  })

  it.effect("is simulated with its own commands alone", () =>
    Effect.gen(function* () {
      const histories = yield* Simulation.check(
        {
          aggregates: [
            Simulation.of({
              aggregate: Account.aggregate,
              command: Schema.TaggedUnion({ Close: {} }),
              model
            })
          ]
        },
        { seed: 1, histories: 1 }
      )
      expectTypeOf(histories.events).toEqualTypeOf<number>()
    })
  )
})
