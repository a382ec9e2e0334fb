/** Values of JSON: each is shown as text, whatever it holds. */
import type { ReactNode } from "react"
import { useState } from "react"
import type { Json } from "./difference.ts"
import { isFields } from "./difference.ts"

/** Says a value in one line. */
export const sayValue = (value: Json | undefined): string => {
  if (value === undefined) return ""
  if (typeof value === "string") return value
  if (typeof value === "number") return sayNumber(value)
  return JSON.stringify(value)
}

const grouped = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 20 })

/** Says a number with its thousands apart. */
export const sayNumber = (value: number | bigint): string => grouped.format(value)

/** Returns the indented text of a value as spans: names and strings stand apart from the rest. */
const print = (value: Json, indent: string): ReadonlyArray<ReactNode> => {
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    if (value.length === 0) return ["[]"]
    return [
      "[\n",
      ...value.flatMap((item: Json, index) => [
        inner,
        ...print(item, inner),
        index < value.length - 1 ? ",\n" : "\n"
      ]),
      `${indent}]`
    ]
  }
  if (isFields(value)) {
    const entries = Object.entries(value)
    if (entries.length === 0) return ["{}"]
    return [
      "{\n",
      ...entries.flatMap(([name, item], index) => [
        inner,
        <span key={`${inner}${name}`} className="k">
          {JSON.stringify(name)}
        </span>,
        ": ",
        ...print(item, inner),
        index < entries.length - 1 ? ",\n" : "\n"
      ]),
      `${indent}}`
    ]
  }
  return typeof value === "string"
    ? [
        <span key={`${indent}${value.slice(0, 40)}`} className="s">
          {JSON.stringify(value)}
        </span>
      ]
    : [JSON.stringify(value)]
}

/** More characters than this wait for a click, so that one huge event does not freeze the page. */
const SHOWN_AT_FIRST = 20_000

/** A value with its fields on lines. */
export const JsonText = ({ value, label }: { readonly value: Json; readonly label: string }) => {
  const [isWhole, setWhole] = useState(false)
  const text = JSON.stringify(value, null, 2)
  const isCut = text.length > SHOWN_AT_FIRST && !isWhole
  return (
    <>
      <pre tabIndex={0} aria-label={label}>
        {isCut ? `${text.slice(0, SHOWN_AT_FIRST)}…` : <>{...print(value, "")}</>}
      </pre>
      {isCut ? (
        <button className="btn" type="button" onClick={() => setWhole(true)}>
          Show all {sayNumber(text.length)} characters
        </button>
      ) : null}
    </>
  )
}
