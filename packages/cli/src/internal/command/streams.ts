/**
 * `daybook streams`: the streams of the log.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, type StreamFacts } from "@daybook/store/EventStore"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Open from "../connection/open.ts"
import { type Listing, print } from "../output/listing.ts"
import { limit } from "./parameters.ts"
import { opened, session } from "./session.ts"

const listing: Listing<StreamFacts> = {
  columns: [
    { title: "stream", of: ({ streamId }) => streamId },
    { title: "events", align: "right", of: ({ revision }) => String(revision) },
    { title: "last occurred at", of: ({ occurredAt }) => DateTime.formatIso(occurredAt) },
    { title: "last position", align: "right", of: ({ position }) => String(position) }
  ],
  id: ({ streamId }) => streamId,
  json: ({ occurredAt, position, recordedAt, revision, streamId }) => ({
    streamId,
    revision,
    position: String(position),
    occurredAt: DateTime.formatIso(occurredAt),
    recordedAt: DateTime.formatIso(recordedAt)
  })
}

export const streams = Command.make(
  "streams",
  {
    category: Flag.String("category").pipe(
      Flag.withDescription("Only streams of this category"),
      Flag.withSchema(StreamId.Category),
      Flag.optional
    ),
    prefix: Flag.String("prefix").pipe(
      Flag.withDescription("Only streams whose id begins so, such as order-2026-"),
      Flag.optional
    ),
    limit
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.flatMap(EventStore, (store) =>
      print(
        made.style,
        listing,
        store.streams({
          category: Option.getOrUndefined(input.category),
          prefix: Option.getOrUndefined(input.prefix),
          limit: Option.getOrUndefined(input.limit)
        })
      )
    ).pipe(opened(made, Open.log))
  })
).pipe(
  Command.withDescription("List the streams by their ids, with the last event of each."),
  Command.withExamples([
    { command: "daybook streams --category order --limit 20" },
    { command: "daybook streams -q | wc -l", description: "Count them" }
  ])
)
