/** A question that is being typed: its last whole form stands until the next one is whole. */
import { useState } from "react"

/** Returns the newest value that is not wrong; `first` before there is one. */
export const useWhole = <A>(value: A, wrong: string | undefined, first: A): A => {
  const [whole, setWhole] = useState<{ readonly value: A }>({ value: first })
  if (wrong !== undefined) return whole.value
  if (whole.value !== value) setWhole({ value })
  return value
}
