/** The one field of a screen, which `/` goes to. */
import { useEffect, useId, useRef, useState } from "react"

/** The time after the last key until it is searched for, in milliseconds. */
const PAUSE = 120

export const FindField = ({
  label,
  placeholder,
  value,
  wrong,
  onFind
}: {
  readonly label: string
  readonly placeholder: string
  readonly value: string
  /** The reason why the text is no search yet. */
  readonly wrong?: string | undefined
  readonly onFind: (text: string) => void
}) => {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  const why = useId()
  useEffect(() => {
    // The address moved by other means than the field, such as the way back.
    if (value !== sent.current) {
      sent.current = value
      setText(value)
    }
  }, [value])
  useEffect(() => {
    if (text === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text
      onFind(text)
    }, PAUSE)
    return () => clearTimeout(timer)
  }, [text, onFind])
  return (
    <>
      <div className="find">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="7" cy="7" r="4.5" />
          <path d="m10.5 10.5 4 4" />
        </svg>
        <input
          className="in"
          type="search"
          autoComplete="off"
          spellCheck={false}
          aria-label={label}
          placeholder={placeholder}
          value={text}
          aria-invalid={wrong !== undefined}
          aria-describedby={wrong === undefined ? undefined : why}
          onChange={({ target }) => setText(target.value)}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      <p className="err" id={why} role="status">
        {wrong}
      </p>
    </>
  )
}
