/** The field for the point as of which a view is folded. */
import { useEffect, useState } from "react"
import { parseAsOf } from "./asOf.ts"

export const AsOfField = ({
  label,
  value,
  placeholder = "now",
  onChange
}: {
  readonly label: string
  readonly value: string
  readonly placeholder?: string
  readonly onChange: (text: string | undefined) => void
}) => {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  const isRight = parseAsOf(text) !== undefined
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (isRight) onChange(text.trim() === "" || text.trim() === "now" ? undefined : text.trim())
      }}
    >
      <label className="row">
        <span className="q2">{label}</span>
        <input
          className="in"
          size={19}
          placeholder={placeholder}
          aria-invalid={!isRight}
          title="A position, or a time such as 2026-11-26 15:00; Enter folds it"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      </label>
    </form>
  )
}
