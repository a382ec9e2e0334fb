/** Values that the host withholds until they are asked for. */
import { showValues } from "./host.ts"

/** A bar in the place of a withheld value. */
export const Bar = () => (
  <span className="hidden-data">
    <span className="sr">withheld</span>
  </span>
)

/** Says that values are withheld, and asks for them. */
export const Withheld = ({ is }: { readonly is: boolean }) =>
  is ? (
    <div className="call wait row">
      <span>
        Values are withheld from you here; types, times and sizes are not.
        <span className="q2"> Showing them is recorded with your name.</span>
      </span>
      <button className="btn push" type="button" onClick={showValues}>
        Show values
      </button>
    </div>
  ) : null
