/**
 * `daybook show`: the events of a stream, and the state that they make.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as EventCodec from "@daybook/kernel/EventCodec"
import { printable } from "@daybook/kernel/Printable"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, type ReadOptions } from "@daybook/store/EventStore"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AnyCodec } from "../../DaybookConfig.ts"
import * as Subject from "../config/subject.ts"
import * as Open from "../connection/open.ts"
import { Misused, Missing } from "../exit.ts"
import * as Differences from "../output/differences.ts"
import { ofStream, toJson } from "../output/eventListing.ts"
import { type Listing, print, type Style, textOf } from "../output/listing.ts"
import * as Stdout from "../output/stdout.ts"
import { instant, streamId } from "./parameters.ts"
import { opened, type Session, session } from "./session.ts"

const revision = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const RANGE = /^(\d{1,10})\.\.(\d{1,10})$/

export const show = Command.make(
  "show",
  {
    stream: streamId,
    at: instant("at").pipe(
      Flag.withDescription("As of this time: events up to the first that occurred later"),
      Flag.optional
    ),
    recorded: Flag.Boolean("recorded").pipe(
      Flag.withDescription("--at is the time when the log recorded the events"),
      Flag.withDefault(false)
    ),
    revision: Flag.Int("revision").pipe(
      Flag.withDescription("As of this revision"),
      Flag.withSchema(revision),
      Flag.optional
    ),
    diff: Flag.String("diff").pipe(
      Flag.withDescription(
        "Only what differs between the states at two revisions; 0 is before the first"
      ),
      Flag.withMetavar("A..B"),
      Flag.filterMap(
        (text) => {
          const [, from, to] = RANGE.exec(text) ?? []
          return from === undefined || to === undefined
            ? Option.none()
            : Option.some({ from: Number(from), to: Number(to) })
        },
        (text) => `${text} is not a range of revisions, such as 3..5`
      ),
      Flag.optional
    ),
    raw: Flag.Boolean("raw").pipe(
      Flag.withDescription("The events as they are stored, and no state"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const chosen = [input.at, input.revision, input.diff].map((one) => one._tag)
    if (chosen.filter((tag) => tag === "Some").length > 1) {
      return yield* new Misused({ problem: "--at, --revision and --diff exclude one another" })
    }
    if (input.raw && Option.isSome(input.diff)) {
      return yield* new Misused({ problem: "--diff compares states, and --raw has none" })
    }
    const aggregate = input.raw ? undefined : subjectOf(made, input.stream)
    yield* Effect.gen(function* () {
      const store = yield* EventStore
      if (Option.isNone(yield* store.stream(input.stream))) {
        return yield* new Missing({ what: "stream", name: input.stream })
      }
      if (Option.isSome(input.diff)) {
        return yield* printDifferences(made.style, input.stream, aggregate, input.diff.value)
      }
      yield* printStream(made, input.stream, aggregate, input.raw, optionsOf(input))
    }).pipe(opened(made, Open.log))
  })
).pipe(
  Command.withDescription(
    "Print the events of a stream and, for an aggregate of the configuration, the state after them."
  ),
  Command.withExamples([
    { command: "daybook show order-42" },
    { command: "daybook show order-42 --at 2026-11-26T15:00:00Z", description: "As it was then" },
    { command: "daybook show order-42 --diff 3..5", description: "What two events changed" },
    { command: "daybook show order-42 --raw -o ndjson", description: "As stored" }
  ])
)

const subjectOf = ({ config }: Session, stream: StreamId.StreamId) => {
  const found = config.aggregates.find(({ category }) => category === StreamId.category(stream))
  return found === undefined ? undefined : Subject.make(found)
}

const optionsOf = (input: {
  readonly at: Option.Option<DateTime.Utc>
  readonly recorded: boolean
  readonly revision: Option.Option<number>
}): ReadOptions => {
  if (Option.isSome(input.revision)) return { to: Revision.make(input.revision.value) }
  if (Option.isNone(input.at)) return {}
  const until = input.at.value
  return { until: input.recorded ? { recordedAt: until } : { occurredAt: until } }
}

const printStream = Effect.fnUntraced(function* (
  { config, style }: Session,
  stream: StreamId.StreamId,
  subject: Subject.Subject | undefined,
  isRaw: boolean,
  options: ReadOptions
) {
  const store = yield* EventStore
  const codec = isRaw ? undefined : config.codecs.get(StreamId.category(stream))
  const folding = subject === undefined ? undefined : new Folding(subject)
  const events = Stream.tap(store.read(stream, options), (event) =>
    Effect.sync(() => folding?.add(event))
  )
  const listing = today(isRaw ? undefined : subject, codec)
  if (style.format === "json" && !style.quiet) {
    const all = yield* Stream.runCollect(events)
    const json = { streamId: stream, events: all.map(listing.json), ...folding?.facts }
    return yield* Stdout.writeLines([JSON.stringify(json, undefined, 2)])
  }
  yield* print(style, listing, events)
  if (folding === undefined || style.quiet) return
  const { issue, revision: reached, state } = folding.facts
  if (style.format === "ndjson") {
    return yield* Stdout.writeLines([JSON.stringify(folding.facts)])
  }
  if (style.format === "plain") return
  yield* Stdout.writeLines([
    "",
    issue === undefined
      ? `state at revision ${reached}`
      : `no state after revision ${reached}: ${textOf(issue)}`,
    ...(state === undefined ? [] : JSON.stringify(state, undefined, 2).split("\n").map(printable))
  ])
})

/** Folds the events of a stream as they are printed. */
class Folding {
  readonly #subject: Subject.Subject
  #state: unknown
  #revision = 0
  #fault: Subject.FoldFault | undefined

  constructor(subject: Subject.Subject) {
    this.#subject = subject
    this.#state = subject.initial
  }

  add(event: RecordedEvent): void {
    if (this.#fault !== undefined) return
    const next = this.#subject.evolve(this.#state, event)
    if (Result.isFailure(next)) {
      this.#fault = next.failure
      return
    }
    this.#state = next.success
    this.#revision = event.revision
  }

  get facts(): {
    readonly revision: number
    readonly state?: Schema.Json
    readonly issue?: string
  } {
    const revision = this.#revision
    if (this.#fault !== undefined) {
      return { revision, issue: `revision ${this.#fault.revision}: ${this.#fault.issue}` }
    }
    const encoded = this.#subject.encode(this.#state)
    return Result.isFailure(encoded)
      ? { revision, issue: encoded.failure }
      : { revision, state: encoded.success }
  }
}

/** Shows events as the code reads them: the data of the events of today that each stands for. */
const today = (
  subject: Subject.Subject | undefined,
  codec: AnyCodec | undefined
): Listing<RecordedEvent> => {
  if (codec === undefined) return ofStream
  const read = (event: RecordedEvent): { readonly text: string; readonly json: object } => {
    if (subject !== undefined) {
      const found = subject.today(event)
      return Result.isFailure(found)
        ? { text: `can't be read: ${found.failure}`, json: { issue: found.failure } }
        : {
            text: found.success.map((one) => JSON.stringify(one)).join(" "),
            json: { today: found.success }
          }
    }
    const decoded = codec.decode(event)
    if (Result.isSuccess(decoded)) return { text: JSON.stringify(event.data), json: {} }
    const issue = EventCodec.problemOf(decoded.failure)
    return { text: `can't be read: ${issue}`, json: { issue } }
  }
  return {
    ...ofStream,
    columns: ofStream.columns.map((column) =>
      column.title === "data" ? { title: "data", of: (event) => read(event).text } : column
    ),
    json: (event) => ({ ...toJson(event), ...read(event).json })
  }
}

const printDifferences = Effect.fnUntraced(function* (
  style: Style,
  stream: StreamId.StreamId,
  subject: Subject.Subject | undefined,
  { from, to }: { readonly from: number; readonly to: number }
) {
  if (subject === undefined) {
    return yield* new Misused({
      problem: `--diff needs the aggregate of ${StreamId.category(stream)} in the configuration`
    })
  }
  const store = yield* EventStore
  const stateAt = Effect.fnUntraced(function* (at: number) {
    const folding = new Folding(subject)
    yield* Stream.runForEach(store.read(stream, { to: Revision.make(at) }), (event) =>
      Effect.sync(() => folding.add(event))
    )
    const { issue, revision: reached, state } = folding.facts
    if (issue !== undefined)
      return yield* new Misused({ problem: `${stream} has no state: ${issue}` })
    if (reached !== at) return yield* new Missing({ what: "revision", name: `${at} of ${stream}` })
    return state ?? null
  })
  const [before, after] = [yield* stateAt(from), yield* stateAt(to)]
  yield* print(style, Differences.listing, Stream.fromIterable(Differences.between(before, after)))
})
