/**
 * The rejections of inboxes: a stream for each command of a message that was rejected.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The most characters of a rejection that are recorded. */
const MAX_LENGTH = 1_000

/** A command of a message was rejected. The metadata of the event names inbox and message. */
const Event = Schema.TaggedUnion({
  CommandRejected: {
    /** The number of the command among those of its message, from 0. */
    index: Schema.Int,
    /** The rejection as text. */
    rejection: Schema.String
  }
})

/** A rejection that is to be recorded. */
interface Rejected {
  readonly index: number
  readonly rejection: string
}

/** Its instances have the ids of the commands; the state is the rejection. */
export const rejections = Aggregate.make({
  category: "inbox_rejection",
  decider: Decider.make({
    initialState: null,
    decide: ({ index, rejection }: Rejected, state: string | null) =>
      Result.succeed(
        state === null
          ? [
              Event.cases.CommandRejected.make({
                index,
                rejection: rejection.slice(0, MAX_LENGTH).toWellFormed()
              })
            ]
          : []
      ),
    evolve: (state: string | null, event: typeof Event.Type) =>
      Event.match(event, { CommandRejected: ({ rejection }) => state ?? rejection })
  }),
  codec: EventCodec.make({ name: "inbox_rejection", events: Event }),
  state: Schema.NullOr(Schema.String)
})
