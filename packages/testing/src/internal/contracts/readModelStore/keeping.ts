/**
 * Appends with inline read models, as the cases make them.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import type { Changes, Poison } from "@daybook/projections/driver/ReadModelGeneration"
import { type InlineAppend, ReadModelStore } from "@daybook/projections/ReadModelStore"
import type * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { type Append, type Appended, EventStore } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { freshCategory, newEvent, readStream, streamOf } from "../eventStore/fixture.ts"
import { claimOf, tally } from "./fixture.ts"

/** Reads the keys of the rows that an event touches; they are its data. */
const keysOf = ({ data }: { readonly data: unknown }) => data as ReadonlyArray<string>

export const touching = (...keys: ReadonlyArray<string>) => newEvent({ data: keys })

/** Counts the events of each key, and lists them in the order of their positions. */
export const foldTallies = (
  recorded: ReadonlyArray<RecordedEvent>,
  rows: ReadonlyMap<string, StoredRow>
): Changes => {
  const folded = new Map(
    Array.from(rows.values(), (row): [string, StoredRow] => [row["id"] as string, row])
  )
  for (const event of recorded) {
    for (const id of keysOf(event)) {
      const row = folded.get(id) ?? tally(id, 0)
      const counted = row["counted"] as ReadonlyArray<string>
      folded.set(id, {
        id,
        count: Number(row["count"]) + 1,
        counted: [...counted, String(event.position)]
      })
    }
  }
  return { upserts: Array.from(folded.values()), deletions: [] }
}

type Tables = ReadonlyArray<ReadModelTable.Any>

export const inlineOf = (
  events: EventStore["Service"],
  tables: Tables,
  appends: Arr.NonEmptyReadonlyArray<Append>,
  refused: (name: string, recorded: ReadonlyArray<RecordedEvent>) => Poison | undefined = () =>
    undefined
): InlineAppend<Arr.NonEmptyReadonlyArray<Appended>, unknown> => ({
  touches: tables.map((table) => ({
    table,
    keys: Array.from(new Set(appends.flatMap((append) => append.events.flatMap(keysOf))), (id) => ({
      id
    }))
  })),
  append: events.appendAll({ appends }),
  recorded: (answers) =>
    Effect.map(
      Effect.forEach(appends, ({ events: written, streamId }, index) => {
        const answer = Arr.getUnsafe(answers, index)
        if (answer.repeated) return Effect.succeed([])
        const from = Revision.make(answer.revision - written.length + 1)
        return Stream.runCollect(events.read(streamId, { from, to: answer.revision }))
      }),
      (read) => read.flat().toSorted((a, b) => (a.position < b.position ? -1 : 1))
    ),
  fold: (name, recorded, rows) => {
    const poison = refused(name, recorded)
    return poison === undefined ? Result.succeed(foldTallies(recorded, rows)) : Result.fail(poison)
  }
})

/** Appends to a stream, with the inline read models. */
export const append = Effect.fnUntraced(function* (
  tables: Tables,
  streamId: StreamId,
  ...events: Arr.NonEmptyReadonlyArray<ReturnType<typeof touching>>
) {
  const store = yield* ReadModelStore
  const appends = [{ streamId, expected: any, events }] as const
  return yield* store.inline(inlineOf(yield* EventStore, tables, appends))
})

/** Makes the serving generation inline, as it is. */
export const promoted = Effect.fnUntraced(function* (table: ReadModelTable.Any) {
  const store = yield* ReadModelStore
  const { serving } = yield* store.open(table)
  yield* store.makeInline(yield* claimOf(serving), Effect.void)
  return serving
})

export const row = Effect.fnUntraced(function* (table: ReadModelTable.Any, id: string) {
  const store = yield* ReadModelStore
  return Option.getOrUndefined(yield* store.get(table, { id }))
})

export const positionsOf = Effect.fnUntraced(function* (
  id: string,
  ...streams: ReadonlyArray<StreamId>
) {
  const events = (yield* Effect.forEach(streams, readStream)).flat()
  return events
    .filter((event) => keysOf(event).includes(id))
    .map(({ position }) => position)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(String)
})

export const twoStreams = () => {
  const category = freshCategory()
  return [streamOf(category, "1"), streamOf(category, "2")] as const
}
