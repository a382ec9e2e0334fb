/**
 * Explains a row: folds each event that touched it again, by the projection's own functions, and
 * compares the last row with the one that serves.
 */
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import type { Projections, RunnerError } from "@daybook/projections/Projections"
import type { ProjectionStopped } from "@daybook/projections/ProjectionStatus"
import type { OtherVersionServes } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { ExplainedRow } from "../ReadModelAnswer.ts"
import type { EventLine } from "../Answer.ts"
import { MAX_STEPS } from "../InspectorApi.ts"
import { begin, bounded, type Bounds, type Spent } from "./boundedStore.ts"
import { bytesOf, MAX_ANSWER_BYTES } from "./eventLines.ts"

/** Comparing is tried again so often while the read model goes on. */
const ATTEMPTS = 3

interface Step {
  readonly event: EventLine
  readonly before: StoredRow | null
  readonly after: StoredRow | null
}

export interface Explained {
  /** The row that serves; undefined as of an earlier point. */
  readonly stored: StoredRow | null | undefined
  readonly verdict: ExplainedRow["verdict"]
  readonly complete: boolean
  readonly skipped: number
  readonly steps: ReadonlyArray<Step>
  readonly stopped: ProjectionStopped | undefined
  /** The position up to which events were folded; undefined before the first. */
  readonly reached: Position.Position | undefined
  /** The number of events that were read, by all attempts. */
  readonly events: number
}

type Folded = Omit<Explained, "stored" | "verdict">

interface Asked {
  readonly projection: Projection.Any
  readonly table: ReadModelTable.Any
  readonly key: object
  readonly bounds: Bounds
  /** Returns the line of an event: the event itself, whose data may be large, is not held. */
  readonly lineOf: (recorded: RecordedEvent) => EventLine
}

interface Services {
  readonly store: EventStore["Service"]
  readonly rows: ReadModelStore["Service"]
  readonly projections: Projections["Service"]
}

type Failure =
  | OnDemandProjection.OnDemandError
  | OnDemandProjection.NoSingleStream
  | OtherVersionServes
  | RunnerError

export const explainRow = Effect.fnUntraced(function* (
  { projections, rows, store }: Services,
  asked: Asked,
  at: OnDemandProjection.At | undefined
): Effect.fn.Return<Explained, Failure> {
  const { key, projection, table } = asked
  const spent = yield* begin
  const fold = (point: OnDemandProjection.At) =>
    Effect.provideService(foldRow(store, asked, point, spent), ReadModelStore, rows)
  if (at !== undefined) {
    return { ...(yield* fold(at)), stored: undefined, verdict: "not compared" }
  }
  const positionOf = Effect.map(projections.status(projection.name), ({ position }) => position)
  // The caller has decoded the key from its stored form.
  const storedKey = Result.getOrThrow(table.encodeKey(key))
  let earlier: Folded | undefined
  let earlierStored: StoredRow | null = null
  for (let attempt = 1; ; attempt++) {
    const position = yield* positionOf
    const stored = Option.getOrNull(yield* rows.get(table, storedKey))
    const isStill = position === (yield* positionOf)
    if (!isStill && attempt < ATTEMPTS) continue
    const folded = yield* fold({ position })
    // All attempts together stay within the bounds: the last whole one stands.
    if (!folded.complete && earlier !== undefined) {
      return { ...earlier, events: spent.events, stored: earlierStored, verdict: "moving" }
    }
    const last = folded.steps.at(-1)?.after ?? null
    const verdict: Explained["verdict"] =
      !folded.complete || folded.stopped !== undefined
        ? "not compared"
        : Equal.equals(last, stored)
          ? "equal"
          : isStill
            ? "differs"
            : "moving"
    // A row that appends fold is ahead of the settled position while another append is open.
    if (verdict === "differs" && attempt < ATTEMPTS && position !== (yield* positionOf)) {
      earlier = folded
      earlierStored = stored
      continue
    }
    return { ...folded, stored, verdict }
  }
})

const foldRow = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  { bounds, key, lineOf, projection, table }: Asked,
  at: OnDemandProjection.At,
  spent: Spent
): Effect.fn.Return<
  Folded,
  OnDemandProjection.OnDemandError | OnDemandProjection.NoSingleStream,
  ReadModelStore
> {
  const steps: Array<Step> = []
  const sizes: Array<number> = []
  let bytes = 0
  let skipped = 0
  let before: StoredRow | null = null
  // The fold has just made the row, and checked that it has a stored form.
  const stored = Option.map((one: object) => Result.getOrThrow(table.encode(one)))
  const add = ({ after: row, recorded }: OnDemandProjection.RowStep<object>) => {
    const after = Option.getOrNull(stored(row))
    const size = bytesOf(before) + bytesOf(after)
    steps.push({ event: lineOf(recorded), before, after })
    sizes.push(size)
    bytes += size
    before = after
    while (steps.length > MAX_STEPS || (bytes > MAX_ANSWER_BYTES && steps.length > 1)) {
      steps.shift()
      bytes -= sizes.shift() ?? 0
      skipped += 1
    }
  }
  const [stopped, reading] = yield* bounded(
    store,
    bounds,
    spent,
    OnDemandProjection.explainRow(projection, key, at).pipe(
      Stream.runForEach((step) => Effect.sync(() => add(step))),
      Effect.as(undefined),
      Effect.catchTag("ProjectionStopped", (error) => Effect.succeed(error))
    )
  )
  return {
    steps,
    skipped,
    stopped,
    complete: !reading.ended,
    reached: reading.last,
    events: spent.events
  }
})

/** Returns the fields in which two rows differ. */
export const changedFields = (
  before: StoredRow | null,
  after: StoredRow | null
): ReadonlyArray<string> =>
  [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (field) => !Equal.equals(before?.[field], after?.[field])
  )
