/**
 * Events as lines of a list, and in full.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import { printableLine } from "@daybook/kernel/Printable"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { EventLine } from "../Answer.ts"
import type { EventDetail } from "../StreamAnswer.ts"
import type { Presented } from "../Presenter.ts"

/** The longest sentence for an event, in UTF-16 code units. */
const MAX_TEXT = 300

/** An answer ends after so many bytes of data or states, though not before its first one. */
export const MAX_ANSWER_BYTES = 4_000_000

export type ByCategory = ReadonlyMap<string, Presented>

interface Options {
  /** Shows values of events. */
  readonly shown: boolean
  /** Adds the stored data. */
  readonly data?: boolean | undefined
}

export const line = (
  presented: ByCategory,
  recorded: RecordedEvent,
  { data = false, shown }: Options
): EventLine => {
  const { actor, causationId, commandId, correlationId } = recorded.metadata
  return {
    id: recorded.id,
    streamId: recorded.streamId,
    revision: recorded.revision,
    position: recorded.position,
    type: recorded.type,
    schemaVersion: recorded.schemaVersion,
    occurredAt: recorded.occurredAt,
    recordedAt: recorded.recordedAt,
    ...definedOf({ actor, commandId, correlationId, causationId }),
    bytes: bytesOf(recorded.data),
    ...(shown ? { text: textOf(presented, recorded) } : {}),
    ...(shown && data ? { data: recorded.data } : {})
  }
}

export const detail = (
  presented: ByCategory,
  recorded: RecordedEvent,
  shown: boolean
): EventDetail => {
  const aggregate = presented.get(StreamId.category(recorded.streamId))
  const forms =
    aggregate === undefined
      ? [{ schemaVersion: recorded.schemaVersion, data: recorded.data }]
      : EventCodec.upcastForms(aggregate.codec, recorded)
  const today = aggregate?.today(recorded)
  const value = (data: Schema.Json) => (shown ? { data } : {})
  return {
    line: line(presented, recorded, { shown, data: true }),
    ...(shown ? { metadata: recorded.metadata } : {}),
    forms: forms.map(({ data, schemaVersion }) => ({ schemaVersion, ...value(data) })),
    ...(today === undefined
      ? {}
      : Result.match(today, {
          onSuccess: (events) => ({
            today: events.map(({ data, type }) => ({ type, ...value(data) }))
          }),
          onFailure: (reason) => ({
            undecodable: {
              reason: reason._tag,
              ...(shown ? { issue: EventCodec.problemOf(reason) } : {})
            }
          })
        })),
    withheld: !shown
  }
}

const definedOf = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof A]?: NonNullable<A[Field]>
  }

const encoder = new TextEncoder()

export const bytesOf = (data: Schema.Json): number =>
  encoder.encode(JSON.stringify(data)).byteLength

const textOf = (presented: ByCategory, recorded: RecordedEvent): string =>
  printableLine(
    presented.get(StreamId.category(recorded.streamId))?.describe(recorded) ??
      fieldsOf(recorded.data)
  ).slice(0, MAX_TEXT)

/** The first fields of the data, such as `customerId: ada, currency: GBP`. */
const fieldsOf = (data: Schema.Json): string =>
  Predicate.isObject(data)
    ? Object.entries(data)
        .slice(0, 4)
        .map(([field, value]) => `${field}: ${scalar(value)}`)
        .join(", ")
    : scalar(data)

const scalar = (value: unknown): string =>
  (typeof value === "string" ? value : (JSON.stringify(value) ?? "")).slice(0, MAX_TEXT)
