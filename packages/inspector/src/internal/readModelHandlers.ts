/**
 * The handlers of read models: their tables, as they are and as they were, and a row explained.
 */
import { malformed, NotPossible, unavailable, Unknown } from "@daybook/http/Problem"
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { comparable, type RowQuery } from "@daybook/projections/driver/RowQuery"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import type { At } from "@daybook/projections/OnDemandProjection"
import type { Projections } from "@daybook/projections/Projections"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { ExplainedRow, ReadModelHead, Rows, TableDifference } from "../ReadModelAnswer.ts"
import { Row } from "../ReadModelAnswer.ts"
import type { Bounds } from "./boundedStore.ts"
import { type ByCategory, line } from "./eventLines.ts"
import { changedFields, explainRow } from "./explainRow.ts"
import type { FoldedTables } from "./foldedTables.ts"
import { ofModelError } from "./problems.ts"
import { shown } from "./rights.ts"
import * as RowFilter from "./rowFilter.ts"
import { difference as tableDifference, selectPage } from "./tablePages.ts"

const DEFAULT_LIMIT = 50

/** The longest query of rows: one that no index serves reads the whole table. */
const QUERY_MILLIS = 10_000

interface AsOf {
  readonly position?: Position.Position
  readonly recordedAt?: DateTime.Utc
  readonly occurredAt?: DateTime.Utc
}

interface OfModel {
  readonly params: { readonly model: string }
}

interface Show {
  readonly show?: boolean
}

interface Services {
  readonly store: EventStore["Service"]
  readonly rows: ReadModelStore["Service"]
  readonly projections: Projections["Service"]
  readonly models: ReadonlyMap<string, Projection.Any>
  readonly presented: ByCategory
  readonly tables: FoldedTables
  readonly bounds: Bounds
  /** The rows that are explained at once: each may read much of the log. */
  readonly folds: Semaphore.Semaphore
}

export const make = ({
  bounds,
  folds,
  models,
  presented,
  projections,
  rows: store,
  store: events,
  tables
}: Services) => {
  const modelOf = (name: string) => {
    const projection = models.get(name)
    return projection === undefined
      ? Effect.fail(new Unknown({ detail: `There is no read model ${name}` }))
      : Effect.map(Effect.orDie(Effect.fromResult(ReadModelTable.make(projection))), (table) => ({
          projection,
          table
        }))
  }

  const rows = Effect.fnUntraced(function* ({
    params,
    query: { by, cursor, limit = DEFAULT_LIMIT, show, where = [], ...asOf }
  }: OfModel & {
    readonly query: AsOf &
      Show & {
        readonly where?: ReadonlyArray<string>
        readonly by?: string
        readonly cursor?: string
        readonly limit?: number
      }
  }) {
    const begun = yield* Clock.currentTimeMillis
    const { projection, table } = yield* modelOf(params.model)
    const at = yield* pointOf(asOf)
    const { events: seesEvents, rows: isShown } = yield* shown(["log", "read"], show, {
      model: params.model
    })
    // Conditions on values would tell them.
    if (!isShown && where.length > 0) {
      return yield* new NotPossible({
        detail: "Values are withheld: rows can't be selected by them"
      })
    }
    const conditions = yield* Effect.forEach(where, (text) =>
      Effect.mapError(Effect.fromResult(RowFilter.parse(table.columns, text)), ({ field, issue }) =>
        malformed(["query", "where", ...(field === undefined ? [] : [field])], issue)
      )
    )
    const orderBy = yield* orderOf(table, by, isShown)
    const after =
      cursor === undefined
        ? Option.none<StoredRow>()
        : Option.some(
            yield* Effect.mapError(Effect.fromResult(parseCursor(table, orderBy, cursor)), () =>
              malformed(["query", "cursor"], "is not a cursor of this read model and this order")
            )
          )
    // One more tells whether there is a next page.
    const asked: RowQuery = { where: conditions, orderBy, after, limit: Option.some(limit + 1) }
    const { position } = yield* Effect.catch(
      projections.status(projection.name),
      ofModelError(seesEvents)
    )
    const folded =
      at === undefined
        ? undefined
        : yield* Effect.catch(tables.get(projection, at), ofModelError(seesEvents))
    const { count, page: found } =
      folded === undefined
        ? { count: undefined, page: yield* readRows(table, asked, seesEvents) }
        : yield* selectPage(table, folded.rows, asked)
    const last = found.length > limit ? found[limit - 1] : undefined
    const answer: Rows = {
      rows: found.slice(0, limit).map((row) => ({
        key: table.keyText(row),
        ...(isShown ? { row } : {})
      })),
      ...(last === undefined ? {} : { next: cursorOf(table, orderBy, last) }),
      position: folded?.position ?? position,
      ...(count === undefined ? {} : { count }),
      millis: (yield* Clock.currentTimeMillis) - begun,
      withheld: !isShown
    }
    return answer
  })

  /** Reads rows that serve, for so long. */
  const readRows = (table: ReadModelTable.Any, asked: RowQuery, seesEvents: boolean) =>
    Effect.catch(Stream.runCollect(store.query(table, asked)), ofModelError(seesEvents)).pipe(
      Effect.timeoutOrElse({
        duration: QUERY_MILLIS,
        orElse: () =>
          Effect.fail(new NotPossible({ detail: `The query took longer than ${QUERY_MILLIS} ms` }))
      })
    )

  const explain = Effect.fnUntraced(function* ({
    params: { model },
    query: { key, show, ...asOf }
  }: OfModel & { readonly query: AsOf & Show & { readonly key: string } }) {
    const begun = yield* Clock.currentTimeMillis
    const { projection, table } = yield* modelOf(model)
    const at = yield* pointOf(asOf)
    const see = yield* shown(["log", "read"], show, { model, key })
    const decoded = yield* Effect.mapError(Effect.fromResult(keyOf(table, key)), (issue) =>
      malformed(["query", "key"], issue)
    )
    const explained = yield* explainRow(
      { store: events, rows: store, projections },
      {
        projection,
        table,
        key: decoded,
        bounds,
        lineOf: (recorded) => line(presented, recorded, { shown: see.events })
      },
      at
    ).pipe(Semaphore.withPermits(folds, 1), Effect.catch(ofModelError(see.events)))
    const { complete, reached, skipped, steps, stopped, stored, verdict } = explained
    if (steps.length === 0 && stopped === undefined && complete && (stored ?? null) === null) {
      return yield* new Unknown({ detail: `No event of the log touches the row ${key}` })
    }
    const head = yield* Effect.catchTag(events.head, "EventStoreError", unavailable)
    const answer: ExplainedRow = {
      key,
      ...(see.rows && stored !== undefined ? { stored } : {}),
      verdict,
      position: reached ?? asOf.position ?? head,
      complete,
      skipped,
      steps: steps.map(({ after, before, event }) => ({
        event,
        ...(see.rows ? { before, after } : {}),
        changed: changedFields(before, after)
      })),
      searched: {
        events: explained.events,
        millis: (yield* Clock.currentTimeMillis) - begun
      },
      withheld: !see.events || !see.rows
    }
    return stopped === undefined
      ? answer
      : { ...answer, stopped: yield* stopOf(stopped.poison, see.events) }
  })

  /** Returns the event that ended a fold. */
  const stopOf = Effect.fnUntraced(function* (
    { issue, position }: { readonly issue: string; readonly position: Position.Position },
    isShown: boolean
  ) {
    const event = yield* events.readAll({ upTo: position, direction: "backward", limit: 1 }).pipe(
      Stream.runHead,
      Effect.catchTags({ InvalidReadOption: Effect.die, EventStoreError: unavailable }),
      Effect.flatMap((found) => Effect.orDie(Effect.fromOption(found)))
    )
    return {
      event: line(presented, event, { shown: isShown }),
      ...(isShown ? { issue } : {})
    }
  })

  const difference = Effect.fnUntraced(function* ({
    params: { model },
    query: { from, show, to }
  }: OfModel & {
    readonly query: Show & { readonly from: Position.Position; readonly to?: Position.Position }
  }) {
    const begun = yield* Clock.currentTimeMillis
    const { projection } = yield* modelOf(model)
    const { events: seesEvents, rows: isShown } = yield* shown(["log", "read"], show, { model })
    const problem = ofModelError(seesEvents)
    const end = to ?? (yield* Effect.catch(projections.status(model), problem)).position
    const before = yield* Effect.catch(tables.get(projection, { position: from }), problem)
    const after = yield* Effect.catch(tables.get(projection, { position: end }), problem)
    const { rows: differing, ...counts } = yield* tableDifference(before.rows, after.rows)
    const answer: TableDifference = {
      ...counts,
      rows: differing.map((one) => (isShown ? one : { key: one.key, kind: one.kind })),
      millis: (yield* Clock.currentTimeMillis) - begun,
      withheld: !isShown
    }
    return answer
  })

  return {
    list: () => Effect.succeed(Array.from(models.values(), headOf)),
    rows,
    explain,
    difference
  }
}

/** Returns the point as of which to fold; undefined for now. */
const pointOf = ({ occurredAt, position, recordedAt }: AsOf) => {
  const points: ReadonlyArray<At> = [
    ...(position === undefined ? [] : [{ position }]),
    ...(recordedAt === undefined ? [] : [{ recordedAt }]),
    ...(occurredAt === undefined ? [] : [{ occurredAt }])
  ]
  return points.length > 1
    ? Effect.fail(malformed(["query"], "has more than one of position, recordedAt and occurredAt"))
    : Effect.succeed(points[0])
}

const headOf = (projection: Projection.Any): ReadModelHead => {
  const { columns, indexes, name, primaryKey, version } = Result.getOrThrow(
    ReadModelTable.make(projection)
  )
  const leading = new Set([primaryKey, ...indexes].map(([first]) => first?.field))
  return {
    name,
    version,
    categories: projection.from.map(({ category }) => category),
    columns: columns.map(({ field, nullable, type }) => ({
      field,
      type,
      nullable,
      isKey: primaryKey.some((one) => one.field === field),
      indexed: leading.has(field),
      sortable: !nullable && type !== "jsonb"
    })),
    namesStreams: projection.streams !== undefined
  }
}

const orderOf = (table: ReadModelTable.Any, by: string | undefined, isShown: boolean) => {
  if (by === undefined) return Effect.succeed([])
  const descending = by.startsWith("-")
  const field = descending ? by.slice(1) : by
  const column = table.columns.find((one) => one.field === field)
  if (column === undefined || column.nullable || column.type === "jsonb") {
    return Effect.fail(malformed(["query", "by"], `rows have no order by ${field}`))
  }
  if (!isShown && !table.primaryKey.includes(column)) {
    return Effect.fail(
      new NotPossible({ detail: "Values are withheld: rows can't be ordered by them" })
    )
  }
  return Effect.succeed([{ field, direction: descending ? ("desc" as const) : ("asc" as const) }])
}

const keyOf = (table: ReadModelTable.Any, text: string): Result.Result<object, string> =>
  Result.gen(function* () {
    const values = yield* Result.mapError(
      decodeValues(text),
      () => "is not a JSON array of the values of the primary key"
    )
    if (values.length !== table.primaryKey.length) {
      return yield* Result.fail(
        `has ${values.length} values, the key has ${table.primaryKey.length}`
      )
    }
    const key = Object.fromEntries(
      table.primaryKey.map(({ field }, place) => [field, values[place] ?? null])
    )
    const decoded = yield* table.decodeKey(key)
    // A key that no store can hold has no row.
    yield* table.encodeKey(decoded)
    return decoded
  })

const decodeValues = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Array(Schema.Json)))

/** A cursor has the values that decide the place of a row, and grants nothing. */
const cursorOf = (table: ReadModelTable.Any, orderBy: RowQuery["orderBy"], row: StoredRow) => {
  const fields = new Set([...orderBy, ...table.primaryKey].map(({ field }) => field))
  return Base64Url.encode(
    JSON.stringify(Object.fromEntries([...fields].map((field) => [field, row[field] ?? null])))
  )
}

const decodeRow = Schema.decodeUnknownResult(Schema.fromJsonString(Row))

/** A cursor that a client made up has no values that a store can't compare. */
const parseCursor = (
  table: ReadModelTable.Any,
  orderBy: RowQuery["orderBy"],
  cursor: string
): Result.Result<StoredRow, unknown> =>
  Result.gen(function* () {
    const row = yield* Result.flatMap(Base64Url.decodeString(cursor), decodeRow)
    const fields = new Set([...orderBy, ...table.primaryKey].map(({ field }) => field))
    for (const column of table.columns) {
      if (fields.has(column.field)) yield* comparable(column, row[column.field] ?? null)
    }
    return row
  })
