/** The whole of a long list by time, beside it: where the reader is, and how much there is. */
import type { FoundStreams } from "@daybook/inspector/StreamAnswer"
import { useAtom } from "./atoms.ts"
import { sayNumber } from "./Json.tsx"
import { inUtc } from "./preferences.ts"
import { sayTime } from "./Time.tsx"

type Buckets = NonNullable<FoundStreams["ruler"]>

const HEIGHT = 640
/** The distance between two labels. */
const LABEL = 56

/** How far a key moves, in buckets from the newest down. */
const steps: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowRight: 1,
  PageDown: 10,
  End: Number.POSITIVE_INFINITY,
  ArrowUp: -1,
  ArrowLeft: -1,
  PageUp: -10,
  Home: Number.NEGATIVE_INFINITY
}

/** Shows buckets from the newest down; a press or an arrow goes to the first stream of one. */
export const Ruler = ({
  ruler,
  start,
  shown,
  onGo
}: {
  readonly ruler: Buckets
  readonly start: number
  /** The number of streams that are in the list. */
  readonly shown: number
  readonly onGo: (offset: number) => void
}) => {
  const utc = useAtom(inUtc)
  const { buckets } = ruler
  const most = Math.max(...buckets.map(({ streams }) => streams))
  const step = Math.min(24, HEIGHT / buckets.length)
  const height = step * buckets.length
  const form = ruler.bucketMillis >= 86_400_000 ? "day" : "hm"
  const first = Math.max(
    0,
    buckets.findLastIndex(({ offset }) => offset <= start)
  )
  const last = Math.max(
    first,
    buckets.findLastIndex(({ offset }) => offset < start + shown)
  )
  const say = ({ at, streams }: Buckets["buckets"][number]): string =>
    `${sayTime(at, form === "day" ? "day" : "full", utc)}: ${sayNumber(streams)} streams`
  const here = buckets[first]
  const every = Math.max(1, Math.ceil(LABEL / step))
  return (
    <svg
      className="ruler"
      viewBox={`0 0 76 ${height}`}
      preserveAspectRatio="xMinYMin meet"
      role="slider"
      tabIndex={0}
      aria-label="All of them by their last change"
      aria-orientation="vertical"
      aria-valuemin={1}
      aria-valuemax={buckets.length}
      aria-valuenow={first + 1}
      aria-valuetext={here === undefined ? "" : say(here)}
      onKeyDown={(event) => {
        const by = steps[event.key]
        if (by === undefined) return
        event.preventDefault()
        onGo(buckets[Math.min(buckets.length - 1, Math.max(0, first + by))]?.offset ?? 0)
      }}
    >
      <rect className="view" x="0" y={first * step} width="40" height={(last - first + 1) * step} />
      {buckets.map((bucket, index) => {
        const { at, offset, streams } = bucket
        return (
          <g key={at} onClick={() => onGo(offset)}>
            <title>{say(bucket)}</title>
            <rect className="target" x="0" y={index * step} width="76" height={step} />
            <rect
              x="3"
              y={index * step + 1}
              width={Math.max(2, (34 * streams) / most)}
              height={Math.max(1, step - 2)}
            />
            {index % every === 0 ? (
              <text x="42" y={index * step + Math.min(step, 14)}>
                {sayTime(at, form, utc).replace(/^\w+ /, "").slice(0, 6)}
              </text>
            ) : null}
          </g>
        )
      })}
    </svg>
  )
}
