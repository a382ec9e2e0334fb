/**
 * Checks the events of a log in one pass: their order, their revisions, their times, and that each
 * decodes.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, EventStoreError, UnreadableEvent } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import { type Check, fault, unchecked, well } from "./report.ts"

/** Memory holds this for each stream. */
interface End {
  revision: number
  recordedAt: number
}

/** Counts faults, and keeps the first. */
class Faults {
  count = 0
  first: { readonly detail: string; readonly at: Readonly<Record<string, Schema.Json>> } | undefined

  add(detail: string, event: RecordedEvent): void {
    this.count += 1
    this.first ??= { detail, at: addressOf(event) }
  }

  report(check: string, otherwise: string): Check {
    if (this.first === undefined) return well(check, otherwise)
    const { at, detail } = this.first
    return fault(check, this.count === 1 ? detail : `${detail}; ${this.count - 1} more`, at)
  }
}

const addressOf = ({ id, position, revision, streamId, type }: RecordedEvent) => ({
  position: String(position),
  streamId,
  revision,
  eventId: id,
  type
})

const placeOf = ({ position, revision, streamId, type }: RecordedEvent): string =>
  `${type} at revision ${revision} of ${streamId}, position ${position}`

export const check = Effect.fnUntraced(function* (
  { codecs }: DaybookConfig,
  upTo: Position.Position,
  draw: Draw
) {
  const store = yield* EventStore
  const ends = new Map<string, End>()
  const order = new Faults()
  const times = new Faults()
  const decoding = new Faults()
  const unknown = new Map<string, number>()
  let events = 0
  let decoded = 0
  let position = Position.start
  const look = (event: RecordedEvent) => {
    events += 1
    if (event.position <= position) {
      order.add(`${placeOf(event)} is not above position ${position} before it`, event)
    }
    position = event.position
    const end = ends.get(event.streamId)
    const expected = (end?.revision ?? 0) + 1
    if (event.revision !== expected) {
      order.add(`${placeOf(event)}: the stream's next revision is ${expected}`, event)
    }
    const recordedAt = DateTime.toEpochMillis(event.recordedAt)
    if (end !== undefined && recordedAt < end.recordedAt) {
      times.add(`${placeOf(event)} was recorded before the event before it`, event)
    }
    if (end === undefined) ends.set(event.streamId, { revision: event.revision, recordedAt })
    else {
      end.revision = event.revision
      end.recordedAt = recordedAt
    }
    const category = StreamId.category(event.streamId)
    const codec = codecs.get(category)
    if (codec === undefined) {
      unknown.set(category, (unknown.get(category) ?? 0) + 1)
      return
    }
    const read = EventCodec.decodeRecorded(codec, event)
    if (Result.isSuccess(read)) decoded += 1
    else decoding.add(read.failure.message, event)
  }
  const unreadable = yield* Stream.runForEachArray(store.readAll({ upTo }), (some) => {
    for (const event of some) look(event)
    return draw(`${count(events, "event")} checked`)
  }).pipe(
    Effect.as(undefined),
    Effect.catchIf(
      (error) => error instanceof EventStoreError && error.cause instanceof UnreadableEvent,
      (error) => Effect.succeed(error.cause as UnreadableEvent)
    )
  )
  const checks: Array<Check> = []
  const seen = `${count(events, "event")} in ${count(ends.size, "stream")}`
  if (unreadable !== undefined) {
    checks.push(
      fault("events", `${unreadable.message}; nothing after it was checked`, {
        position: String(unreadable.position),
        streamId: unreadable.streamId,
        revision: unreadable.revision,
        eventId: unreadable.eventId
      })
    )
  }
  checks.push(
    order.report("order", `${seen}: positions increase, revisions are dense`),
    times.report("times", "recorded times never decrease along a stream"),
    decoding.report("decoding", `${count(decoded, "event")} decode`)
  )
  for (const [category, some] of unknown) {
    checks.push(
      unchecked(
        `decoding of ${category}`,
        `${count(some, "event")}: the configuration has no codec of the category`
      )
    )
  }
  return checks
})
