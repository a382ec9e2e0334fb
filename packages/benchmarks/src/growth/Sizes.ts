/**
 * The sizes of the measured logs, as they are named on the command line.
 */
import * as Option from "effect/Option"
import { GROUP } from "./Fill.ts"

/** Numbers of events, increasing. */
export type Sizes = readonly [number, ...Array<number>]

/** The sizes that {@link parse} accepts. */
export const EXPECTED = `a list of multiples of ${GROUP.toLocaleString("en")}, increasing, such as 10000,1000000`

/** Reads sizes that are separated by commas; returns none unless they are as {@link EXPECTED}. */
export const parse = (text: string): Option.Option<Sizes> => {
  const [first = NaN, ...others] = text.split(",").map(Number)
  const sizes: Sizes = [first, ...others]
  const are = sizes.every(
    (size, index) => size % GROUP === 0 && size > (index === 0 ? 0 : (sizes[index - 1] ?? 0))
  )
  return are ? Option.some(sizes) : Option.none()
}
