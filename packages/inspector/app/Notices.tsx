/** Views without their data: nothing there, not there yet, or not to be had. */
import type { ReactNode } from "react"
import { useEffect, useState } from "react"
import type { Answer } from "./atoms.ts"
import { Time } from "./Time.tsx"

/** A wait that is shorter than this, in milliseconds, shows nothing. */
const QUIET = 150

/** Grey bars at the height of the lines to come, after a moment. */
export const Waiting = ({ what }: { readonly what: string }) => {
  const [isLong, setLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), QUIET)
    return () => clearTimeout(timer)
  }, [])
  return isLong ? (
    <div className="sheet" aria-busy="true">
      <table className="ledger" aria-hidden="true">
        <tbody>
          {Array.from({ length: 8 }, (_, index) => (
            <tr key={index} className="wait-line">
              <td className="mg" />
              <td />
              <td />
            </tr>
          ))}
        </tbody>
      </table>
      <p className="pad q2" role="status">
        reading {what}
      </p>
    </div>
  ) : null
}

/** Says why an answer is missing or old. */
export const Problem = ({
  answer,
  what
}: {
  readonly answer: Answer<unknown>
  readonly what: string
}) =>
  answer.problem === undefined ? null : (
    <div className="call bad" role="alert">
      <strong>Cannot read {what}</strong>
      <p>
        {answer.problem}
        {answer.at === undefined ? null : (
          <>
            {" "}
            What is shown is as of <Time at={answer.at} form="hms" />.
          </>
        )}
      </p>
    </div>
  )

/** Shows an answer, or what became of it. */
export const Answered = <A,>({
  answer,
  what,
  children
}: {
  readonly answer: Answer<A>
  readonly what: string
  readonly children: (value: A) => ReactNode
}) => (
  <>
    <Problem answer={answer} what={what} />
    {answer.value === undefined ? (
      answer.problem === undefined ? (
        <Waiting what={what} />
      ) : null
    ) : (
      children(answer.value)
    )}
  </>
)

/** Says what would be here, and how to get it. */
export const Empty = ({
  title,
  children
}: {
  readonly title: string
  readonly children: ReactNode
}) => (
  <div className="state">
    <strong>{title}</strong>
    <p>{children}</p>
  </div>
)
