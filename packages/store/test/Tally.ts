/**
 * A small domain for tests whose decider returns the whole command as an event: fields that the
 * event's schema does not name are not stored, though `evolve` would read them.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const By = Schema.Literals([1, 2, 3])

export const Tally = Schema.TaggedUnion({ Tally: { by: By, twice: Schema.Boolean } })

const Tallied = Schema.TaggedUnion({ Tallied: { by: By } })

const State = Schema.Struct({ sum: Schema.Int, last: Schema.Json })
type State = typeof State.Type

export const aggregate = Aggregate.make({
  category: "tally",
  decider: Decider.make({
    initialState: { sum: 0, last: null },
    decide: (command: typeof Tally.Type): Result.Result<ReadonlyArray<typeof Tallied.Type>> =>
      Result.succeed([{ ...command, _tag: "Tallied" }]),
    evolve: ({ sum }: State, event: typeof Tallied.Type): State => ({
      sum: sum + ("twice" in event && event.twice === true ? 2 * event.by : event.by),
      last: { ...event }
    })
  }),
  codec: EventCodec.make({ name: "tally", events: Tallied }),
  state: State
})
