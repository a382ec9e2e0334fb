/**
 * The pure middle of every read model: recorded events in, changed rows out.
 *
 * It is the same fold after the log, in an append, and on demand. An event is folded whole or not
 * at all, whatever rows it touches; an event that can't be folded is a `Poison`.
 */
import { type EncodedEvent, problemOf } from "@daybook/kernel/EventCodec"
import * as EventMark from "@daybook/kernel/EventMark"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Function from "effect/Function"
import * as Result from "effect/Result"
import { type Changes, type Poison, recordedPoison } from "../../driver/ReadModelGeneration.ts"
import type { ReadModelTable, StoredKey } from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import { MAX_ROW_BYTES } from "./rowCodec.ts"
import { atMostBytes, bytesOf } from "./rowSize.ts"
import { thrown } from "./thrown.ts"

/** A projection with its table. */
export interface Model<Event, Key, Row> {
  readonly projection: Projection.Projection<Event, Key, Row>
  readonly table: ReadModelTable<Key, Row>
}

export type AnyModel = Model<unknown, object, object>

interface Touched<Key> {
  readonly text: string
  readonly key: Key
  readonly stored: StoredKey
}

/**
 * An event of today, with the rows that it touches; a recorded event stands for zero, one or
 * several.
 *
 * A class, as `Folded` is: with object literals, catching up took a fifth more processor time. V8
 * learns to allocate literals that outlive a collection or two in the old generation, where each
 * retains its event, page after page, until that generation is collected too
 * (`--trace-pretenuring-statistics` shows it).
 */
class Touching<Event, Key, Pending extends Projection.PendingEvent = RecordedEvent> {
  readonly recorded: Pending
  readonly event: Event
  readonly touched: ReadonlyArray<Touched<Key>>
  constructor(recorded: Pending, event: Event, touched: ReadonlyArray<Touched<Key>>) {
    this.recorded = recorded
    this.event = event
    this.touched = touched
  }
}

/** The reason why an event cannot be folded; its address makes a `Poison` of it. */
type Unfoldable = Pick<Poison, "reason" | "issue">

const unfoldable = (reason: Unfoldable["reason"], issue: string) => Result.fail({ reason, issue })

/** Events that are ready to be folded, in position order, up to the first that can't be. */
export interface Batch<Event, Key> {
  readonly prepared: ReadonlyArray<Touching<Event, Key>>
  readonly poison: Poison | undefined
}

export const poisonOf = (
  { position, revision, streamId, type }: RecordedEvent,
  reason: Poison["reason"],
  issue: string
): Poison =>
  // The poison is stored, whatever its issue quotes.
  recordedPoison({ position, revision, streamId, type, reason, issue })

/**
 * Decodes a recorded event to the events of today that it stands for; to an empty list if the
 * projection does not read its category.
 */
const decode = <Event>(
  source: Projection.EventSource<Event> | undefined,
  stored: EncodedEvent
): Result.Result<ReadonlyArray<Event>, Unfoldable> => {
  if (source === undefined) return Result.succeed([])
  try {
    const decoded = source.codec.decode(stored)
    return Result.isSuccess(decoded)
      ? Result.succeed(decoded.success)
      : unfoldable("Undecodable", problemOf(decoded.failure))
  } catch (error) {
    return unfoldable("Threw", thrown(error))
  }
}

/** A touched row, and the answer for an event that touches only this row, as most events do. */
interface Found<Key> {
  readonly row: Touched<Key>
  readonly alone: Result.Result<ReadonlyArray<Touched<Key>>>
}

/**
 * Makes the function that finds the rows of an event. Events of one stream follow one another and
 * mostly touch the same row, so the last key is not encoded again.
 */
const makeToucher = <Event, Key, Row>({ projection, table }: Model<Event, Key, Row>) => {
  const fields = table.primaryKey.map(({ field }) => field as keyof Key)
  let last: Result.Result<Found<Key>, Unfoldable> | undefined
  let known: Key | undefined
  const find = (key: Key): Result.Result<Found<Key>, Unfoldable> => {
    if (last !== undefined && fields.every((field) => Object.is(known?.[field], key[field]))) {
      return last
    }
    const stored = table.encodeKey(key)
    if (Result.isFailure(stored)) return unfoldable("NoRow", stored.failure)
    const row = { text: table.keyText(stored.success), key, stored: stored.success }
    last = Result.succeed({ row, alone: Result.succeed([row]) })
    known = key
    return last
  }
  return (
    event: Event,
    pending: Projection.PendingEvent
  ): Result.Result<ReadonlyArray<Touched<Key>>, Unfoldable> => {
    let keys: ReadonlyArray<Key>
    try {
      keys = projection.keys(event, pending)
    } catch (error) {
      return unfoldable("Threw", thrown(error))
    }
    if (Arr.isReadonlyArrayNonEmpty(keys) && keys.length === 1) {
      const found = find(keys[0])
      return Result.isSuccess(found) ? found.success.alone : Result.fail(found.failure)
    }
    const touched: Array<Touched<Key>> = []
    for (const key of keys) {
      const found = find(key)
      if (Result.isFailure(found)) return Result.fail(found.failure)
      const { row } = found.success
      // An event is folded into a row once, however often its keys name the row.
      if (!touched.some(({ text }) => text === row.text)) touched.push(row)
    }
    return Result.succeed(touched)
  }
}

/** Events with the rows that they touch, up to the first for which these cannot be found. */
interface Reach<Event, Key, Pending extends Projection.PendingEvent> {
  readonly prepared: ReadonlyArray<Touching<Event, Key, Pending>>
  readonly stop: { readonly at: Pending; readonly why: Unfoldable } | undefined
}

const reach = <Event, Key, Row, Pending extends Projection.PendingEvent>(
  model: Model<Event, Key, Row>,
  events: ReadonlyArray<Pending>,
  isSkipped: (event: Pending) => boolean
): Reach<Event, Key, Pending> => {
  const sources = new Map(model.projection.from.map((source) => [source.category, source]))
  const touchedBy = makeToucher(model)
  const prepared: Array<Touching<Event, Key, Pending>> = []
  // Events of one stream mostly follow one another.
  let streamId: StreamId.StreamId | undefined
  let source: Projection.EventSource<Event> | undefined
  for (const one of events) {
    if (isSkipped(one)) continue
    if (one.streamId !== streamId) {
      streamId = one.streamId
      source = sources.get(StreamId.category(streamId))
    }
    const decoded = decode(source, one)
    if (Result.isFailure(decoded)) return { prepared, stop: { at: one, why: decoded.failure } }
    // The events of today of a recorded event that can't be folded are removed again.
    const before = prepared.length
    for (const event of decoded.success) {
      const touched = touchedBy(event, one)
      if (Result.isFailure(touched)) {
        prepared.length = before
        return { prepared, stop: { at: one, why: touched.failure } }
      }
      if (touched.success.length > 0) prepared.push(new Touching(one, event, touched.success))
    }
  }
  return { prepared, stop: undefined }
}

/** Decodes events and finds the rows they touch, up to the first for which that fails. */
export const prepare = <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  recorded: ReadonlyArray<RecordedEvent>,
  skipped: ReadonlySet<EventMark.EventMark>
): Batch<Event, Key> => {
  const isSkipped =
    skipped.size === 0
      ? Function.constFalse
      : (event: RecordedEvent) => skipped.has(EventMark.of(event))
  const { prepared, stop } = reach(model, recorded, isSkipped)
  const poison = stop === undefined ? undefined : poisonOf(stop.at, stop.why.reason, stop.why.issue)
  return { prepared, poison }
}

/**
 * Returns the keys of the rows that events touch before they are recorded; fewer if an event can't
 * be folded, which the fold reports again when the event is recorded.
 */
export const keysToTouch = (
  model: AnyModel,
  events: ReadonlyArray<Projection.PendingEvent>
): ReadonlyArray<StoredKey> => touchedKeys(reach(model, events, Function.constFalse))

/** Returns the part of a batch between two positions that touches the rows of a partition. */
export const part = <Event, Key>(
  { poison, prepared }: Batch<Event, Key>,
  options: {
    readonly after: Position
    readonly before: Position | undefined
    readonly owns: (keyText: string) => boolean
  }
): Batch<Event, Key> => {
  const { after, before, owns } = options
  const own: Array<Touching<Event, Key>> = []
  for (const one of prepared) {
    const { event, recorded, touched } = one
    if (recorded.position <= after) continue
    if (before !== undefined && recorded.position >= before) continue
    const mine = touched.every(({ text }) => owns(text))
      ? touched
      : touched.filter(({ text }) => owns(text))
    if (mine.length > 0) own.push(mine === touched ? one : new Touching(recorded, event, mine))
  }
  return { prepared: own, poison }
}

/** Counts the recorded events of a batch; the events of today of one of them are adjacent. */
export const countRecorded = <Event, Key>({ prepared }: Batch<Event, Key>): number => {
  let count = 0
  let last: RecordedEvent | undefined
  for (const { recorded } of prepared) {
    if (recorded === last) continue
    last = recorded
    count += 1
  }
  return count
}

/** Splits a batch into one batch for each recorded event, in order. */
export const byRecorded = <Event, Key>({
  prepared
}: Batch<Event, Key>): ReadonlyArray<Batch<Event, Key>> => {
  const groups: Array<Array<Touching<Event, Key>>> = []
  for (const one of prepared) {
    const last = groups.at(-1)
    if (last?.[0]?.recorded === one.recorded) last.push(one)
    else groups.push([one])
  }
  return groups.map((group) => ({ prepared: group, poison: undefined }))
}

/** Returns the keys of the rows that a batch touches, each once. */
export const touchedKeys = <Key>({
  prepared
}: {
  readonly prepared: ReadonlyArray<{ readonly touched: ReadonlyArray<Touched<Key>> }>
}): ReadonlyArray<StoredKey> => {
  const keys = new Map<string, StoredKey>()
  let last: ReadonlyArray<Touched<Key>> | undefined
  for (const { touched } of prepared) {
    if (touched === last) continue
    last = touched
    for (const { stored, text } of touched) keys.set(text, stored)
  }
  return Array.from(keys.values())
}

/** A touched row after the events folded so far. */
class Folded<Key, Row> {
  readonly touched: Touched<Key>
  row: Row | undefined
  /** The last event that was folded into the row. */
  recorded: RecordedEvent
  /** An upper bound of the row's stored size. */
  bytes: number
  constructor(touched: Touched<Key>, row: Row | undefined, recorded: RecordedEvent, bytes: number) {
    this.touched = touched
    this.row = row
    this.recorded = recorded
    this.bytes = bytes
  }
}

/**
 * Folds a batch into the existing rows, and returns the changes to them.
 *
 * A row is checked after each event and not only when it is stored: by its schema, its key, and its
 * stored form. Otherwise the end of a batch would decide whether an event can be folded.
 */
export const fold = <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  batch: Batch<Event, Key>,
  rows: ReadonlyMap<string, StoredRow>
): Result.Result<Changes, Poison> =>
  Result.flatMap(foldRows(model, batch, rows), (folded) => changesOf(model, folded, rows))

const foldRows = <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  { prepared }: Batch<Event, Key>,
  rows: ReadonlyMap<string, StoredRow>
): Result.Result<ReadonlyMap<string, Folded<Key, Row>>, Poison> => {
  const { projection, table } = model
  // Keys and rows have these fields under the same names.
  const keyFields = table.primaryKey.map(({ field }) => field as keyof Key & keyof Row)
  const isSound = (row: Row, before: Row | undefined, key: Key): boolean =>
    keyFields.every((field) => Object.is(row[field], key[field])) && table.accepts(row, before)
  const folded = new Map<string, Folded<Key, Row>>()
  for (const { event, recorded, touched: all } of prepared) {
    for (const touched of all) {
      const known = folded.get(touched.text)
      let before = known?.row
      let bytes = known?.bytes ?? 0
      if (known === undefined) {
        const stored = rows.get(touched.text)
        if (stored !== undefined) {
          const decoded = table.decode(stored)
          if (Result.isFailure(decoded)) {
            return Result.fail(poisonOf(recorded, "NoRow", `stored row: ${decoded.failure}`))
          }
          before = decoded.success
          bytes = atMostBytes(table.columns, stored)
          if (bytes > MAX_ROW_BYTES) bytes = bytesOf(table.columns, stored)
        }
      }
      let row: Row | undefined
      try {
        row = projection.apply(before, event, { key: touched.key, recorded })
      } catch (error) {
        return Result.fail(poisonOf(recorded, "Threw", thrown(error)))
      }
      let after = known
      if (after === undefined) {
        after = new Folded(touched, row, recorded, bytes)
        folded.set(touched.text, after)
      } else {
        after.row = row
        after.recorded = recorded
      }
      if (row === undefined || row === before) continue
      // The bound only grows until the row is measured, even if the row shrinks.
      after.bytes = (before === undefined ? 0 : bytes) + table.growth(row, before)
      const isSmall = after.bytes <= MAX_ROW_BYTES
      if (isSmall && isSound(row, before, touched.key)) continue
      // Encoding finds the issue; or it shows that the key is equal in another form, or that the
      // row is not too large.
      const encoded = encode(model, after)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      if (!isSmall && encoded.success !== undefined) {
        after.bytes = bytesOf(table.columns, encoded.success)
      }
      if (!table.accepts(row)) {
        return Result.fail(poisonOf(recorded, "NoRow", "not of the row's schema"))
      }
    }
  }
  return Result.succeed(folded)
}

const encode = <Event, Key, Row>(
  { table }: Model<Event, Key, Row>,
  { recorded, row, touched }: Folded<Key, Row>
): Result.Result<StoredRow | undefined, Poison> => {
  if (row === undefined) return Result.succeed(undefined)
  const encoded = table.encode(row)
  if (Result.isFailure(encoded)) return Result.fail(poisonOf(recorded, "NoRow", encoded.failure))
  const text = table.keyText(encoded.success)
  return text === touched.text
    ? Result.succeed(encoded.success)
    : Result.fail(poisonOf(recorded, "NoRow", `the row of ${touched.text} got the key ${text}`))
}

const changesOf = <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  folded: ReadonlyMap<string, Folded<Key, Row>>,
  rows: ReadonlyMap<string, StoredRow>
): Result.Result<Changes, Poison> => {
  const upserts: Array<StoredRow> = []
  const deletions: Array<StoredKey> = []
  for (const [text, one] of folded) {
    const encoded = encode(model, one)
    if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
    if (encoded.success !== undefined) upserts.push(encoded.success)
    else if (rows.has(text)) deletions.push(one.touched.stored)
  }
  return Result.succeed({ upserts, deletions })
}
