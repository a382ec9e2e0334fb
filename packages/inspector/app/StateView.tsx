/** The state of a stream, with what changed marked in place. */
import type { ReactNode } from "react"
import type { Group, Line, Mark, Marks, Part, Table } from "./difference.ts"
import { countMarks, NO_FIELD } from "./difference.ts"
import { sayValue } from "./Json.tsx"

const signs: Record<Mark, string> = { same: "", add: "+", del: "−", chg: "~" }
const words: Record<Mark, string> = { same: "", add: "added", del: "removed", chg: "changed" }

const MarkCell = ({ mark }: { readonly mark: Mark }) => (
  <td className="mk">
    {signs[mark]}
    {mark === "same" ? null : <span className="sr"> {words[mark]}</span>}
  </td>
)

/** A value and, struck, the one before it. */
export const Change = ({
  before,
  after
}: {
  readonly before: ReactNode
  readonly after: ReactNode
}) => (
  <>
    {before === undefined ? null : (
      <>
        <del>
          <span className="sr">was </span>
          {before}
        </del>{" "}
      </>
    )}
    <ins>
      <span className="sr">now </span>
      {after}
    </ins>
  </>
)

const Value = ({ line }: { readonly line: Line }) =>
  line.mark === "chg" ? (
    <Change before={sayValue(line.before)} after={sayValue(line.after)} />
  ) : (
    sayValue(line.mark === "del" ? line.before : line.after)
  )

const rowClass = (mark: Mark): string | undefined => (mark === "same" ? undefined : mark)

const LineRow = ({ line, depth }: { readonly line: Line; readonly depth: number }) => (
  <tr className={rowClass(line.mark)}>
    <MarkCell mark={line.mark} />
    <th scope="row" className={depth > 0 ? "deep" : undefined}>
      {line.name}
    </th>
    <td>
      <Value line={line} />
    </td>
  </tr>
)

const isNumeric = (table: Table, column: number): boolean =>
  table.elements.every(({ cells }) => {
    const value = cells[column]?.after ?? cells[column]?.before
    return value === undefined || typeof value === "number"
  })

/** A list of a state has at most this many lines at first. */
const SHOWN = 200

const ListTable = ({ table, name }: { readonly table: Table; readonly name: string }) => {
  const isCompared = table.before !== undefined && table.after !== undefined
  const size =
    isCompared && table.before !== table.after
      ? `[${table.after}, was ${table.before}]`
      : `[${table.after ?? table.before}]`
  const marked = table.elements.filter(({ mark }) => mark !== "same")
  const shown = table.elements.length <= SHOWN ? table.elements : marked.slice(0, SHOWN)
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={name}>
      <table className="kv">
        <caption>
          {name} <span className="q2">{size}</span>
          {shown.length < table.elements.length ? (
            <span className="q2"> of which {shown.length} changed</span>
          ) : null}
        </caption>
        {table.columns.length === 0 ? null : (
          <thead>
            <tr>
              <th className="mk">
                <span className="sr">mark</span>
              </th>
              {table.columns.map((column, index) => (
                <th key={column} scope="col" className={isNumeric(table, index) ? "n" : undefined}>
                  {column === NO_FIELD ? <span className="sr">value</span> : column}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {shown.map((element, row) => (
            <tr key={row} className={rowClass(element.mark)}>
              <MarkCell mark={element.mark} />
              {element.cells.map((cell, index) => (
                <td key={cell.name} className={isNumeric(table, index) ? "n" : undefined}>
                  <Value line={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Runs of lines make one table; a list and a group each are a table of their own. */
const tables = (parts: ReadonlyArray<Part>): ReadonlyArray<ReadonlyArray<Line> | Table | Group> => {
  const found: Array<Array<Line> | Table | Group> = []
  for (const part of parts) {
    const last = found.at(-1)
    if (part.kind !== "line") found.push(part)
    else if (Array.isArray(last)) last.push(part)
    else found.push([part])
  }
  return found
}

/** Parts of a state, one table after the other. */
const Parts = ({
  parts,
  within
}: {
  readonly parts: ReadonlyArray<Part>
  /** The names of the values around them. */
  readonly within: ReadonlyArray<string>
}) => {
  const depth = within.length
  return tables(parts).map((item, index) => {
    if ("length" in item) {
      return (
        <table
          key={index}
          className="kv"
          aria-label={depth === 0 ? "Values of the state" : undefined}
        >
          {depth === 0 ? null : (
            <caption className={index > 0 ? "sr" : undefined}>{within.join(".")}</caption>
          )}
          <tbody>
            {item.map((line) => (
              <LineRow key={line.name} line={line} depth={depth} />
            ))}
          </tbody>
        </table>
      )
    }
    const path = [...within, item.name]
    return item.kind === "table" ? (
      <ListTable key={index} table={item} name={path.join(".")} />
    ) : (
      <Parts key={index} parts={item.parts} within={path} />
    )
  })
}

const plural: Record<keyof Marks, { readonly name: string; readonly word: string }> = {
  add: { name: "a1", word: "added" },
  del: { name: "d1", word: "removed" },
  chg: { name: "c1", word: "changed" }
}

/** The numbers of what was added, removed and changed. */
const MarkCounts = ({ marks }: { readonly marks: Marks }) => {
  const counted = (["add", "del", "chg"] as const).filter((mark) => marks[mark] > 0)
  return (
    <div className="marks push">
      {counted.map((mark) => (
        <span key={mark} className={plural[mark].name}>
          <b>{signs[mark]}</b>
          {marks[mark]} {plural[mark].word}
        </span>
      ))}
      {counted.length === 0 ? <span className="q2">nothing changed</span> : null}
    </div>
  )
}

/** What a presenter of the host says of a state, before and after. */
export interface Figure {
  readonly before: string | undefined
  readonly after: string | undefined
}

/** A state under its head. */
export const StateSheet = ({
  title,
  parts,
  figure,
  empty
}: {
  readonly title: string
  readonly parts: ReadonlyArray<Part>
  readonly figure: ({ readonly name: string } & Figure) | undefined
  /** Said where there is no state. */
  readonly empty: string
}) => (
  <section className="sheet t-state" aria-label="State">
    <header>
      <h2>{title}</h2>
      <MarkCounts marks={countMarks(parts)} />
    </header>
    {parts.length === 0 ? <p className="pad q2">{empty}</p> : <Parts parts={parts} within={[]} />}
    {figure?.after === undefined ? null : (
      <table className="kv" aria-label={figure.name}>
        <tbody>
          <tr className={figure.before === figure.after ? "sum" : "sum chg"}>
            <td className="mk" />
            <th scope="row">{figure.name}</th>
            <td className="n">
              {figure.before === figure.after || figure.before === undefined ? (
                <span className="to">{figure.after}</span>
              ) : (
                <>
                  <del>
                    <span className="sr">was </span>
                    {figure.before}
                  </del>{" "}
                  <span className="to">
                    <ins>
                      <span className="sr">now </span>
                      {figure.after}
                    </ins>
                  </span>
                </>
              )}
            </td>
          </tr>
        </tbody>
      </table>
    )}
  </section>
)
