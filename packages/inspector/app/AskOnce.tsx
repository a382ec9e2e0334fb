/** A dialog that names an act, says what will happen, and asks once. */
import { useRef, useState } from "react"
import { Dialog } from "./Dialog.tsx"

/** An act that waits for a yes. */
export interface Ask {
  readonly title: string
  readonly about: string
  /** What will happen, each a fact. */
  readonly facts: ReadonlyArray<string>
  /** The verb of the act, and the answer that leaves everything as it is. */
  readonly yes: string
  readonly no: string
  readonly isRisky?: boolean
  /** True if the act must have a reason. */
  readonly needsReason?: boolean
  readonly act: (reason: string | undefined) => void
}

const MAX_REASON = 1000

/**
 * Shows the dialog of an act; the reason has the focus. On a button the first blank of a reason
 * that is typed at once would press it.
 */
export const AskOnce = ({ ask, onEnd }: { readonly ask: Ask; readonly onEnd: () => void }) => {
  const start = useRef<HTMLInputElement>(null)
  const [reason, setReason] = useState("")
  const [isMissing, setMissing] = useState(false)
  const agree = (): void => {
    const text = reason.trim()
    if (ask.needsReason === true && text === "") {
      setMissing(true)
      start.current?.focus()
      return
    }
    onEnd()
    ask.act(text === "" ? undefined : text)
  }
  return (
    <Dialog head="ask-head" start={start} onEnd={onEnd}>
      <div className="pad">
        <h2 id="ask-head">{ask.title}</h2>
        <p className="q2">{ask.about}</p>
        <ul className="acts">
          {ask.facts.map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
          <li>Recorded: you, now, and the reason.</li>
        </ul>
        <div className="field">
          <label htmlFor="ask-reason">
            Reason{ask.needsReason === true ? "" : " (may be left out)"}
          </label>
          <input
            ref={start}
            className="in"
            id="ask-reason"
            required={ask.needsReason === true}
            autoComplete="off"
            maxLength={MAX_REASON}
            value={reason}
            aria-invalid={isMissing}
            aria-describedby={isMissing ? "ask-missing" : undefined}
            onChange={({ target }) => setReason(target.value)}
          />
          {isMissing ? (
            <p className="err" id="ask-missing" role="alert">
              This act is recorded with a reason: say one.
            </p>
          ) : null}
        </div>
      </div>
      <footer>
        <button className="btn" type="button" onClick={onEnd}>
          {ask.no}
        </button>
        <button
          className={ask.isRisky === true ? "btn risk" : "btn go"}
          type="button"
          onClick={agree}
        >
          {ask.yes}
        </button>
      </footer>
    </Dialog>
  )
}
