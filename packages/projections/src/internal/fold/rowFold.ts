/**
 * The pure middle of every read model: recorded events in, changed rows out.
 *
 * It is the same fold whether it runs behind the log, in an append, or on demand. An event is folded whole or
 * not at all, whatever rows it touches; what can't be folded is a `Poison`.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import { type Changes, type Poison, recordedPoison } from "../../ReadModelGeneration.ts"
import type { ReadModelTable, StoredKey } from "../../ReadModelTable.ts"
import type { StoredRow } from "../../StoredRow.ts"
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
 * An event of today, with the rows that it touches; a recorded one stands for zero, one or several.
 *
 * Made by a constructor, as `Folded` is: of literals that outlive a collection or two V8 learns to make them in the old
 * generation, and there each keeps its event, page after page, until that is collected too (`--trace-pretenuring-statistics`
 * tells). Catching up took a fifth more processor time.
 */
class Touching<Event, Key> {
  readonly recorded: RecordedEvent
  readonly event: Event
  readonly touched: ReadonlyArray<Touched<Key>>
  constructor(recorded: RecordedEvent, event: Event, touched: ReadonlyArray<Touched<Key>>) {
    this.recorded = recorded
    this.event = event
    this.touched = touched
  }
}

/** Events that are ready to be folded, in position order, up to one that is not. */
export interface Batch<Event, Key> {
  readonly prepared: ReadonlyArray<Touching<Event, Key>>
  readonly poison: Poison | undefined
}

export const poisonOf = (
  { position, revision, streamId, type }: RecordedEvent,
  reason: Poison["reason"],
  issue: string
): Poison =>
  // It is recorded, whatever it quotes.
  recordedPoison({ position, revision, streamId, type, reason, issue })

/** The events of today that a recorded one stands for; none if the projection does not read its category. */
const decode = <Event>(
  source: Projection.EventSource<Event> | undefined,
  recorded: RecordedEvent
): Result.Result<ReadonlyArray<Event>, Poison> => {
  if (source === undefined) return Result.succeed([])
  try {
    const decoded = source.codec.decode(recorded)
    return Result.isSuccess(decoded)
      ? Result.succeed(decoded.success)
      : Result.fail(poisonOf(recorded, "Undecodable", decoded.failure.problem))
  } catch (error) {
    return Result.fail(poisonOf(recorded, "Threw", thrown(error)))
  }
}

/** A row that was found, and the list of it alone, which most events touch. */
interface Found<Key> {
  readonly row: Touched<Key>
  readonly alone: ReadonlyArray<Touched<Key>>
}

/**
 * Finds rows by their keys. Events of one stream follow one another and mostly touch the same row, so the key that was seen last
 * is not encoded again.
 */
const makeToucher = <Event, Key, Row>({ projection, table }: Model<Event, Key, Row>) => {
  const fields = table.primaryKey.map(({ field }) => field as keyof Key)
  let last: Found<Key> | undefined
  const find = (key: Key, recorded: RecordedEvent): Result.Result<Found<Key>, Poison> => {
    const known = last?.row.key
    if (last !== undefined && fields.every((field) => Object.is(known?.[field], key[field]))) {
      return Result.succeed(last)
    }
    const stored = table.encodeKey(key)
    if (Result.isFailure(stored)) return Result.fail(poisonOf(recorded, "NoRow", stored.failure))
    const row = { text: table.keyText(stored.success), key, stored: stored.success }
    last = { row, alone: [row] }
    return Result.succeed(last)
  }
  return (
    event: Event,
    recorded: RecordedEvent
  ): Result.Result<ReadonlyArray<Touched<Key>>, Poison> => {
    let keys: ReadonlyArray<Key>
    try {
      keys = projection.keys(event, recorded)
    } catch (error) {
      return Result.fail(poisonOf(recorded, "Threw", thrown(error)))
    }
    if (Arr.isReadonlyArrayNonEmpty(keys) && keys.length === 1) {
      return Result.map(find(keys[0], recorded), ({ alone }) => alone)
    }
    const touched: Array<Touched<Key>> = []
    for (const key of keys) {
      const found = find(key, recorded)
      if (Result.isFailure(found)) return Result.fail(found.failure)
      const { row } = found.success
      // A row is folded once by an event, however often it is named.
      if (!touched.some(({ text }) => text === row.text)) touched.push(row)
    }
    return Result.succeed(touched)
  }
}

/** Decodes events and finds the rows they touch, up to the first for which that fails. */
export const prepare = <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  recorded: ReadonlyArray<RecordedEvent>,
  skipped: ReadonlySet<EventId>
): Batch<Event, Key> => {
  const sources = new Map(model.projection.from.map((source) => [source.category, source]))
  const touchedBy = makeToucher(model)
  const prepared: Array<Touching<Event, Key>> = []
  for (const one of recorded) {
    if (skipped.has(one.id)) continue
    const decoded = decode(sources.get(StreamId.category(one.streamId)), one)
    if (Result.isFailure(decoded)) return { prepared, poison: decoded.failure }
    // Those of an event that can't be folded are taken back.
    const before = prepared.length
    for (const event of decoded.success) {
      const touched = touchedBy(event, one)
      if (Result.isFailure(touched)) {
        prepared.length = before
        return { prepared, poison: touched.failure }
      }
      if (touched.success.length > 0) prepared.push(new Touching(one, event, touched.success))
    }
  }
  return { prepared, poison: undefined }
}

/** The part of a batch that is behind a position and before another, and touches the rows of a partition. */
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

/** How many recorded events a batch folds: those of today that one stands for follow one another. */
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

/** A batch of each recorded event that a batch folds, in their order. */
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

/** The rows that a batch touches, each once. */
export const touchedKeys = <Event, Key>({
  prepared
}: Batch<Event, Key>): ReadonlyArray<StoredKey> => {
  const keys = new Map<string, StoredKey>()
  for (const { touched } of prepared) for (const { stored, text } of touched) keys.set(text, stored)
  return Array.from(keys.values())
}

/** A touched row as it is by now. */
class Folded<Key, Row> {
  readonly touched: Touched<Key>
  row: Row | undefined
  /** The last event that the row was folded by. */
  recorded: RecordedEvent
  /** At least as many as the row has when it is stored. */
  bytes: number
  constructor(touched: Touched<Key>, row: Row | undefined, recorded: RecordedEvent, bytes: number) {
    this.touched = touched
    this.row = row
    this.recorded = recorded
    this.bytes = bytes
  }
}

/**
 * What becomes of the touched rows, given those that are there.
 *
 * A row is checked by its schema, its key, and whether it can be stored, after each event and not only when it is stored: otherwise it
 * would depend on where a batch ends whether an event can be folded.
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
  // They are fields of both, by the same names.
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
      // The bound only grows, until the row is measured: that of a row which shrinks too.
      after.bytes = (before === undefined ? 0 : bytes) + table.growth(row, before)
      const isSmall = after.bytes <= MAX_ROW_BYTES
      if (isSmall && isSound(row, before, touched.key)) continue
      // Encoding tells what is wrong with it, or that its key is the same in other words, or that the row is not too large.
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
