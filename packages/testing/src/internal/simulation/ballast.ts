/**
 * A read model of the simulation's own, in which some events make a row too large to store.
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { MAX_ROW_BYTES } from "@daybook/projections/driver/ReadModelTable"
import * as Schema from "effect/Schema"
import type { Model } from "../../simulation/Auditor.ts"
import type { Plan } from "./plan.ts"

export interface Ballast {
  readonly projection: Projection.Any
  /** Returns whether an event makes its row too large. */
  readonly isTooMuch: (id: RecordedEvent["id"]) => boolean
  /** Computes the rows of a log in which those events are skipped. */
  readonly rows: (log: ReadonlyArray<RecordedEvent>) => ReadonlyArray<unknown>
}

/** The reason for skipping such an event, as its record states it. */
export const REASON = "makes the row too large"

export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  plan: Plan
): Ballast => {
  const drawn = new Map<string, boolean>()
  /** Draws whether an event is too large when it is first folded; the answer stays the same. */
  const draw = (id: string): boolean => {
    const before = drawn.get(id)
    if (before !== undefined) return before
    const comes = plan.occasion("row-too-large") !== undefined
    drawn.set(id, comes)
    return comes
  }
  const projection = Projection.define({
    name: "ballast",
    version: 1,
    from: [aggregate],
    row: Schema.Struct({ id: Schema.String, events: Schema.Int, load: Schema.String }),
    primaryKey: ["id"]
  }).fold({
    keys: (_event, { streamId }) => [{ id: StreamId.id(streamId) }],
    initial: ({ id }) => ({ id, events: 0, load: "" }),
    apply: (row, _event, { recorded }) => ({
      ...row,
      events: row.events + 1,
      // The load stays in the row, so that a fold of several events at a time blames the same
      // event.
      load: draw(recorded.id) ? "x".repeat(MAX_ROW_BYTES) : row.load
    })
  })
  const isTooMuch = (id: string) => drawn.get(id) === true
  return {
    projection,
    isTooMuch,
    rows: (log) => {
      const events = new Map<string, number>()
      for (const { id, streamId } of log) {
        if (isTooMuch(id)) continue
        const key = StreamId.id(streamId)
        events.set(key, (events.get(key) ?? 0) + 1)
      }
      return Array.from(events, ([id, count]) => ({ id, events: count, load: "" }))
    }
  }
}

/** Extends the model with the expected rows of the simulation's own read model. */
export const modelWith = <Command, State, Event>(
  model: Model<Command, State, Event>,
  ballast: Ballast | undefined,
  log: ReadonlyArray<RecordedEvent>
): Model<Command, State, Event> =>
  ballast === undefined
    ? model
    : {
        ...model,
        rows: (accepted) =>
          new Map(model.rows?.(accepted)).set(ballast.projection.name, ballast.rows(log))
      }
