/**
 * `daybook query`: the rows of a read model, now or as of an earlier time.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { Condition, RowQuery } from "@daybook/projections/driver/RowQuery"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { Column, StoredRow } from "@daybook/projections/driver/StoredRow"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import * as Open from "../connection/open.ts"
import { Misused, Missing } from "../exit.ts"
import { type Listing, print, textOf } from "../output/listing.ts"
import { instant, limit, position } from "./parameters.ts"
import { opened, session } from "./session.ts"

export const query = Command.make(
  "query",
  {
    name: Argument.String("NAME").pipe(
      Argument.withDescription("The name of a read model of the configuration")
    ),
    asOf: instant("as-of").pipe(
      Flag.withDescription(
        "As of this time: each stream up to its first event that occurred later"
      ),
      Flag.optional
    ),
    recorded: Flag.Boolean("recorded").pipe(
      Flag.withDescription("--as-of is the time when the log recorded the events"),
      Flag.withDefault(false)
    ),
    position: position("position").pipe(
      Flag.withDescription("As of this position of the log"),
      Flag.optional
    ),
    where: Flag.String("where").pipe(
      Flag.withDescription("Only rows whose field has this value; may be repeated"),
      Flag.withMetavar("FIELD=VALUE"),
      Flag.atLeast(0)
    ),
    limit
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const projection = yield* find(made.config, input.name)
    const table = yield* Effect.fromResult(ReadModelTable.make(projection))
    const where = yield* Effect.forEach(input.where, (text) => condition(table, text))
    if (Option.isSome(input.asOf) && Option.isSome(input.position)) {
      return yield* new Misused({ problem: "--as-of and --position exclude one another" })
    }
    const at = Option.isSome(input.asOf)
      ? input.recorded
        ? { recordedAt: input.asOf.value }
        : { occurredAt: input.asOf.value }
      : Option.isSome(input.position)
        ? { position: input.position.value }
        : undefined
    const rows = Stream.unwrap(
      Effect.gen(function* () {
        if (at !== undefined) return yield* folded(projection, table, at, where)
        const store = yield* ReadModelStore
        const asked: RowQuery = { where, orderBy: [], after: Option.none(), limit: input.limit }
        return store.query(table, asked)
      })
    )
    yield* print(
      made.style,
      listingOf(table),
      Option.match(input.limit, { onNone: () => rows, onSome: (most) => Stream.take(rows, most) })
    ).pipe(opened(made, Open.readModels))
  })
).pipe(
  Command.withDescription(
    "Print the rows of a read model. As of an earlier time they are folded from the log, all in memory."
  ),
  Command.withExamples([
    { command: "daybook query order_summary --where status=confirmed --limit 20" },
    { command: "daybook query product_demand --as-of 2026-11-26 -o ndjson" }
  ])
)

const find = ({ projections }: DaybookConfig, name: string) => {
  const found = projections.find((one) => one.name === name)
  return found === undefined
    ? Effect.fail(
        new Missing({
          what: "projection in the configuration",
          name,
          known: projections.map((one) => one.name)
        })
      )
    : Effect.succeed(found)
}

const folded = (
  projection: Projection.Any,
  table: ReadModelTable.Any,
  at: OnDemandProjection.At,
  where: ReadonlyArray<Condition>
) =>
  Effect.map(OnDemandProjection.tableAt(projection, at), (rows) =>
    Stream.fromIterable(
      rows
        // The fold has just made the row, and checked that it has a stored form.
        .map((row) => Result.getOrThrow(table.encode(row)))
        .filter((row) =>
          where.every(({ field, values: [value] }) => Equal.equals(row[field], value))
        )
        .toSorted((a, b) => compare(table.keyText(a), table.keyText(b)))
    )
  )

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Reads a condition on a field; its value is in the stored form of the column. */
const condition = (table: ReadModelTable.Any, text: string): Effect.Effect<Condition, Misused> => {
  const place = text.indexOf("=")
  const field = text.slice(0, place)
  const column = table.columns.find((one) => one.field === field)
  if (place < 1 || column === undefined) {
    const fields = table.columns.map((one) => one.field).join(", ")
    return Effect.fail(
      new Misused({ problem: `--where ${text} names no field, such as ${fields}` })
    )
  }
  return Effect.map(valueOf(column, text.slice(place + 1)), (value) => ({
    field,
    is: "equal" as const,
    values: [value]
  }))
}

const valueOf = (column: Column, text: string): Effect.Effect<Schema.Json, Misused> => {
  switch (column.type) {
    case "boolean":
      return text === "true" || text === "false"
        ? Effect.succeed(text === "true")
        : Effect.fail(new Misused({ problem: `--where: ${column.field} is true or false` }))
    case "double precision": {
      const value = Number(text)
      return text.trim() !== "" && Number.isFinite(value)
        ? Effect.succeed(value)
        : Effect.fail(new Misused({ problem: `--where: ${column.field} is a number` }))
    }
    case "jsonb":
      return Effect.fail(
        new Misused({ problem: `--where: ${column.field} is JSON, which can't be compared` })
      )
    default:
      return Effect.succeed(text)
  }
}

const listingOf = (table: ReadModelTable.Any): Listing<StoredRow> => ({
  columns: table.columns.map(({ field, type }) => ({
    title: field,
    ...(type === "bigint" || type === "numeric" || type === "double precision"
      ? { align: "right" as const }
      : {}),
    of: (row: StoredRow) => textOf(row[field] ?? null)
  })),
  id: (row) => table.primaryKey.map(({ field }) => textOf(row[field] ?? null)).join("\t"),
  json: (row) => row
})
