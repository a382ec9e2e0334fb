/** The rows of a read model: filtered, ordered, as of a point, and the difference of two points. */
import type { ReadModelHead, Rows } from "@daybook/inspector/ReadModelAnswer"
import type * as Position from "@daybook/kernel/Position"
import { useCallback, useMemo, useState } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { parseAsOf, parsePosition } from "./asOf.ts"
import { AsOfField } from "./AsOfField.tsx"
import { useAnswer } from "./atoms.ts"
import { Cell, isNumeric } from "./Cell.tsx"
import type { Column } from "./Cell.tsx"
import { FindField } from "./FindField.tsx"
import { useWhole } from "./halfTyped.ts"
import { Host, usePages, useShow } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import type { LedgerItem } from "./Ledger.tsx"
import { Ledger } from "./Ledger.tsx"
import { Answered, Empty, Waiting } from "./Notices.tsx"
import { readModels } from "./ReadModelsPage.tsx"
import { sayKey, segmentsOf } from "./rowKey.ts"
import { copyLink, Head, Link } from "./Shell.tsx"
import { Change } from "./StateView.tsx"
import { Bar, Withheld } from "./Withheld.tsx"

const PAGE = 100

/** Shows what a read model's name stands for, or says that there is none. */
export const TablePage = ({ here, name }: { readonly here: Address; readonly name: string }) => {
  const answer = useAnswer(readModels)
  return (
    <Answered answer={answer} what="the read models">
      {(models) => {
        const model = models.find((one) => one.name === name)
        return model === undefined ? (
          <>
            <Head title={name} crumbs={[{ name: "Read models", to: href(["read-models"]) }]} />
            <Empty title="No read model has this name">
              There are {models.map((one) => one.name).join(", ")}.
            </Empty>
          </>
        ) : (
          <Table key={name} here={here} model={model} />
        )
      }}
    </Answered>
  )
}

/** Says which condition lacks its value: an empty text is written `""`. */
const sayLacking = (text: string): string | undefined => {
  const [, condition] = /(?:^|\s)(\w+\s*(?:!:|:|<=?|>=?))\s*$/.exec(text) ?? []
  return condition === undefined ? undefined : `A value is missing after ${condition}`
}

const Table = ({ here, model }: { readonly here: Address; readonly model: ReadModelHead }) => {
  const text = here.query.get("where") ?? ""
  const lacking = sayLacking(text)
  const where = useWhole(text, lacking, "")
  const by = here.query.get("by") ?? ""
  const at = here.query.get("at") ?? ""
  const from = parsePosition(here.query.get("from") ?? "")
  const show = useShow()
  const key = `${where} ${by} ${at}`
  const [more, setMore] = useState({ key, count: 1 })
  const count = more.key === key ? more.count : 1
  const read = useCallback(
    (before: Rows | undefined) => {
      if (before !== undefined && before.next === undefined) return undefined
      const conditions = where.split(/\s+(?=\w+\s*(?:!?:|[<>]))/).filter((part) => part !== "")
      return Host.query("readModels", "rows", {
        params: { model: model.name },
        query: {
          ...(conditions.length === 0 ? {} : { where: conditions }),
          ...(by === "" ? {} : { by }),
          ...(before?.next === undefined ? {} : { cursor: before.next }),
          limit: PAGE,
          ...parseAsOf(at),
          ...show
        }
      })
    },
    [model.name, where, by, at, show]
  )
  const found = usePages(read, count)
  const [first] = found.pages
  const columns = useMemo(
    () => [
      ...model.columns.filter(({ isKey }) => isKey),
      ...model.columns.filter(({ isKey }) => !isKey)
    ],
    [model.columns]
  )
  const items = useMemo(
    () =>
      found.pages.flatMap(({ rows }) =>
        rows.map(({ key: rowKey, row }): LedgerItem => {
          const to = href(["read-models", model.name, ...segmentsOf(rowKey)], { at })
          return {
            key: rowKey,
            onOpen: () => go(to),
            cells: () => (
              <>
                {columns.map((column, index) => (
                  <td
                    key={column.field}
                    className={cellClass(column, index)}
                    data-k={index > 1 ? column.field : undefined}
                  >
                    {index === 0 ? (
                      <Link className="id" to={to}>
                        <b>{sayKey(rowKey)}</b>
                      </Link>
                    ) : row === undefined ? (
                      <Bar />
                    ) : (
                      <Cell value={row[column.field]} column={column} form="full" />
                    )}
                  </td>
                ))}
              </>
            )
          }
        })
      ),
    [found.pages, columns, model.name, at]
  )
  const rowCount = found.pages.reduce((sum, { rows }) => sum + rows.length, 0)
  const onEnd = useCallback(() => setMore({ key, count: count + 1 }), [key, count])
  const onFind = useCallback(
    (wanted: string) => replace(withQuery(here, { where: wanted })),
    [here]
  )
  return (
    <>
      <Head
        title={model.name}
        crumbs={[{ name: "Read models", to: href(["read-models"]) }]}
        tools={
          <>
            <AsOfField
              label="as of"
              value={at}
              onChange={(wanted) => go(withQuery(here, { at: wanted }))}
            />
            <button className="btn" type="button" onClick={copyLink}>
              Copy link
            </button>
          </>
        }
      >
        version {model.version}, folds {model.categories.join(", ")}
      </Head>
      <div className="row" role="search">
        <FindField
          label="Filter rows"
          placeholder={`conditions, such as ${exampleOf(columns)}`}
          value={text}
          wrong={lacking ?? found.wrong}
          onFind={onFind}
        />
        <AsOfField
          label="differences since"
          placeholder="a position"
          value={here.query.get("from") ?? ""}
          onChange={(wanted) => go(withQuery(here, { from: wanted }))}
        />
      </div>
      <p className="row pad" role="status">
        {first === undefined ? null : (
          <span>
            <b>
              {first.count === undefined && found.hasMore ? "more than " : ""}
              {sayCount(first.count ?? rowCount, "row")}
            </b>{" "}
            <span className="q2">
              as of position {sayNumber(first.position)}, in {Math.max(1, Math.round(first.millis))}{" "}
              ms
            </span>
          </span>
        )}
      </p>
      {from === undefined ? null : (
        <Differences model={model.name} from={from} to={parsePosition(at)} columns={columns} />
      )}
      {found.problem === undefined || found.wrong !== undefined ? null : (
        <div className="call bad" role="alert">
          <strong>Cannot read the rows</strong>
          <p>{found.problem}</p>
        </div>
      )}
      <Withheld is={first?.withheld === true} />
      {first === undefined ? (
        found.problem === undefined ? (
          <Waiting what="the rows" />
        ) : null
      ) : items.length === 0 ? (
        <div className="sheet">
          <Empty title="No row">
            {where === "" ? "No event has made a row yet." : "No row fulfils the conditions."}
          </Empty>
        </div>
      ) : (
        <div className="sheet scroll table" aria-busy={found.isWaiting}>
          <Ledger
            key={key}
            label={`Rows of ${model.name}`}
            className="rows"
            isInside
            columns={columns.length}
            items={items}
            total={first.count}
            onEnd={found.hasMore && !found.isWaiting ? onEnd : undefined}
            head={columns.map((column, index) => (
              <ColumnHead key={column.field} column={column} index={index} by={by} here={here} />
            ))}
          />
        </div>
      )}
    </>
  )
}

const cellClass = (column: Column, index: number): string =>
  index === 0 ? "mg" : index === 1 ? "main" : isNumeric(column) ? "n two-of" : "two-of"

const exampleOf = (columns: ReadonlyArray<Column>): string => {
  const text = columns.find(({ type, indexed }) => type === "text" && indexed)
  const number = columns.find(isNumeric)
  return [
    text === undefined ? "" : `${text.field}:value`,
    number === undefined ? "" : `${number.field}>=3`
  ]
    .filter((part) => part !== "")
    .join(" ")
}

const ColumnHead = ({
  column,
  index,
  by,
  here
}: {
  readonly column: Column
  readonly index: number
  readonly by: string
  readonly here: Address
}) => {
  const isUp = by === column.field
  const isDown = by === `-${column.field}`
  const order = isUp ? "ascending" : isDown ? "descending" : undefined
  return (
    <th
      className={index === 0 ? "mg" : isNumeric(column) ? "n" : undefined}
      scope="col"
      aria-sort={order}
    >
      {column.sortable ? (
        <Link to={withQuery(here, { by: isUp ? `-${column.field}` : column.field })}>
          {column.field}
          {isUp ? " ↑" : isDown ? " ↓" : ""}
        </Link>
      ) : (
        column.field
      )}
    </th>
  )
}

/** The rows that differ between two positions. */
const Differences = ({
  model,
  from,
  to,
  columns
}: {
  readonly model: string
  readonly from: Position.Position
  readonly to: Position.Position | undefined
  readonly columns: ReadonlyArray<Column>
}) => {
  const show = useShow()
  const answer = useAnswer(
    useMemo(
      () =>
        Host.query("readModels", "difference", {
          params: { model },
          query: { from, ...(to === undefined ? {} : { to }), ...show }
        }),
      [model, from, to, show]
    )
  )
  return (
    <Answered answer={answer} what="the difference">
      {(difference) => (
        <section className="sheet gap" aria-label="Differences">
          <header>
            <h2>Since position {sayNumber(from)}</h2>
            <div className="marks push">
              <span className="a1">
                <b>+</b>
                {sayNumber(difference.added)} added
              </span>
              <span className="d1">
                <b>−</b>
                {sayNumber(difference.removed)} removed
              </span>
              <span className="c1">
                <b>~</b>
                {sayNumber(difference.changed)} changed
              </span>
            </div>
          </header>
          <div className="scroll" tabIndex={0} role="group" aria-label="Rows that differ">
            <table className="kv" aria-label="Rows that differ">
              <tbody>
                {difference.rows.map(({ key, kind, before, after }) => (
                  <tr key={key} className={{ added: "add", removed: "del", changed: "chg" }[kind]}>
                    <td className="mk">
                      {{ added: "+", removed: "−", changed: "~" }[kind]}
                      <span className="sr"> {kind}</span>
                    </td>
                    <th scope="row">
                      <Link to={href(["read-models", model, ...segmentsOf(key)])}>
                        {sayKey(key)}
                      </Link>
                    </th>
                    <td>
                      {columns
                        .filter(
                          ({ field, isKey }) =>
                            !isKey &&
                            JSON.stringify(before?.[field]) !== JSON.stringify(after?.[field])
                        )
                        .map((column) => (
                          <span key={column.field} className="change">
                            {column.field}{" "}
                            {kind === "changed" ? (
                              <Change
                                before={
                                  <Cell
                                    value={before?.[column.field]}
                                    column={column}
                                    form="full"
                                  />
                                }
                                after={
                                  <Cell value={after?.[column.field]} column={column} form="full" />
                                }
                              />
                            ) : (
                              <Cell
                                value={(after ?? before)?.[column.field]}
                                column={column}
                                form="full"
                              />
                            )}
                          </span>
                        ))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </Answered>
  )
}
