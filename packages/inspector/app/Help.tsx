/** The keys of the page, and the preferences that have no other place where it is narrow. */
import { useRef } from "react"
import { useAtom } from "./atoms.ts"
import { Dialog } from "./Dialog.tsx"
import { inUtc, setSingleKeys, singleKeys, toggleZone } from "./preferences.ts"
import { zoneName } from "./Time.tsx"

const keys: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
  [["/"], "find"],
  [["g", "s"], "streams; likewise g l log, g r read models, g o operation, g c catalogue"],
  [["j", "k"], "next and previous line of a list"],
  [["Enter"], "open the line"],
  [["←", "→"], "a revision back and on, in a stream; a step, in a row"],
  [["[", "]"], "ten revisions back and on"],
  [["Home", "End"], "before the first event; the newest"],
  [["u"], "times in your zone, or in UTC"],
  [["t"], "light or dark"],
  [["c"], "copy a link to exactly this view"],
  [["p"], "print an extract of the ledger, in a stream"],
  [["Space"], "pause or follow the log; stop or start looking, in operation"],
  [["?"], "these keys"],
  [["Esc"], "leave a field, close a dialog"]
]

export const Help = ({ onEnd }: { readonly onEnd: () => void }) => {
  const areOn = useAtom(singleKeys)
  const utc = useAtom(inUtc)
  const start = useRef<HTMLButtonElement>(null)
  return (
    <Dialog head="help-head" start={start} onEnd={onEnd}>
      <div className="pad">
        <h2 id="help-head">Keys</h2>
        <dl className="keys">
          {keys.map(([names, does]) => (
            <div key={does} className="key-line">
              <dt>
                {names.map((name) => (
                  <kbd key={name}>{name}</kbd>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <p className="q2 pad0">No key acts while a field has the focus, or a dialog is open.</p>
      </div>
      <footer>
        <label className="check">
          <input
            type="checkbox"
            checked={areOn}
            onChange={({ target }) => setSingleKeys(target.checked)}
          />{" "}
          Single keys act
        </label>
        <label className="check">
          <input type="checkbox" checked={utc} onChange={toggleZone} /> Times in UTC, not in{" "}
          {zoneName(false)}
        </label>
        <button ref={start} className="btn push" type="button" onClick={onEnd}>
          Close
        </button>
      </footer>
    </Dialog>
  )
}
