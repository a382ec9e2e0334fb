/**
 * A read model: where each book is, and how often it was lent.
 */
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import { book, Event } from "./Book.ts"

const Loan = Schema.Struct({
  bookId: Schema.String,
  reader: Schema.NullOr(Schema.String),
  loans: Schema.Int
})

/** A changed fold or row needs the next version: it is built beside the rows that serve. */
export const loans = Projection.define({
  name: "loans",
  version: 1,
  from: [book],
  row: Loan,
  primaryKey: ["bookId"],
  indexes: [["reader"]]
}).fold({
  keys: (_, { streamId }) => [{ bookId: StreamId.id(streamId) }],
  initial: ({ bookId }) => ({ bookId, reader: null, loans: 0 }),
  apply: (row, event) =>
    Event.match(event, {
      Lent: ({ to }) => ({ ...row, reader: to, loans: row.loans + 1 }),
      Returned: () => ({ ...row, reader: null })
    })
})
