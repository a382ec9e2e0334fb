/**
 * `daybook events`: the events that belong together.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { EventStore } from "@daybook/store/EventStore"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { ofLog } from "../output/eventListing.ts"
import { count, print } from "../output/listing.ts"
import * as Progress from "../output/progress.ts"
import { categories, instant, limit, position, types } from "./parameters.ts"
import { opened, session } from "./session.ts"

const id = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("ID"), Flag.withDescription(description), Flag.optional)

export const events = Command.make(
  "events",
  {
    correlation: id("correlation", "Only events with this correlation id"),
    causation: id("causation", "Only events with this causation id"),
    command: id("command", "Only events of the command with this id"),
    actor: Flag.String("actor").pipe(
      Flag.withDescription("Only events of this actor"),
      Flag.optional
    ),
    categories,
    types,
    after: position("after").pipe(
      Flag.withDescription("Only events after this position"),
      Flag.optional
    ),
    since: instant("since").pipe(
      Flag.withDescription("Only events recorded after this time"),
      Flag.optional
    ),
    until: instant("until").pipe(
      Flag.withDescription("Only events recorded up to this time"),
      Flag.optional
    ),
    limit
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const wanted = [
      ["correlationId", input.correlation],
      ["causationId", input.causation],
      ["commandId", input.command],
      ["actor", input.actor]
    ] as const
    const matches = ({ metadata }: RecordedEvent) =>
      wanted.every(([field, value]) => Option.isNone(value) || metadata[field] === value.value)
    yield* Effect.gen(function* () {
      const store = yield* EventStore
      yield* Progress.withLine(made.style.quiet, (draw) => {
        let searched = 0
        const found = store
          .readAll({
            after: Option.getOrUndefined(input.after),
            recordedAt: {
              after: Option.getOrUndefined(input.since),
              upTo: Option.getOrUndefined(input.until)
            },
            categories: input.categories.length === 0 ? undefined : input.categories,
            types: input.types.length === 0 ? undefined : input.types
          })
          .pipe(
            Stream.tap(() => {
              searched += 1
              return searched % 1_000 === 0
                ? draw(`${count(searched, "event")} searched`)
                : Effect.void
            }),
            Stream.filter(matches)
          )
        return print(
          made.style,
          ofLog,
          Option.match(input.limit, {
            onNone: () => found,
            onSome: (most) => Stream.take(found, most)
          })
        )
      })
    }).pipe(opened(made, Open.log))
  })
).pipe(
  Command.withDescription(
    "Search the log for the events of one request, command or actor. The log has no index of these, so all events are read that the other flags select."
  ),
  Command.withExamples([
    { command: "daybook events --correlation checkout-7f3a" },
    { command: "daybook events --actor alice --since 2026-11-30 -o ndjson" }
  ])
)
