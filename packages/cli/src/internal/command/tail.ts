/**
 * `daybook tail`: the newest events, and those to come.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { ofLog } from "../output/eventListing.ts"
import { follow } from "../output/listing.ts"
import { categories, position, types } from "./parameters.ts"
import { opened, session } from "./session.ts"

/** The most events of `--lines`, which are in memory at once. */
const MAX_LINES = 10_000

export const tail = Command.make(
  "tail",
  {
    lines: Flag.Int("lines").pipe(
      Flag.withAlias("n"),
      Flag.withDescription("Begin with so many of the newest events"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MAX_LINES }))),
      Flag.withDefault(10)
    ),
    after: position("after").pipe(
      Flag.withDescription("Begin after this position instead; 0 is the beginning of the log"),
      Flag.optional
    ),
    follow: Flag.Boolean("follow").pipe(
      Flag.withDescription("Go on with the events to come; --no-follow ends at the head"),
      Flag.withDefault(true)
    ),
    categories,
    types
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const store = yield* EventStore
      const filter = {
        categories: input.categories.length === 0 ? undefined : input.categories,
        types: input.types.length === 0 ? undefined : input.types
      }
      const head = yield* store.head
      const begun = Option.isSome(input.after)
        ? store.readAll({ ...filter, after: input.after.value, upTo: head })
        : Stream.fromIterable(
            (yield* Stream.runCollect(
              store.readAll({ ...filter, upTo: head, direction: "backward", limit: input.lines })
            )).toReversed()
          )
      yield* follow(made.style, ofLog, begun)
      if (!input.follow) return
      const after = Option.getOrElse(input.after, () => Position.start)
      yield* follow(
        made.style,
        ofLog,
        store.subscribe({ ...filter, after: after > head ? after : head })
      )
    }).pipe(opened(made, Open.log))
  })
).pipe(
  Command.withDescription("Print the newest events, then each new one until Ctrl-C."),
  Command.withExamples([
    { command: "daybook tail --category order" },
    {
      command: "daybook tail --after 0 --no-follow -o ndjson | jq .type",
      description: "The whole log, to its present end"
    }
  ])
)
