/**
 * `daybook stats`: the size of a log.
 */
import { EventStore } from "@daybook/store/EventStore"
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { printFacts } from "../output/listing.ts"
import { opened, session } from "./session.ts"

interface Sizes {
  readonly events: number
  readonly dataBytes: number
  readonly tableBytes: number
  readonly indexBytes: number
  readonly snapshotBytes: number
}

export const stats = Command.make(
  "stats",
  {},
  Effect.fnUntraced(function* () {
    const made = yield* session
    yield* Effect.gen(function* () {
      const store = yield* EventStore
      const sql = (yield* SqlClient).withoutTransforms()
      const schema = yield* PostgresSchema
      const log = yield* store.identity
      const head = yield* store.head
      const streams = new Map<string, { streams: number; events: number }>()
      yield* Stream.runForEach(store.streams(), ({ revision, streamId }) =>
        Effect.sync(() => {
          const category = streamId.slice(0, streamId.indexOf("-"))
          const known = streams.get(category) ?? { streams: 0, events: 0 }
          known.streams += 1
          known.events += revision
          streams.set(category, known)
        })
      )
      // The parts of a partitioned log are tables of their own.
      const [sizes] = yield* sql<Sizes>`
        WITH part AS (
          SELECT ${`${schema}.events`}::regclass AS oid
          UNION ALL
          SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = ${`${schema}.events`}::regclass
        )
        SELECT
          (SELECT count(*) FROM ${sql(`${schema}.events`)})::double precision AS events,
          (SELECT coalesce(sum(octet_length(data::text) + octet_length(metadata::text)), 0)
            FROM ${sql(`${schema}.events`)})::double precision AS "dataBytes",
          sum(pg_table_size(part.oid))::double precision AS "tableBytes",
          sum(pg_indexes_size(part.oid))::double precision AS "indexBytes",
          pg_total_relation_size(${`${schema}.snapshots`}::regclass)::double precision AS "snapshotBytes"
        FROM part`
      const ends = yield* Effect.forEach(["forward", "backward"] as const, (direction) =>
        Stream.runHead(store.readAll({ direction, limit: 1 }))
      )
      const [first, last] = ends.map((end) =>
        Option.match(end, {
          onNone: () => null,
          onSome: ({ recordedAt }) => DateTime.formatIso(recordedAt)
        })
      )
      yield* printFacts(made.style, log, [
        ["log", log],
        ["head", String(head)],
        ["events", sizes?.events ?? 0],
        ["streams", [...streams.values()].reduce((sum, one) => sum + one.streams, 0)],
        ["first recorded at", first ?? null],
        ["last recorded at", last ?? null],
        ["data bytes", sizes?.dataBytes ?? 0],
        ["table bytes", sizes?.tableBytes ?? 0],
        ["index bytes", sizes?.indexBytes ?? 0],
        ["snapshot bytes", sizes?.snapshotBytes ?? 0],
        ["categories", Object.fromEntries([...streams].map(([name, one]) => [name, { ...one }]))]
      ])
    }).pipe(opened(made, Open.log))
  })
).pipe(
  Command.withDescription(
    "Count the streams and events of the log, and measure its tables; the server reads all events."
  ),
  Command.withExamples([
    { command: "daybook stats" },
    { command: "daybook stats -o json | jq .events" }
  ])
)
