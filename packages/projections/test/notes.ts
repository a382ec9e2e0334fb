/**
 * Notes of a program that has two releases, and hosts that maintain a read model of the notes.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

const settings = { ...defaults, lease: "300 millis", pollInterval: "20 millis" } as const

const Noted = { text: Schema.String }

/** The events of both releases; the old release does not know `Struck`. */
const Events = {
  old: Schema.TaggedUnion({ Noted }),
  new: Schema.TaggedUnion({ Noted, Struck: {} })
}
type Event = typeof Events.new.Type

const Command = Schema.TaggedUnion({ Note: { text: Schema.String }, Strike: {} })

const State = Schema.Struct({})

/**
 * Makes both releases of a program that counts notes: the same projection in the same version, with
 * two codecs.
 */
export const releases = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const category = `note_${id}`
  const codec = EventCodec.make({ name: category, events: Events.new })
  const notes = Aggregate.make({
    category,
    decider: Decider.make({
      initialState: {},
      decide: (command: typeof Command.Type): Result.Result<ReadonlyArray<Event>, never> =>
        Result.succeed([
          command._tag === "Note" ? { _tag: "Noted", text: command.text } : { _tag: "Struck" }
        ]),
      evolve: (state: typeof State.Type, { _tag }: Event) => (_tag === "Noted" ? {} : state)
    }),
    codec,
    state: State
  })
  const projection = (reading: Projection.EventSource<Event>["codec"]) =>
    Projection.define({
      name: `notes_${id}`,
      version: 1,
      from: [{ category: notes.category, codec: reading }],
      row: Schema.Struct({ id: Schema.String, text: Schema.String, struck: Schema.Boolean }),
      primaryKey: ["id"]
    }).fold({
      keys: (_, { streamId }) => [{ id: StreamId.id(streamId) }],
      initial: (key) => ({ ...key, text: "", struck: false }),
      apply: (row, event) =>
        event._tag === "Struck"
          ? { ...row, struck: true }
          : event.text.startsWith("refuse")
            ? refused(event.text)
            : { ...row, text: row.text + event.text }
    })
  return {
    notes,
    // The events of the old release are a subset of today's.
    old: projection(EventCodec.make({ name: category, events: Events.old })),
    new: projection(codec)
  }
}

/** Throws an error that is longer than any message that a store sends. */
const refused = (text: string): never => {
  throw new Error(text.repeat(1_000_000))
}

export const host = (
  projections: Parameters<typeof Projections.layer>[0],
  lines: Array<string> = [],
  build?: string
) =>
  Layer.build(Layer.fresh(Projections.layer(projections))).pipe(
    Effect.map((context) => Context.get(context, Projections)),
    Effect.provideService(RunnerSettings, {
      ...settings,
      ...(build === undefined ? {} : { build })
    }),
    Effect.provide(recording(lines))
  )

/** Records all lines of the log except debug lines. */
export const recording = (lines: Array<string>) =>
  Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel !== "Debug") lines.push(`${logLevel}: ${String(message)}`)
    })
  ])

type Notes = ReturnType<typeof releases>["notes"]

export const execute = Effect.fnUntraced(function* (
  notes: Notes,
  id: string,
  ...commands: ReadonlyArray<typeof Command.Type>
) {
  const handler = yield* CommandHandler
  for (const command of commands) yield* handler.execute(notes, id, command)
})

export const head = Effect.map(
  Effect.flatMap(EventStore, (events) => events.backlog()),
  (backlog) => backlog.head
)

export const until = <E>(look: Effect.Effect<boolean, E>): Effect.Effect<void, E> =>
  Effect.asVoid(
    Effect.repeat(look, { until: (found) => found, schedule: Schedule.spaced("5 millis") })
  ).pipe(Effect.timeout("20 seconds"), Effect.catchTag("TimeoutError", Effect.die))

export const caughtUp = Effect.fnUntraced(function* (
  projections: Projections["Service"],
  name: string
) {
  yield* projections.waitFor(name, yield* head, "20 seconds")
})

export const rowOf = (projection: ReturnType<typeof releases>["new"], id: string) =>
  Effect.map(ReadModel.get(projection, { id }), Option.getOrThrow)

export const note = (text: string) => ({ _tag: "Note", text }) as const
export const strike = { _tag: "Strike" } as const

/** An error of the server as a client of a database wraps it. */
export const constraint = new Error("PgConnection: Query failed", {
  cause: new Error('new row violates check constraint "no_tea"')
})
