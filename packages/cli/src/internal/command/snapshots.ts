/**
 * `daybook snapshots`: deletes snapshots, which changes no answer.
 */
import * as StreamId from "@daybook/kernel/StreamId"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { Misused } from "../exit.ts"
import { count, print, type Listing } from "../output/listing.ts"
import * as Progress from "../output/progress.ts"
import { opened, session } from "./session.ts"

const category = Flag.String("category").pipe(
  Flag.withDescription("Only streams of this category"),
  Flag.withSchema(StreamId.Category),
  Flag.optional
)

const listing: Listing<StreamId.StreamId> = {
  columns: [{ title: "stream", of: (streamId) => streamId }],
  id: (streamId) => streamId,
  json: (streamId) => ({ streamId })
}

/** The streams that have snapshots, of one category or of all. */
const streamsOf = (of: Option.Option<StreamId.Category>) =>
  Stream.filter(
    SnapshotStorePostgres.streams,
    (streamId) => Option.isNone(of) || StreamId.category(streamId) === of.value
  )

const prune = Command.make(
  "prune",
  {
    keep: Flag.Int("keep").pipe(
      Flag.withDescription("So many of the newest snapshots of each fold stay"),
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      Flag.withDefault(1)
    ),
    category
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Progress.withLine(made.style.quiet, (draw) => {
      let done = 0
      const pruned = streamsOf(input.category).pipe(
        Stream.tap((streamId) =>
          Effect.gen(function* () {
            const store = yield* SnapshotStore
            const newest = yield* store.load(streamId)
            if (Option.isSome(newest)) yield* store.prune(newest.value, input.keep)
            done += 1
            yield* draw(`${count(done, "stream")} pruned`)
          })
        )
      )
      return print(made.style, listing, pruned)
    }).pipe(opened(made, Open.snapshots))
  })
).pipe(
  Command.withDescription("Delete older snapshots of each stream, and list the streams."),
  Command.withExamples([{ command: "daybook snapshots prune --keep 2 --category order" }])
)

const drop = Command.make(
  "drop",
  {
    stream: Argument.String("STREAM").pipe(
      Argument.withSchema(StreamId.StreamId),
      Argument.optional
    ),
    category,
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Those of all streams"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const chosen = [Option.isSome(input.stream), Option.isSome(input.category), input.all]
    if (chosen.filter(Boolean).length !== 1) {
      return yield* new Misused({ problem: "Give one of STREAM, --category and --all" })
    }
    const dropped = (
      Option.isSome(input.stream) ? Stream.make(input.stream.value) : streamsOf(input.category)
    ).pipe(
      Stream.tap((streamId) => Effect.flatMap(SnapshotStore, (store) => store.delete(streamId)))
    )
    yield* print(made.style, listing, dropped).pipe(opened(made, Open.snapshots))
  })
).pipe(
  Command.withDescription("Delete all snapshots of a stream, a category or the log."),
  Command.withExamples([
    { command: "daybook snapshots drop order-42" },
    { command: "daybook snapshots drop --all" }
  ])
)

export const snapshots = Command.make(
  "snapshots",
  { category },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* print(made.style, listing, streamsOf(input.category)).pipe(opened(made, Open.snapshots))
  })
).pipe(
  Command.withDescription("List the streams that have snapshots."),
  Command.withExamples([{ command: "daybook snapshots" }]),
  Command.withSubcommands([prune, drop])
)
