/**
 * Explains a row: folds each event that touched it again, by the projection's own functions, and
 * compares the last row with the one that serves.
 */
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
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
import { MAX_STEPS } from "../InspectorApi.ts"
import { bounded, type Bounds } from "./boundedStore.ts"

/** Comparing is tried again so often while the read model goes on. */
const ATTEMPTS = 3

interface Step {
  readonly recorded: RecordedEvent
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
  readonly events: number
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
  projection: Projection.Any,
  key: object,
  at: OnDemandProjection.At | undefined,
  bounds: Bounds
): Effect.fn.Return<Explained, Failure> {
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const fold = (point: OnDemandProjection.At) =>
    Effect.provideService(
      foldRow(store, projection, table, key, point, bounds),
      ReadModelStore,
      rows
    )
  if (at !== undefined) {
    return { ...(yield* fold(at)), stored: undefined, verdict: "not compared" }
  }
  const positionOf = Effect.map(projections.status(projection.name), ({ position }) => position)
  // The caller has decoded the key from its stored form.
  const storedKey = Result.getOrThrow(table.encodeKey(key))
  for (let attempt = 1; ; attempt++) {
    const position = yield* positionOf
    const stored = Option.getOrNull(yield* rows.get(table, storedKey))
    const isStill = position === (yield* positionOf)
    if (!isStill && attempt < ATTEMPTS) continue
    const folded = yield* fold({ position })
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
    if (verdict === "differs" && attempt < ATTEMPTS && position !== (yield* positionOf)) continue
    return { ...folded, stored, verdict }
  }
})

const foldRow = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  projection: Projection.Any,
  table: ReadModelTable.Any,
  key: object,
  at: OnDemandProjection.At,
  bounds: Bounds
): Effect.fn.Return<
  Omit<Explained, "stored" | "verdict">,
  OnDemandProjection.OnDemandError | OnDemandProjection.NoSingleStream,
  ReadModelStore
> {
  const steps: Array<Step> = []
  let skipped = 0
  const stored = (row: Option.Option<object>) =>
    // The fold has just made the row, and checked that it has a stored form.
    Option.match(row, { onNone: () => null, onSome: (one) => Result.getOrThrow(table.encode(one)) })
  const [stopped, reading] = yield* bounded(store, bounds, () =>
    Stream.runForEach(
      OnDemandProjection.explainRow(projection, key, at),
      ({ after, before, recorded }) =>
        Effect.sync(() => {
          steps.push({ recorded, before: stored(before), after: stored(after) })
          if (steps.length <= MAX_STEPS) return
          steps.shift()
          skipped += 1
        })
    ).pipe(
      Effect.as(undefined),
      Effect.catchTag("ProjectionStopped", (error) => Effect.succeed(error))
    )
  )
  return {
    steps,
    skipped,
    stopped,
    complete: !reading.ended,
    reached: reading.last?.position,
    events: reading.events
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
