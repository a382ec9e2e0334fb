/**
 * `daybook projections`: the state of read models, and acts on them.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import type { GenerationState } from "@daybook/projections/driver/ReadModelGeneration"
import { SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore } from "@daybook/store/EventStore"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { Misused, Missing } from "../exit.ts"
import { acts } from "../output/actListing.ts"
import { type Listing, print, printFacts } from "../output/listing.ts"
import * as Progress from "../output/progress.ts"
import { position, why, whyOf } from "./parameters.ts"
import { opened, session } from "./session.ts"

const name = Argument.String("NAME").pipe(
  Argument.withDescription("The name of a read model"),
  Argument.withSchema(Projection.Name)
)

/** A generation, and the position up to which the log is settled. */
interface Line {
  readonly state: GenerationState
  readonly head: Position.Position
}

const positionOf = ({ state: { checkpoints } }: Line): Position.Position =>
  checkpoints.reduce(
    (lowest, one) => (one < lowest ? one : lowest),
    checkpoints[0] ?? Position.start
  )

/** Returns the state in words, as `Projections.status` does where the log is not asked. */
const stateOf = (line: Line): string => {
  const { mode, owner, paused, poison, role } = line.state
  if (Option.isSome(poison)) return "stopped"
  if (paused) return "paused"
  if (role === "retired") return "retired"
  if (mode === "inline") return "inline"
  if (positionOf(line) >= line.head) return "up to date"
  return Option.isSome(owner) ? "catching up" : "waiting"
}

const listing: Listing<Line> = {
  columns: [
    { title: "name", of: ({ state }) => state.name },
    { title: "version", align: "right", of: ({ state }) => String(state.version) },
    { title: "generation", align: "right", of: ({ state }) => String(state.generation) },
    { title: "role", of: ({ state }) => state.role },
    { title: "state", of: stateOf },
    { title: "position", align: "right", of: (line) => String(positionOf(line)) },
    { title: "head", align: "right", of: ({ head }) => String(head) },
    { title: "events", align: "right", of: ({ state }) => String(state.events) },
    {
      title: "stopped by",
      of: ({ state }) =>
        Option.match(state.poison, {
          onNone: () => "",
          onSome: ({ issue, position: at, revision, streamId }) =>
            `revision ${revision} of ${streamId}, position ${at}: ${issue}`
        })
    }
  ],
  id: ({ state }) => state.name,
  json: (line) => ({
    name: line.state.name,
    version: line.state.version,
    generation: line.state.generation,
    role: line.state.role,
    mode: line.state.mode,
    state: stateOf(line),
    position: String(positionOf(line)),
    head: String(line.head),
    events: line.state.events,
    eventsPerSecond: line.state.eventsPerSecond,
    owner: Option.getOrNull(line.state.owner),
    poison: Option.match(line.state.poison, {
      onNone: () => null,
      onSome: ({ issue, position: at, reason, revision, streamId, type }) => ({
        position: String(at),
        streamId,
        revision,
        type,
        reason,
        issue
      })
    })
  })
}

/** Returns the generations of a read model, or fails if it has no generation. */
const generationsOf = Effect.fnUntraced(function* (of: Projection.Name) {
  const store = yield* ReadModelStore
  const states = yield* store.states(of)
  if (states.length > 0) return states
  const known = new Set((yield* store.states()).map((one) => one.name as string))
  return yield* new Missing({ what: "read model", name: of, known: [...known] })
})

const list = Command.make(
  "projections",
  {},
  Effect.fnUntraced(function* () {
    const made = yield* session
    yield* Effect.gen(function* () {
      const states = yield* (yield* ReadModelStore).states()
      const head = yield* (yield* EventStore).head
      yield* print(
        made.style,
        listing,
        Stream.fromIterable(states.map((state): Line => ({ state, head })))
      )
    }).pipe(opened(made, Open.readModels))
  })
)

const pause = Command.make(
  "pause",
  { name, ...why },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      yield* generationsOf(input.name)
      yield* (yield* ReadModelStore).pause(input.name, whyOf(input))
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription(
    "Stop folding events into a read model, on all hosts, until it is resumed."
  ),
  Command.withExamples([
    { command: 'daybook projections pause order_summary --reason "index being built"' }
  ])
)

const resume = Command.make(
  "resume",
  { name, ...why },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      yield* generationsOf(input.name)
      yield* (yield* ReadModelStore).resume(input.name, whyOf(input))
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withAlias("retry"),
  Command.withDescription(
    "End a pause, and try the event again that stopped the read model; `retry` is the same."
  ),
  Command.withExamples([{ command: "daybook projections resume order_summary" }])
)

const decodeReason = Schema.decodeUnknownEffect(SkipReason)

const skip = Command.make(
  "skip",
  {
    name,
    position: position("position").pipe(Flag.withDescription("The event that is skipped")),
    actor: why.actor,
    reason: Flag.String("reason").pipe(Flag.withDescription("The reason, which is recorded"))
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const reason = yield* Effect.mapError(
      decodeReason(input.reason),
      ({ message }) => new Misused({ problem: `--reason: ${message}` })
    )
    yield* Effect.gen(function* () {
      const store = yield* ReadModelStore
      const generations = yield* generationsOf(input.name)
      const serving = generations.find(({ role }) => role === "serving")
      if (serving === undefined) {
        return yield* new Missing({ what: "serving generation of", name: input.name })
      }
      const events = yield* EventStore
      const found = yield* Stream.runHead(
        events.readAll({ upTo: input.position, direction: "backward", limit: 1 })
      )
      if (Option.isNone(found) || found.value.position !== input.position) {
        return yield* new Missing({ what: "event at position", name: String(input.position) })
      }
      yield* store.skip(
        {
          name: input.name,
          version: serving.version,
          position: input.position,
          event: EventMark.of(found.value),
          reason
        },
        Option.match(input.actor, { onNone: () => ({}), onSome: (actor) => ({ actor }) })
      )
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription(
    "Skip an event that a read model can't fold, now and in each rebuild of its version."
  ),
  Command.withExamples([
    {
      command: 'daybook projections skip order_summary --position 5121 --reason "test order"'
    }
  ])
)

const rebuild = Command.make(
  "rebuild",
  {
    name,
    accept: Flag.Boolean("accept").pipe(
      Flag.withDescription("Let the rebuilt rows serve although they differ"),
      Flag.withDefault(false)
    ),
    parallelism: Flag.Int("parallelism").pipe(
      Flag.withDescription("The number of parts that are built at the same time"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))),
      Flag.withDefault(2)
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const projection = made.config.projections.find((one) => one.name === input.name)
    if (projection === undefined) {
      return yield* new Missing({
        what: "projection in the configuration",
        name: input.name,
        known: made.config.projections.map((one) => one.name)
      })
    }
    yield* Effect.gen(function* () {
      const generations = yield* generationsOf(input.name)
      const isInline = generations.some(({ mode, role }) => role === "serving" && mode === "inline")
      // The runner is of this one read model, and maintains no other.
      const runner = Projections.layerRunner(
        isInline ? { inline: [projection] } : { async: [projection] }
      )
      const events = yield* Effect.gen(function* () {
        const projections = yield* Projections
        yield* Progress.withLine(made.style.quiet, (draw) =>
          Stream.runForEach(
            projections.rebuild(input.name, {
              ...whyOf(input),
              accept: input.accept,
              parallelism: input.parallelism
            }),
            ({ fraction }) => draw(`${input.name}: ${Math.floor(100 * fraction)}% rebuilt`)
          )
        )
        return (yield* projections.status(input.name)).events
      }).pipe(Effect.provide(runner))
      yield* printFacts(made.style, input.name, [
        ["rebuilt", input.name],
        ["events", events]
      ])
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription(
    "Fold all events again beside the serving rows, compare, and switch if the rows are equal. After Ctrl-C a host of the read model goes on with the rebuild, or this command when it is run again."
  ),
  Command.withExamples([
    { command: "daybook projections rebuild order_summary" },
    {
      command: 'daybook projections rebuild order_summary --accept --reason "rows were edited"',
      description: "Replace rows that are wrong"
    }
  ])
)

const drop = Command.make(
  "drop",
  {
    name,
    generation: Argument.Int("GENERATION").pipe(
      Argument.withDescription("A generation that does not serve")
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      const generations = yield* generationsOf(input.name)
      const found = generations.find(({ generation }) => generation === input.generation)
      if (found === undefined) {
        return yield* new Missing({
          what: `generation of ${input.name}`,
          name: String(input.generation),
          known: generations.map(({ generation }) => String(generation))
        })
      }
      if (found.role === "serving") {
        return yield* new Misused({
          problem: `Generation ${input.generation} of ${input.name} serves, and is not dropped`
        })
      }
      yield* (yield* ReadModelStore).drop(input.name, input.generation, whyOf(input))
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription("Drop the rows of a generation that does not serve."),
  Command.withExamples([{ command: "daybook projections drop order_summary 1" }])
)

const history = Command.make(
  "acts",
  { name },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    yield* Effect.gen(function* () {
      yield* generationsOf(input.name)
      const all = yield* (yield* ReadModelStore).acts(input.name)
      yield* print(made.style, acts, Stream.fromIterable(all))
    }).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription("List the acts on a read model, with actor and reason."),
  Command.withExamples([{ command: "daybook projections acts order_summary" }])
)

export const projections = list.pipe(
  Command.withDescription("List the generations of all read models, with position and state."),
  Command.withExamples([{ command: "daybook projections" }]),
  Command.withSubcommands([rebuild, pause, resume, skip, drop, history])
)
