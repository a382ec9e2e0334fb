/**
 * Parcels of the tests: each scan of one is an event, so a scan that counts twice shows.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Publisher from "@daybook/publishing/Publisher"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

export const Command = Schema.TaggedUnion({ Scan: { n: Schema.Int, text: Schema.String } })
const Event = Schema.TaggedUnion({ Scanned: { n: Schema.Int, text: Schema.String } })

export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { n: Schema.Int }) {}

/** Makes the aggregate of a category, whose state is the number of scans. */
export const parcelsOf = (category: string) =>
  Aggregate.make({
    category,
    decider: Decider.make({
      initialState: 0,
      decide: ({ n, text }: typeof Command.Type) =>
        n < 0
          ? Result.fail(new Unknown({ n }))
          : Result.succeed([Event.cases.Scanned.make({ n, text })]),
      evolve: (scans: number, _: typeof Event.Type) => scans + 1
    }),
    codec: EventCodec.make({ name: "parcel", events: Event }),
    state: Schema.Int
  })

export type Parcels = ReturnType<typeof parcelsOf>

export const scan = (parcels: Parcels, id: string, n: number, text = "") =>
  Effect.flatMap(CommandHandler, (handler) =>
    handler.execute(parcels, id, Command.cases.Scan.make({ n, text }))
  )

/** Publishes an event with an even number twice, one with an odd number once, and no zero. */
export const scansTo = (
  parcels: Parcels,
  topic: string,
  options: Partial<Publisher.Options<Parcels>> = {}
): Publisher.Publisher =>
  Publisher.make({
    name: `scans_${topic.replaceAll(/[^a-z0-9]/g, "_")}`,
    origin: "/parcels",
    sources: [parcels],
    toMessages: ({ n, text }) =>
      Array.from({ length: n === 0 ? 0 : n % 2 === 0 ? 2 : 1 }, (_, copy) => ({
        topic,
        type: "parcel.scanned",
        data: { n, copy, text }
      })),
    ...options
  })
