/**
 * Compares the rows of read models with a fold of all events from the first.
 */
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { GenerationState } from "@daybook/projections/driver/ReadModelGeneration"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import * as Differences from "../output/differences.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import { type Check, fault, unchecked, well } from "./report.ts"

/** A read model that moves while it is compared is compared again so often. */
const ATTEMPTS = 3

export const check = Effect.fnUntraced(function* ({ projections }: DaybookConfig, draw: Draw) {
  const store = yield* ReadModelStore
  const states = yield* store.states()
  const serving = new Map(
    states.flatMap((state) => (state.role === "serving" ? [[state.name, state] as const] : []))
  )
  const checks: Array<Check> = []
  const touching: Array<ReadonlyArray<RecordedEvent>> = []
  for (const projection of projections) {
    const state = serving.get(projection.name)
    yield* draw(`folding ${projection.name}`)
    checks.push(
      state === undefined
        ? unchecked(`rows of ${projection.name}`, "no host has maintained it yet")
        : yield* checkOne(projection, state, (events) => void touching.push(events))
    )
  }
  checks.push(...suspects(touching))
  const known = new Set(projections.map(({ name }) => name))
  for (const name of serving.keys()) {
    if (known.has(name)) continue
    checks.push(unchecked(`rows of ${name}`, "the configuration has no projection of the name"))
  }
  return checks
})

/**
 * Names the events that the first wrong rows of several read models share: one altered event makes
 * rows of all of them wrong, and each row has other events beside it.
 */
const suspects = (touching: ReadonlyArray<ReadonlyArray<RecordedEvent>>): ReadonlyArray<Check> => {
  const [first = [], ...others] = touching
  const shared = first.filter(({ position }) =>
    others.every((events) => events.some((event) => event.position === position))
  )
  if (others.length === 0 || shared.length === 0) return []
  return [
    fault("suspects", `the wrong rows share ${count(shared.length, "event")}: ${named(shared)}`, {
      events: addresses(shared)
    })
  ]
}

const checkOne = Effect.fnUntraced(function* (
  projection: Projection.Any,
  state: GenerationState,
  onTouching: (events: ReadonlyArray<RecordedEvent>) => void
) {
  const name = `rows of ${projection.name}`
  if (state.version !== projection.version) {
    return unchecked(
      name,
      `version ${state.version} serves, and the configuration has version ${projection.version}`
    )
  }
  if (Option.isSome(state.poison)) {
    const { issue, position, revision, streamId } = state.poison.value
    return fault(
      name,
      `stopped by the event at revision ${revision} of ${streamId}, position ${position}: ${issue}`,
      { position: String(position), streamId, revision }
    )
  }
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const position = yield* positionOf(projection)
    if (position === undefined) return unchecked(name, "it serves no more")
    const folded = yield* Effect.result(OnDemandProjection.tableAt(projection, { position }))
    if (Result.isFailure(folded)) {
      if (folded.failure._tag !== "ProjectionStopped") return yield* folded.failure
      return fault(name, folded.failure.message)
    }
    const found = yield* differences(table, folded.success)
    if ((yield* positionOf(projection)) !== position) continue
    if (found.count === 0) {
      return well(name, `${count(found.rows, "row")} equal a fresh fold up to position ${position}`)
    }
    return yield* faultOf(projection, table, position, found, onTouching)
  }
  return unchecked(
    name,
    "its rows moved during each of three comparisons: check it when hosts rest"
  )
})

/** Returns the position up to which the rows hold every event; the head for inline rows. */
const positionOf = Effect.fnUntraced(function* ({ name }: Projection.Any) {
  const [serving] = (yield* (yield* ReadModelStore).states(name)).filter(
    ({ role }) => role === "serving"
  )
  if (serving === undefined) return undefined
  return serving.mode === "inline" ? yield* (yield* EventStore).head : serving.checkpoints[0]
})

interface Found {
  readonly rows: number
  readonly count: number
  readonly first:
    | { readonly stored: StoredRow | undefined; readonly folded: StoredRow | undefined }
    | undefined
}

const differences = Effect.fnUntraced(function* (
  table: ReadModelTable.Any,
  rows: ReadonlyArray<object>
) {
  const store = yield* ReadModelStore
  const folded = new Map(
    rows.map((row) => {
      // The fold has just made the row, and checked that it has a stored form.
      const stored = Result.getOrThrow(table.encode(row))
      return [table.keyText(stored), stored]
    })
  )
  let number = 0
  let differing = 0
  let first: Found["first"]
  const query = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }
  yield* Stream.runForEach(store.query(table, query), (stored) =>
    Effect.sync(() => {
      number += 1
      const key = table.keyText(stored)
      const expected = folded.get(key)
      folded.delete(key)
      if (expected !== undefined && Differences.between(stored, expected).length === 0) return
      differing += 1
      first ??= { stored, folded: expected }
    })
  )
  const [missing] = folded.values()
  const found: Found = {
    rows: number,
    count: differing + folded.size,
    first: first ?? (missing === undefined ? undefined : { stored: undefined, folded: missing })
  }
  return found
})

/** The most events that a line of the report names. */
const MAX_NAMED = 5

const named = (events: ReadonlyArray<RecordedEvent>): string => {
  const first = events
    .slice(0, MAX_NAMED)
    .map(
      ({ position, revision, streamId }) =>
        `${streamId} revision ${revision} (position ${position})`
    )
  const more = events.length - first.length
  return `${first.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}

/** The most events that the report names to programs. */
const MAX_ADDRESSES = 100

const addresses = (events: ReadonlyArray<RecordedEvent>) =>
  events.slice(0, MAX_ADDRESSES).map(({ position, revision, streamId }) => ({
    position: String(position),
    streamId,
    revision
  }))

const faultOf = Effect.fnUntraced(function* (
  projection: Projection.Any,
  table: ReadModelTable.Any,
  position: Position.Position,
  { count: differing, first }: Found,
  onTouching: (events: ReadonlyArray<RecordedEvent>) => void
) {
  const row = first?.stored ?? first?.folded ?? {}
  const key = Object.fromEntries(table.primaryKey.map(({ field }) => [field, row[field] ?? null]))
  const keyText = Object.entries(key)
    .map(([field, value]) => `${field} ${Differences.textOf(value)}`)
    .join(", ")
  const [difference] = Differences.between(first?.stored, first?.folded)
  const what =
    first?.stored === undefined
      ? "is missing"
      : first.folded === undefined
        ? "is there, and no event makes it"
        : `has ${difference?.path} ${Differences.textOf(difference?.before)}, and its events make ${Differences.textOf(difference?.after)}`
  const decoded = table.decodeKey(key)
  const touching = Result.isFailure(decoded)
    ? []
    : yield* Stream.runCollect(
        Stream.map(
          OnDemandProjection.explainRow(projection, decoded.success, { position }),
          ({ recorded }) => recorded
        )
      ).pipe(
        // The fold of the whole table has shown the fault, and this only looks for its place.
        Effect.catchTags({
          NoSingleStream: () => Effect.succeed([]),
          ProjectionStopped: () => Effect.succeed([])
        })
      )
  onTouching(touching)
  const events = touching.length === 0 ? "" : `; its events: ${named(touching)}`
  const others = differing === 1 ? "" : `; ${differing - 1} more rows differ`
  return fault(
    `rows of ${projection.name}`,
    `the row ${keyText} ${what}${events}${others}: an event was altered, or the row was`,
    {
      key,
      ...(difference === undefined
        ? {}
        : {
            field: difference.path,
            stored: difference.before ?? null,
            folded: difference.after ?? null
          }),
      events: addresses(touching),
      differingRows: differing
    }
  )
})
