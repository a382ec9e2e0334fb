/**
 * A small domain for tests: the few seats of a hall, each with its guest. Booking a seat twice is
 * refused, and freeing a free one changes nothing, so a repeated command rarely has its first
 * effect again.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Seat = Schema.Literals([1, 2, 3])
const Guest = Schema.Literals(["Ada", "Bo"])

const HallEvent = Schema.TaggedUnion({
  SeatBooked: { seat: Seat, guest: Guest },
  SeatFreed: { seat: Seat }
})
type HallEvent = typeof HallEvent.Type

export const HallCommand = Schema.TaggedUnion({
  Book: { seat: Seat, guest: Guest },
  Free: { seat: Seat }
})
type HallCommand = typeof HallCommand.Type

const Hall = Schema.Struct({
  taken: Schema.Array(Schema.Struct({ seat: Seat, guest: Guest })),
  bookings: Schema.Int
})
type Hall = typeof Hall.Type

class SeatTaken extends Schema.TaggedError<SeatTaken>()("SeatTaken", {
  seat: Seat,
  by: Guest
}) {}

const decider = Decider.make({
  initialState: { taken: [], bookings: 0 },
  decide: (command: HallCommand, { taken }: Hall) =>
    HallCommand.match(command, {
      Book: ({ guest, seat }): Result.Result<ReadonlyArray<HallEvent>, SeatTaken> => {
        const place = taken.find((other) => other.seat === seat)
        return place === undefined
          ? Result.succeed([{ _tag: "SeatBooked", seat, guest }])
          : Result.fail(new SeatTaken({ seat, by: place.guest }))
      },
      Free: ({ seat }): Result.Result<ReadonlyArray<HallEvent>, SeatTaken> =>
        Result.succeed(
          taken.some((place) => place.seat === seat) ? [{ _tag: "SeatFreed", seat }] : []
        )
    }),
  evolve: ({ bookings, taken }: Hall, event: HallEvent): Hall =>
    HallEvent.match(event, {
      SeatBooked: ({ guest, seat }) => ({
        taken: [...taken, { seat, guest }],
        bookings: bookings + 1
      }),
      SeatFreed: ({ seat }) => ({ taken: taken.filter((place) => place.seat !== seat), bookings })
    })
})

export const aggregate = Aggregate.make({
  category: "hall",
  decider,
  codec: EventCodec.make({ name: "hall", events: HallEvent }),
  state: Hall
})
