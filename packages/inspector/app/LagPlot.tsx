/** The number of events by which read models are behind, over the last minutes. */
import { useEffect, useRef } from "react"
import uPlot from "uplot"
import { useAtom } from "./atoms.ts"
import { sayNumber } from "./Json.tsx"
import { inUtc } from "./preferences.ts"
import { sayTime } from "./Time.tsx"

/** The lags of one read model at the times of a plot. */
export interface Series {
  readonly name: string
  readonly state: "steady" | "behind" | "stopped"
  readonly lags: ReadonlyArray<number | null>
}

const HEIGHT = 240
/** The width to the right of the lines, in which their names stand. */
const LABELS = 170
const LABEL_HEIGHT = 16
/** Below this many seconds the ticks of the plot are less than a minute apart. */
const SHORT = 600

/** A canvas knows no custom property, so that an element says the colour of one. */
const colourOf = (element: HTMLElement, token: string): string => {
  const probe = document.createElement("span")
  probe.style.color = `var(${token})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

const inks = { steady: "--ink-2", behind: "--chg", stopped: "--del" } as const

/** Places labels from the lowest upwards, so that none covers another. */
const spread = (places: ReadonlyArray<number>): ReadonlyArray<number> => {
  const order = places.map((_, index) => index)
  order.sort((one, other) => (places[other] ?? 0) - (places[one] ?? 0))
  const placed = [...places]
  let above = Number.POSITIVE_INFINITY
  for (const index of order) {
    placed[index] = Math.min(placed[index] ?? 0, above - LABEL_HEIGHT)
    above = placed[index]
  }
  return placed
}

const sayLast = ({ name, lags }: Series): string => `${name} ${sayNumber(lags.at(-1) ?? 0)}`

/** Returns the series to draw: those that are at 0 all the time share one line and one label. */
const gathered = (series: ReadonlyArray<Series>): ReadonlyArray<Series> => {
  const quiet = series.filter(({ lags }) => lags.every((lag) => lag === null || lag === 0))
  if (quiet.length < 2) return series
  const [first] = quiet
  return first === undefined
    ? series
    : [
        ...series.filter((one) => !quiet.includes(one)),
        { ...first, name: quiet.length === series.length ? "all at" : `${quiet.length} others at` }
      ]
}

/** Draws the plot again when its data, its width, or the theme changes. */
export const LagPlot = ({
  times,
  series
}: {
  /** In seconds since 1970. */
  readonly times: ReadonlyArray<number>
  readonly series: ReadonlyArray<Series>
}) => {
  const utc = useAtom(inUtc)
  const box = useRef<HTMLDivElement>(null)
  const shown = gathered(series)
  useEffect(() => {
    const element = box.current
    if (element === null || times.length < 2) return
    const font = `12px ${getComputedStyle(element).fontFamily}`
    const draw = (): uPlot => {
      const [ink, rule] = [colourOf(element, "--ink-2"), colourOf(element, "--rule")]
      const form = (times.at(-1) ?? 0) - (times[0] ?? 0) < SHORT ? "hms" : "hm"
      const axis = { stroke: ink, font, grid: { stroke: rule, width: 1 }, ticks: { show: false } }
      return new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          padding: [8, LABELS, 0, 0],
          legend: { show: false },
          cursor: { show: false },
          scales: { y: { range: (_, __, most) => [0, Math.max(10, most * 1.1)] } },
          axes: [
            {
              ...axis,
              grid: { show: false },
              values: (_, ticks) => ticks.map((tick) => sayTime(tick * 1000, form, utc))
            },
            { ...axis, size: 60, values: (_, ticks) => ticks.map(sayNumber) }
          ],
          series: [
            {},
            ...shown.map(({ name, state }) => ({
              label: name,
              stroke: colourOf(element, inks[state]),
              width: state === "steady" ? 1.5 : 2,
              ...(state === "stopped" ? { dash: [6, 3] } : {}),
              points: { show: false }
            }))
          ],
          hooks: {
            draw: [
              (plot) => {
                const ratio = devicePixelRatio
                const { ctx, bbox } = plot
                const places = spread(shown.map(({ lags }) => plot.valToPos(lags.at(-1) ?? 0, "y")))
                ctx.save()
                ctx.font = `${12 * ratio}px ${getComputedStyle(element).fontFamily}`
                ctx.textAlign = "left"
                ctx.textBaseline = "middle"
                for (const [index, one] of shown.entries()) {
                  ctx.fillStyle = colourOf(element, inks[one.state])
                  ctx.fillText(
                    sayLast(one),
                    bbox.left + bbox.width + 8 * ratio,
                    bbox.top + (places[index] ?? 0) * ratio
                  )
                }
                ctx.restore()
              }
            ]
          }
        },
        [times, ...shown.map(({ lags }) => lags)] as unknown as uPlot.AlignedData,
        element
      )
    }
    let plot = draw()
    const again = (): void => {
      plot.destroy()
      plot = draw()
    }
    const sizes = new ResizeObserver(() => {
      if (Math.abs(plot.width - element.clientWidth) > 1) again()
    })
    sizes.observe(element)
    const themes = new MutationObserver(again)
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] })
    const system = matchMedia("(prefers-color-scheme: dark)")
    system.addEventListener("change", again)
    return () => {
      sizes.disconnect()
      themes.disconnect()
      system.removeEventListener("change", again)
      plot.destroy()
    }
  })
  return (
    <div
      ref={box}
      className="lag"
      role="img"
      aria-label={`Events behind the log: ${series.map(sayLast).join("; ")}`}
    />
  )
}

/** A small line without an axis, which only shows a course. */
export const Spark = ({ series }: { readonly series: Series }) => {
  const { lags, state } = series
  const most = Math.max(1, ...lags.map((lag) => lag ?? 0))
  const last = Math.max(1, lags.length - 1)
  const path = lags
    .map((lag, index) => (lag === null ? "" : `${(index / last) * 120} ${20 - (18 * lag) / most}`))
    .filter((point) => point !== "")
    .join("L")
  const look = { steady: "ln1", behind: "ln2", stopped: "ln3" }[state]
  return (
    <svg className="spark" viewBox="0 0 120 22" preserveAspectRatio="none" aria-hidden="true">
      {lags.length < 2 ? null : <path className={look} d={`M${path}`} />}
    </svg>
  )
}
