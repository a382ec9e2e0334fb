/**
 * The library of the README: a book is lent to one reader at a time.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))

export const Command = Schema.TaggedUnion({ Lend: { to: Name }, Return: {} })
const Event = Schema.TaggedUnion({ Lent: { to: Schema.String }, Returned: {} })
const Reader = Schema.NullOr(Schema.String)

export class Away extends Schema.TaggedError<Away>()("Away", { reader: Schema.String }) {
  override get message() {
    return `The book is with ${this.reader}`
  }
}

const decider = Decider.make({
  initialState: null,
  decide: (command: typeof Command.Type, reader: typeof Reader.Type) =>
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
  state: Reader
})

const Loan = Schema.Struct({
  bookId: Schema.String,
  reader: Schema.NullOr(Schema.String),
  loans: Schema.Int,
  lentAt: Schema.DateTimeUtc
})

/** Each book with the number of its loans. */
export const loans = Projection.define({
  name: "loans",
  version: 1,
  from: [book],
  row: Loan,
  primaryKey: ["bookId"],
  indexes: [["loans"]]
}).fold({
  keys: (_, { streamId }) => [{ bookId: StreamId.id(streamId) }],
  initial: () => undefined,
  apply: (row, event, { key, recorded }) =>
    Event.match(event, {
      Lent: ({ to }) => ({
        ...key,
        reader: to,
        loans: (row?.loans ?? 0) + 1,
        lentAt: recorded.occurredAt
      }),
      Returned: () => (row === undefined ? undefined : { ...row, reader: null })
    })
})

/** Readers by name; it can't fold the loan of one of them. */
export const readers = Projection.define({
  name: "readers",
  version: 1,
  from: [book],
  row: Schema.Struct({ reader: Schema.String, loans: Schema.Int }),
  primaryKey: ["reader"]
}).fold({
  keys: (event) => (event._tag === "Lent" ? [{ reader: event.to }] : []),
  initial: ({ reader }) => ({ reader, loans: 0 }),
  apply: (row) => {
    if (row.reader === "Mallory") throw new Error("no loans for Mallory")
    return { ...row, loans: row.loans + 1 }
  }
})
