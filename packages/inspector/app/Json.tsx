/** Values of JSON: each is shown as text, whatever it holds. */
import type { ReactNode } from "react"
import { useMemo, useState } from "react"
import type { Json } from "./difference.ts"
import { compareLines } from "./lineDifference.ts"

const grouped = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 20 })

/** Says a number with its thousands apart. */
export const sayNumber = (value: number | bigint): string => grouped.format(value)

/** Says a value in one line. */
export const sayValue = (value: Json | undefined): string => {
  if (value === undefined) return ""
  if (typeof value === "string") return value
  if (typeof value === "number") return sayNumber(value)
  return JSON.stringify(value)
}

/** Says a count with the name of what is counted. */
export const sayCount = (count: number, one: string, many = `${one}s`): string =>
  `${sayNumber(count)} ${count === 1 ? one : many}`

const print = (value: Json): ReadonlyArray<string> => JSON.stringify(value, null, 2).split("\n")

/** A line as `JSON.stringify` prints it: its indent, the name of a field, and the rest. */
const field = /^(\s*)("(?:[^"\\]|\\.)*")(: )(.*)$/s

const lineOf = (line: string): ReactNode => {
  const [, indent, name, colon, rest] = field.exec(line) ?? []
  if (name === undefined) return line
  return (
    <>
      {indent}
      <span className="k">{name}</span>
      {colon}
      {rest}
    </>
  )
}

/** More lines than this wait for a press, so that one huge event does not freeze the page. */
const SHOWN_AT_FIRST = 400

const Lines = ({
  lines,
  label,
  marked,
  mark
}: {
  readonly lines: ReadonlyArray<string>
  readonly label: string
  readonly marked: ReadonlySet<number>
  readonly mark: "add" | "del"
}) => {
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? lines : lines.slice(0, SHOWN_AT_FIRST)
  return (
    <>
      <pre tabIndex={0} aria-label={label}>
        {shown.map((line, index) =>
          marked.has(index) ? (
            <span key={index} className={`ln ${mark}`}>
              {lineOf(line)}
              <span className="sr"> {mark === "add" ? "added" : "removed"}</span>
            </span>
          ) : (
            <span key={index}>
              {lineOf(line)}
              {"\n"}
            </span>
          )
        )}
      </pre>
      {shown.length < lines.length ? (
        <button className="btn" type="button" onClick={() => setWhole(true)}>
          Show all {sayCount(lines.length, "line")}
        </button>
      ) : null}
    </>
  )
}

const noMarks: ReadonlySet<number> = new Set()

/** A value with its fields on lines. */
export const JsonText = ({ value, label }: { readonly value: Json; readonly label: string }) => {
  const lines = useMemo(() => print(value), [value])
  return <Lines lines={lines} label={label} marked={noMarks} mark="add" />
}

/** Two values side by side; the lines that one of them lacks are marked in the other. */
export const JsonPair = ({
  before,
  after,
  heads,
  labels
}: {
  readonly before: Json
  readonly after: Json
  readonly heads: readonly [ReactNode, ReactNode]
  readonly labels: readonly [string, string]
}) => {
  const [older, newer, marks] = useMemo(() => {
    const [one, other] = [print(before), print(after)]
    return [one, other, compareLines(one, other)]
  }, [before, after])
  return (
    <div className="forms">
      <div>
        <h3>{heads[0]}</h3>
        <Lines lines={older} label={labels[0]} marked={marks.before} mark="del" />
      </div>
      <div>
        <h3>{heads[1]}</h3>
        <Lines lines={newer} label={labels[1]} marked={marks.after} mark="add" />
      </div>
    </div>
  )
}
