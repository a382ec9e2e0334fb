/**
 * A book of the library, which is lent to one reader at a time: its rules, and its events as they
 * are stored.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

/** The commands: requests that the rules accept or refuse. */
export const Command = Schema.TaggedUnion({ Lend: { to: Name }, Return: {} })

/** The events. Their names and fields are stored: see "Changing an event" of the guides. */
export const Event = Schema.TaggedUnion({ Lent: { to: Schema.String }, Returned: {} })

/** The present reader, or null while the book is in its place. */
const State = Schema.NullOr(Schema.String)

/** The book is with a reader. */
export class Away extends Schema.TaggedError<Away>()("Away", { reader: Schema.String }) {
  override get message() {
    return `The book is with ${this.reader}`
  }
}

/** The rules are in `decide` alone; `evolve` only remembers. */
const decider = Decider.make({
  initialState: null,
  decide: (command: typeof Command.Type, reader: typeof State.Type) =>
    Command.match(command, {
      Lend: ({ to }) =>
        reader === null
          ? Result.succeed([Event.cases.Lent.make({ to })])
          : Result.fail(new Away({ reader })),
      Return: () => Result.succeed(reader === null ? [] : [Event.cases.Returned.make({})])
    }),
  evolve: (_, event: typeof Event.Type) =>
    Event.match(event, { Lent: ({ to }) => to, Returned: () => null })
})

export const book = Aggregate.make({
  category: "book",
  decider,
  codec: EventCodec.make({ name: "book", events: Event }),
  state: State
})
