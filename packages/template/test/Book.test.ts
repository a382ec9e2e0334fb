import * as LawSuite from "@daybook/testing/LawSuite"
import * as Specification from "@daybook/testing/Specification"
import { Away, book, Command, Event } from "../src/Book.ts"

const { Lend, Return } = Command.cases
const { Lent, Returned } = Event.cases

LawSuite.suite(
  "a book",
  Specification.laws(
    Specification.make("a book", book.decider, (given) => ({
      "is lent": given()
        .when(Lend.make({ to: "Ada" }))
        .then([Lent.make({ to: "Ada" })]),
      "is lent to one reader at a time": given(Lent.make({ to: "Ada" }))
        .when(Lend.make({ to: "Ben" }))
        .then(new Away({ reader: "Ada" })),
      "is returned": given(Lent.make({ to: "Ada" }))
        .when(Return.make({}))
        .then([Returned.make({})]),
      "is returned once": given().when(Return.make({})).then([])
    }))
  )
)
