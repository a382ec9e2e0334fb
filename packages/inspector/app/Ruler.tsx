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

/** Shows buckets from the newest down; a press goes to the first stream of one. */
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
  const every = Math.max(1, Math.ceil(LABEL / step))
  return (
    <svg className="ruler" viewBox={`0 0 76 ${height}`} preserveAspectRatio="xMinYMin meet">
      <title>All of them by their last change</title>
      <rect className="view" x="0" y={first * step} width="40" height={(last - first + 1) * step} />
      {buckets.map(({ at, offset, streams }, index) => (
        <g key={at} onClick={() => onGo(offset)}>
          <title>
            {sayTime(at, form === "day" ? "day" : "full", utc)}: {sayNumber(streams)} streams
          </title>
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
      ))}
    </svg>
  )
}
