/**
 * The law of a command handler with snapshots and cached states: they never change an answer.
 *
 * {@link laws} runs generated {@link steps} on one stream through the handler in its context,
 * and on another stream through a handler without snapshots and cache, and compares every answer:
 * with any snapshot, at any revision, none or several, with stale, corrupted and foreign ones, and
 * while others write to the stream.
 *
 * **Example** (A test of a domain of your own)
 *
 * ```ts test
 * import * as Aggregate from "@daybook/kernel/Aggregate"
 * import * as Decider from "@daybook/kernel/Decider"
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import { CommandHandler } from "@daybook/store/CommandHandler"
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
 * import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as SnapshotLaws from "@daybook/testing/laws/SnapshotLaws"
 * import { Layer, Result, Schema } from "effect"
 *
 * const Count = Schema.TaggedUnion({ Count: { by: Schema.Int } })
 * const Counted = Schema.TaggedUnion({ Counted: { by: Schema.Int } })
 * const counter = Aggregate.make({
 *   category: "counter",
 *   decider: Decider.make({
 *     initialState: 0,
 *     decide: ({ by }: typeof Count.Type, state: number) =>
 *       Number.isSafeInteger(state + by)
 *         ? Result.succeed([{ _tag: "Counted" as const, by }])
 *         : Result.fail("too far" as const),
 *     evolve: (state: number, { by }: typeof Counted.Type) => state + by
 *   }),
 *   codec: EventCodec.make({ name: "counter", events: Counted }),
 *   state: Schema.Int
 * })
 *
 * const stores = Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer)
 * const handler = CommandHandler.layerSnapshots(SnapshotPolicy.every(2))
 *
 * LawSuite.suite(
 *   "A counter",
 *   SnapshotLaws.laws(counter, Count),
 *   handler.pipe(Layer.provideMerge(stores))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import { CommandHandler, type ExpectOptions, type Request } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Arbitrary from "effect/Arbitrary"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import { expectSame } from "../internal/differences.ts"
import { makePlanter, Plant } from "../internal/plantSnapshot.ts"
import { renderLine } from "../internal/render.ts"
import * as Law from "../Law.ts"

const Where = Schema.Literals(["here", "here", "elsewhere"])
// The last executions are repeated most often.
const Ago = Schema.Literals([0, 0, 1, 1, 2, 4])
const Place = Schema.Literals([0, 1, 2, 3, 5, 8])

/**
 * A step of a history: something that happens to a stream, or a request to the handler.
 *
 * **Details**
 * `Repeat` executes the commands of an earlier `Execute` again, with the same ids. `Plant` stores a
 * snapshot `back` revisions before the end.
 *
 * @category types
 * @since 0.1.0
 */
export type Step<Command> =
  | {
      readonly _tag: "Execute"
      /** `here` is the handler under test; `elsewhere` is another host. */
      readonly where: "here" | "elsewhere"
      readonly commands: ReadonlyArray<Command>
      /** True when the caller supplies ids of the commands. */
      readonly named: boolean
      /** The expected revision: none, the stream's revision, or one that the stream is not at. */
      readonly expecting: "anything" | "now" | "another"
    }
  | { readonly _tag: "Repeat"; readonly where: "here" | "elsewhere"; readonly ago: number }
  | { readonly _tag: "Load" }
  | { readonly _tag: "LoadAt"; readonly revision: number }
  | Plant
  | { readonly _tag: "Clear" }

/**
 * A schema that steps are generated from. Give a schema of few commands, so that some of them are
 * accepted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const steps = <Command>(
  command: Schema.Codec<Command, unknown>
): Schema.Codec<ReadonlyArray<Step<Command>>, unknown> => {
  const execute = Schema.TaggedStruct("Execute", {
    where: Where,
    commands: Schema.Array(command).check(Schema.isMinLength(1), Schema.isMaxLength(2)),
    named: Schema.Literals([true, true, false]),
    expecting: Schema.Literals(["anything", "anything", "now", "another"])
  })
  const repeat = Schema.TaggedStruct("Repeat", { where: Where, ago: Ago })
  const others = Schema.TaggedUnion({
    Load: {},
    LoadAt: { revision: Place },
    Clear: {}
  })
  return Schema.Array(Schema.Union([execute, Plant, repeat, execute, Plant, others])).check(
    // Fewer steps show nothing: events must be recorded, snapshots stored and both read again.
    Schema.isMinLength(16),
    Schema.isMaxLength(32)
  )
}

/**
 * The laws of a handler with snapshots or a cache for the domain of `aggregate`: one law,
 * {@link invisible}.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  command: Schema.Codec<NoInfer<Command>, unknown>
): ReadonlyArray<Law.Law<CommandHandler | EventStore | SnapshotStore>> => [
  Law.make({
    name: "snapshots and cached states change no answer",
    inputs: () => Arbitrary.schema(steps(command)),
    problem: (generated) => Effect.as(invisible(aggregate, generated), undefined),
    show: (generated) => ["after these steps:", ...generated.map(showStep)].join("\n")
  })
]

const showStep = <Command>(step: Step<Command>, index: number): string =>
  `${String(index + 1).padStart(4)}. ${renderLine(step)}`

/**
 * Every answer of the handler equals that of a handler without snapshots and without cache.
 *
 * @category laws
 * @since 0.1.0
 */
export const invisible = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  steps: ReadonlyArray<Step<Command>>
): Effect.Effect<void, unknown, CommandHandler | EventStore | SnapshotStore> =>
  Effect.gen(function* () {
    const snapshots = yield* SnapshotStore
    const here = yield* CommandHandler
    const plain = Context.get(yield* Layer.build(Layer.fresh(CommandHandler.layer)), CommandHandler)
    const store = yield* EventStore
    // Both streams take the same steps.
    const [watched, reference] = [freshId(), freshId()]
    const streamId = yield* Effect.fromResult(Aggregate.streamId(aggregate, watched))
    const plant = yield* makePlanter(aggregate, streamId, plain)
    const executed: Array<ReadonlyArray<Request<Command>>> = []

    const execute = Effect.fnUntraced(function* (
      where: "here" | "elsewhere",
      commands: ReadonlyArray<Request<Command>>,
      options?: ExpectOptions
    ) {
      const handler = where === "here" ? here : plain
      const run = Effect.fnUntraced(function* (of: CommandHandler["Service"], id: string) {
        const answers = yield* of
          .executeAll(aggregate, id, commands, options)
          .pipe(Effect.map(Arr.map(Result.map(withoutStream))), Effect.result)
        if (Result.isFailure(answers)) return comparable(answers)
        // Positions differ between the streams; the revisions of the events at them do not.
        const stream = yield* Effect.fromResult(Aggregate.streamId(aggregate, id))
        const revisions = new Map<bigint, number>([[Position.start, 0]])
        yield* Stream.runForEach(store.read(stream), ({ position, revision }) =>
          Effect.sync(() => revisions.set(position, revision))
        )
        return answers.success.map((answer) =>
          Result.map(answer, (executed) => ({
            ...executed,
            position: revisions.get(executed.position) ?? "of no event of the stream"
          }))
        )
      })
      expectSame(
        yield* run(handler, watched),
        yield* run(plain, reference),
        "commands are answered alike"
      )
    })

    const load = Effect.fnUntraced(function* (at: Revision.Revision) {
      expectSame(
        withoutStream(yield* here.loadAt(aggregate, watched, { revision: at })),
        withoutStream(yield* plain.loadAt(aggregate, reference, { revision: at })),
        "past states are alike"
      )
    })

    for (const step of steps) {
      switch (step._tag) {
        case "Execute": {
          const requests = step.commands.map((command) => ({
            command,
            commandId: step.named ? CommandId.make(freshId()) : undefined
          }))
          executed.push(requests)
          const { revision } = yield* plain.load(aggregate, reference)
          // The revision before the stream's, or the first one of a stream without events.
          const another = revision === 0 ? 1 : revision - 1
          const expected = step.expecting === "now" ? revision : another
          yield* execute(
            step.where,
            requests,
            step.expecting === "anything"
              ? undefined
              : { expected: ExpectedRevision.exactly(Revision.make(expected)) }
          )
          break
        }
        case "Repeat": {
          const before = executed
            .at(-1 - step.ago)
            ?.filter(({ commandId }) => commandId !== undefined)
          if (before !== undefined) yield* execute(step.where, before)
          break
        }
        case "Load":
          expectSame(
            withoutStream(yield* here.load(aggregate, watched)),
            withoutStream(yield* plain.load(aggregate, reference)),
            "states are alike"
          )
          break
        case "LoadAt":
          yield* load(Revision.make(step.revision))
          break
        case "Plant":
          yield* plant(step)
          break
        case "Clear":
          yield* snapshots.delete(streamId)
      }
    }
    yield* load(newest)
  }).pipe(Effect.scoped)

const newest = Revision.make(Number.MAX_SAFE_INTEGER)

const freshId = () => SecureRandom.uuidV4Unsafe()

/** Removes the stream id, in which the two sides differ. */
const withoutStream = <A extends { readonly streamId: StreamId }>(answer: A) =>
  Struct.omit(answer, ["streamId"])

/** Reduces an error to its tag, because errors name their stream. */
const comparable = (result: Result.Result<unknown, { readonly _tag: string }>): unknown =>
  Result.isSuccess(result) ? result.success : result.failure._tag
