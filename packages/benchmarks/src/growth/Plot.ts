/**
 * The curves of growth as a picture: the speed on each log by that on the shortest.
 */
import type { Growth } from "./Growth.ts"

const WIDTH = 780
const HEIGHT = 340
/** The room around the curves: their names stand to the right of them. */
const ROOM = { left: 48, right: 270, top: 16, bottom: 44 }
const LINE = 15
const MOST = 1.2

/** Lines are told apart by their dashes, and by the name at their end. */
const DASHES = ["none", "6 3", "2 3", "10 3 2 3", "12 4", "4 6"]

/** Draws the rows, of which each has a figure for every log. */
export const svg = (rows: ReadonlyArray<Growth>): string => {
  const logs = rows[0]?.figures.map(({ log }) => log) ?? []
  const [least, most] = [Math.log10(Math.min(...logs)), Math.log10(Math.max(...logs))]
  const x = (log: number) =>
    ROOM.left + ((Math.log10(log) - least) / (most - least)) * (WIDTH - ROOM.left - ROOM.right)
  const y = (ratio: number) =>
    HEIGHT - ROOM.bottom - (Math.min(ratio, MOST) / MOST) * (HEIGHT - ROOM.top - ROOM.bottom)
  const right = WIDTH - ROOM.right
  const grid = [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2].map(
    (ratio) =>
      `<line class="grid" x1="${ROOM.left}" x2="${right}" y1="${round(y(ratio))}" y2="${round(y(ratio))}"/>` +
      `<text class="tick" text-anchor="end" x="${ROOM.left - 8}" y="${round(y(ratio) + 4)}">${ratio.toFixed(1)}</text>`
  )
  const ticks = logs.map(
    (log) =>
      `<text class="tick" text-anchor="middle" x="${round(x(log))}" y="${HEIGHT - ROOM.bottom + 18}">${log.toLocaleString("en")}</text>`
  )
  const curves = apart(rows.map((row) => ({ row, at: y(row.figures.at(-1)?.ratio ?? 1) }))).map(
    ({ at, row }, index) => {
      const points = row.figures.map(({ log, ratio }) => `${round(x(log))},${round(y(ratio))}`)
      const end = y(row.figures.at(-1)?.ratio ?? 1)
      return (
        `<polyline class="curve" stroke-dasharray="${DASHES[index % DASHES.length]}" points="${points.join(" ")}"/>` +
        `<line class="lead" x1="${right}" x2="${right + 12}" y1="${round(end)}" y2="${round(at)}"/>` +
        `<text x="${right + 16}" y="${round(at + 4)}">${escaped(`${row.name}, ${row.concurrency}`)}</text>`
      )
    }
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="The speed on logs of several lengths by the speed on the shortest">`,
    `<style>${style}</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}"/>`,
    ...grid,
    ...ticks,
    `<text class="tick" text-anchor="middle" x="${(ROOM.left + right) / 2}" y="${HEIGHT - 8}">events in the log</text>`,
    ...curves,
    "</svg>",
    ""
  ].join("\n")
}

/** Moves names apart that would stand on one another. */
const apart = (
  named: ReadonlyArray<{ readonly row: Growth; readonly at: number }>
): ReadonlyArray<{ readonly row: Growth; readonly at: number }> => {
  const sorted = named.toSorted((one, other) => one.at - other.at)
  let last = -Infinity
  return sorted.map(({ at, row }) => {
    last = Math.max(at, last + LINE)
    return { row, at: last }
  })
}

const round = (value: number): number => Math.round(value * 10) / 10

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

const style =
  "rect{fill:#fbfcf9}text{font:13px sans-serif;fill:#17212a}.tick{font-size:12px;fill:#42505a}" +
  ".grid{stroke:#d3ddd5}.curve{fill:none;stroke:#0b4c86;stroke-width:1.5}.lead{stroke:#a5b5ac}" +
  "@media (prefers-color-scheme:dark){rect{fill:#141a1e}text{fill:#e2e8e3}.tick{fill:#b4bfbd}" +
  ".grid{stroke:#263036}.curve{stroke:#93c0f2}.lead{stroke:#46535a}}"
