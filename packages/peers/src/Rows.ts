/**
 * Checks that a contender stored the events it acknowledged: the same number, each with unchanged
 * content, in streams without gaps.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import * as Baskets from "./Baskets.ts"

/** The numbers of the stored events. */
export interface Found {
  readonly events: number
  /** The events that no contender appended. */
  readonly strangers: number
  /** The streams with other revisions than 1..n. */
  readonly gaps: number
}

/** A contender's stored events differ from the acknowledged ones. */
export class RowsDiffer extends Data.TaggedError("RowsDiffer")<{
  readonly name: string
  readonly acknowledged: number
  readonly found: Found
}> {
  override get message() {
    const { events, gaps, strangers } = this.found
    return `${this.name} acknowledged ${this.acknowledged} events and has ${events}, ${strangers} of them foreign, ${gaps} streams with gaps`
  }
}

/** Fails unless the stored events are exactly the acknowledged ones. */
export const compare = (
  name: string,
  acknowledged: number,
  found: Found
): Effect.Effect<void, RowsDiffer> =>
  found.events === acknowledged && found.strangers === 0 && found.gaps === 0
    ? Effect.void
    : Effect.fail(new RowsDiffer({ name, acknowledged, found }))

/**
 * Counts the events in the tables themselves: `rows` selects `stream_id`, `revision`, `type` and
 * `data` of every event.
 */
export const select = (
  url: Redacted.Redacted<string>,
  rows: string
): Effect.Effect<Found, SqlError> =>
  Effect.gen(function* () {
    const sql = yield* PgClient.make({ url, maxConnections: 1 })
    const kinds = Baskets.kinds.map(({ data, type }) => ({ type, data }))
    const [found] = yield* sql<Found>`
      WITH events AS MATERIALIZED (${sql.literal(rows)}),
      kinds AS (
        SELECT type, data FROM jsonb_to_recordset(${JSON.stringify(kinds)}::text::jsonb)
          AS k(type text, data jsonb)
      ),
      streams AS (
        SELECT count(*) AS events, min(revision) AS first, max(revision) AS last,
            count(DISTINCT revision) AS revisions
          FROM events GROUP BY stream_id
      )
      SELECT
        (SELECT count(*)::float8 FROM events) AS events,
        (SELECT count(*)::float8 FROM events e
          WHERE NOT EXISTS (SELECT FROM kinds k WHERE k.type = e.type AND k.data = e.data)) AS strangers,
        (SELECT count(*)::float8 FROM streams
          WHERE first <> 1 OR last <> events OR revisions <> events) AS gaps`
    return found ?? { events: 0, strangers: 0, gaps: 0 }
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))

/** Counts the events of a log through its own reading. */
export const read = <E>(events: Stream.Stream<RecordedEvent, E>): Effect.Effect<Found, E> =>
  Effect.suspend(() => {
    const kinds = new Set(Baskets.kinds.map(text))
    const streams = new Map<string, number>()
    const gapped = new Set<string>()
    const found = { events: 0, strangers: 0 }
    return events.pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          found.events++
          if (!kinds.has(text(event))) found.strangers++
          if (event.revision !== (streams.get(event.streamId) ?? 0) + 1) gapped.add(event.streamId)
          streams.set(event.streamId, event.revision)
        })
      ),
      Effect.map(() => ({ ...found, gaps: gapped.size }))
    )
  })

const text = ({ data, type }: { readonly type: string; readonly data: unknown }): string =>
  `${type} ${JSON.stringify(data)}`
