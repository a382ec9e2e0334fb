/**
 * `daybook reactors`: the state of consumer groups, which run reactors, processes and publishers,
 * and acts on them.
 */
import type { Position } from "@daybook/kernel/Position"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import type { HeldKey } from "@daybook/reactors/HeldKey"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { Missing } from "../exit.ts"
import { acts } from "../output/actListing.ts"
import { type Listing, print } from "../output/listing.ts"
import { why, whyOf } from "./parameters.ts"
import { opened, session } from "./session.ts"

const name = Argument.String("NAME").pipe(
  Argument.withDescription("The name of a consumer group: that of its reactor")
)

/** Reports an unknown group, or a key that is not held, as missing. */
const orMissing = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  effect: Effect.Effect<A, E, R>,
  of: string,
  key?: string
) =>
  Effect.catchIf(
    effect,
    (error) => error._tag === "UnknownGroup" || error._tag === "KeyNotHeld",
    (error) =>
      Effect.fail(
        error._tag === "UnknownGroup"
          ? new Missing({ what: "consumer group", name: of })
          : new Missing({ what: `held key of ${of}`, name: key ?? "" })
      )
  )

const lowestOf = ({ ranges }: GroupStatus): Position | undefined =>
  ranges
    .map(({ checkpoint }) => checkpoint.position)
    .reduce<Position | undefined>(
      (lowest, one) => (lowest === undefined || one < lowest ? one : lowest),
      undefined
    )

const listing: Listing<GroupStatus> = {
  columns: [
    { title: "name", of: (one) => one.name },
    { title: "state", of: ({ state }) => state },
    { title: "position", align: "right", of: (one) => String(lowestOf(one) ?? "") },
    { title: "lag events", align: "right", of: ({ lagEvents }) => String(lagEvents) },
    { title: "held keys", align: "right", of: ({ held }) => String(held.length) },
    {
      title: "hosts",
      align: "right",
      of: ({ ranges }) => String(new Set(ranges.flatMap(({ owner }) => Option.toArray(owner))).size)
    }
  ],
  id: (one) => one.name,
  json: (one) => ({
    name: one.name,
    state: one.state,
    lagEvents: one.lagEvents,
    lagMillis: one.lagMillis,
    ranges: one.ranges.map(({ checkpoint, epoch, owner, range }) => ({
      firstSlot: range.first,
      lastSlot: range.last,
      epoch,
      owner: Option.getOrNull(owner),
      position: String(checkpoint.position)
    })),
    held: one.held.map(keyJson)
  })
}

const keyJson = ({
  asked,
  at,
  attempts,
  issue,
  key,
  position,
  state,
  streamId,
  type
}: HeldKey) => ({
  key,
  state,
  position: String(position),
  streamId,
  type,
  attempts,
  at: DateTime.formatIso(at),
  asked,
  issue
})

const keys: Listing<HeldKey> = {
  columns: [
    { title: "key", of: ({ key }) => key },
    { title: "state", of: ({ state }) => state },
    { title: "position", align: "right", of: ({ position }) => String(position) },
    { title: "type", of: ({ type }) => type },
    { title: "attempts", align: "right", of: ({ attempts }) => String(attempts) },
    { title: "last at", of: ({ at }) => DateTime.formatIso(at) },
    { title: "asked", of: ({ asked }) => asked ?? "" },
    { title: "issue", of: ({ issue }) => issue }
  ],
  id: ({ key }) => key,
  json: keyJson
}

const list = Command.make(
  "reactors",
  {},
  Effect.fnUntraced(function* () {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      const names = yield* groups.names
      yield* print(
        made.style,
        listing,
        Stream.mapEffect(Stream.fromIterable(names), (one) => groups.status(one))
      )
    }).pipe(opened(made, Open.groups))
  })
)

const held = Command.make(
  "held",
  { name },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      const status = yield* orMissing(groups.status(input.name), input.name)
      yield* print(made.style, keys, Stream.fromIterable(status.held))
    }).pipe(opened(made, Open.groups))
  })
).pipe(
  Command.withDescription("List the keys that a failed event holds back, with the failure."),
  Command.withExamples([
    { command: "daybook reactors held order-mails" },
    {
      command:
        "daybook reactors held order-mails -q | xargs -n1 daybook reactors release order-mails",
      description: "Try each again"
    }
  ])
)

const release = Command.make(
  "release",
  {
    name,
    key: Argument.String("KEY").pipe(
      Argument.withDescription("All held keys without it"),
      Argument.optional
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      const key = Option.getOrUndefined(input.key)
      yield* orMissing(groups.release(input.name, { ...whyOf(input), key }), input.name, key)
    }).pipe(opened(made, Open.groups))
  })
).pipe(
  Command.withAlias("retry"),
  Command.withDescription(
    "Handle the event again that holds a key back, then the later ones; `retry` is the same. The host of the key does it."
  ),
  Command.withExamples([{ command: "daybook reactors release order-mails order-42" }])
)

const skip = Command.make(
  "skip",
  { name, key: Argument.String("KEY"), ...why },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      yield* orMissing(
        groups.drop(input.name, { ...whyOf(input), key: input.key }),
        input.name,
        input.key
      )
    }).pipe(opened(made, Open.groups))
  })
).pipe(
  Command.withDescription("Leave out the event that holds a key back, and handle the later ones."),
  Command.withExamples([
    { command: 'daybook reactors skip order-mails order-42 --reason "address is gone"' }
  ])
)

const restart = Command.make(
  "restart",
  {
    name,
    from: Flag.Literals("from", ["beginning", "now"]).pipe(
      Flag.withDescription("The place in the log after which the group goes on")
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      yield* orMissing(
        groups.restart(input.name, { ...whyOf(input), from: input.from }),
        input.name
      )
    }).pipe(opened(made, Open.groups))
  })
).pipe(
  Command.withDescription(
    "Go on from another place: it ends all leases, moves all checkpoints, and forgets the held keys."
  ),
  Command.withExamples([{ command: "daybook reactors restart order-mails --from now" }])
)

const history = Command.make(
  "acts",
  { name },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      const all = yield* orMissing(groups.acts(input.name), input.name)
      yield* print(made.style, acts, Stream.fromIterable(all))
    }).pipe(opened(made, Open.groups))
  })
).pipe(
  Command.withDescription("List the acts on a group, with actor and reason."),
  Command.withExamples([{ command: "daybook reactors acts order-mails" }])
)

export const reactors = list.pipe(
  Command.withDescription(
    "List the consumer groups, which run reactors, processes and publishers, with their progress."
  ),
  Command.withExamples([{ command: "daybook reactors" }]),
  Command.withSubcommands([held, release, skip, restart, history])
)
