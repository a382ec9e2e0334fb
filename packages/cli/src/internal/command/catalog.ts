/**
 * `daybook catalog`: the types of events, their versions, and what folds them.
 */
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqlClient } from "effect/sql/SqlClient"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import { type Listing, print } from "../output/listing.ts"
import { connected, session } from "./session.ts"

/** A type of events of a category, in one version. */
interface Line {
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  /** `today`: it is written. `past`: it is only read. `unknown`: no codec here reads it. */
  readonly state: "today" | "past" | "unknown"
  readonly formerNames: ReadonlyArray<string>
  readonly foldedBy: ReadonlyArray<string>
  /** The number of events of the log; undefined if they were not counted. */
  readonly events: number | undefined
}

const listing: Listing<Line> = {
  columns: [
    { title: "category", of: ({ category }) => category },
    { title: "type", of: ({ type }) => type },
    { title: "version", align: "right", of: ({ schemaVersion }) => String(schemaVersion) },
    { title: "state", of: ({ state }) => state },
    { title: "events", align: "right", of: ({ events }) => String(events ?? "") },
    { title: "former names", of: ({ formerNames }) => formerNames.join(" ") },
    { title: "folded by", of: ({ foldedBy }) => foldedBy.join(" ") }
  ],
  id: ({ type }) => type,
  json: (line) => ({
    category: line.category,
    type: line.type,
    schemaVersion: line.schemaVersion,
    state: line.state,
    formerNames: line.formerNames,
    foldedBy: line.foldedBy,
    ...(line.events === undefined ? {} : { events: line.events })
  })
}

interface Counted {
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  readonly events: number
}

/** Counts the events of each type and version; the server reads the whole log. */
const counts = Effect.gen(function* () {
  const sql = (yield* SqlClient).withoutTransforms()
  const schema = yield* PostgresSchema
  return yield* sql<Counted>`
    SELECT split_part(stream_id, '-', 1) AS category, type, schema_version::integer AS "schemaVersion",
      count(*)::double precision AS events
    FROM ${sql(`${schema}.events`)} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
})

export const catalog = Command.make(
  "catalog",
  {
    count: Flag.Boolean("count").pipe(
      Flag.withDescription("Count the events of the log; the server reads all of them"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    // Without codecs the log alone knows its types.
    const counted =
      input.count || made.config.codecs.size === 0 ? yield* counts.pipe(connected(made)) : undefined
    yield* print(made.style, listing, Stream.fromIterable(linesOf(made.config, counted)))
  })
).pipe(
  Command.withDescription(
    "List the types of events of the configuration, each version, and the read models that read them. Without a configuration it lists the types of the log."
  ),
  Command.withExamples([
    { command: "daybook catalog" },
    { command: "daybook catalog --count -o json", description: "With the events of each version" }
  ])
)

const linesOf = (
  { codecs, projections }: DaybookConfig,
  counted: ReadonlyArray<Counted> | undefined
): ReadonlyArray<Line> => {
  const seen = new Set<Counted>()
  const lines = [...codecs].flatMap(([category, codec]) =>
    codec.versions.map((version): Line => {
      const [type, ...formerNames] = version.names
      const own = counted?.filter(
        (one) =>
          one.category === category &&
          version.names.includes(one.type) &&
          one.schemaVersion === version.schemaVersion
      )
      for (const one of own ?? []) seen.add(one)
      return {
        category,
        type,
        schemaVersion: version.schemaVersion,
        state: version.step === undefined ? "today" : "past",
        formerNames,
        foldedBy: projections
          .filter(({ from }) => from.some((source) => source.category === category))
          .map(({ name }) => name),
        events: own?.reduce((sum, { events }) => sum + events, 0)
      }
    })
  )
  const unknown = (counted ?? [])
    .filter((one) => !seen.has(one))
    .map((one): Line => ({ ...one, state: "unknown", formerNames: [], foldedBy: [] }))
  return [...lines, ...unknown]
}
