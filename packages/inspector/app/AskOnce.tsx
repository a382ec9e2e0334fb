/** A dialog that names an act, says what will happen, and asks once. */
import { useEffect, useRef, useState } from "react"

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

/** Shows the dialog of an act; the safe answer has the focus. */
export const AskOnce = ({ ask, onEnd }: { readonly ask: Ask; readonly onEnd: () => void }) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const safe = useRef<HTMLButtonElement>(null)
  const [reason, setReason] = useState("")
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    dialog.current?.showModal()
    safe.current?.focus()
  }, [])
  const agree = (): void => {
    const text = reason.trim()
    if (ask.needsReason === true && text === "") {
      setMissing(true)
      return
    }
    onEnd()
    ask.act(text === "" ? undefined : text)
  }
  return (
    <dialog ref={dialog} aria-labelledby="ask-head" onClose={onEnd}>
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
            className="in"
            id="ask-reason"
            autoComplete="off"
            maxLength={MAX_REASON}
            value={reason}
            aria-invalid={isMissing}
            aria-describedby={isMissing ? "ask-missing" : undefined}
            onChange={({ target }) => setReason(target.value)}
          />
          {isMissing ? (
            <p className="err" id="ask-missing">
              This act is recorded with a reason: say one.
            </p>
          ) : null}
        </div>
      </div>
      <footer>
        <button ref={safe} className="btn" type="button" onClick={() => dialog.current?.close()}>
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
    </dialog>
  )
}
