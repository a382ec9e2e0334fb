/**
 * The point in a stream, by two sliders: revisions above at equal distances, time below as it
 * passed, and a line from each revision to its moment.
 */
import { memo, useMemo } from "react"
import { useAtom } from "./atoms.ts"
import { inUtc } from "./preferences.ts"
import { sayTime, Time } from "./Time.tsx"
import * as TimeAxis from "./timeAxis.ts"

/** The times of a stream by revision, in milliseconds. */
interface Times {
  readonly occurred: ReadonlyArray<number>
  readonly recorded: ReadonlyArray<number>
}

export type Clock = keyof Times

/** Lines to each moment are drawn up to this many revisions, and from there bars of density. */
const MAX_LINES = 200
/** Bars at each second pixel of a wide window. */
const BARS = 600

interface Props {
  readonly times: Times
  readonly clock: Clock
  readonly typeAt: (revision: number) => string | undefined
  readonly revision: number
  /** The time at which the slider of time stands, if it stands between events. */
  readonly asOf: number | undefined
  readonly against: string
  readonly onRevision: (revision: number) => void
  readonly onTime: (at: number) => void
  readonly onClock: (clock: Clock) => void
  readonly onAgainst: (against: string) => void
}

const placeClass = (at: number, revision: number): string =>
  at === revision ? "here" : at > revision ? "later" : ""

/** Where it is narrow, every second time is left out; of those to the millisecond, all but the outer two. */
const tickClass = (index: number, axis: TimeAxis.TimeAxis): string => {
  const place = index === 0 ? "first" : index === axis.ticks.length - 1 ? "last" : "inner"
  const form = TimeAxis.formOf(axis)
  const isWide = form === "millis" ? place === "inner" : index % 2 === 1
  return `${form} ${place}${isWide ? " wide-only" : ""}`
}

const Moments = ({
  axis,
  times,
  revision
}: {
  readonly axis: TimeAxis.TimeAxis
  readonly times: ReadonlyArray<number>
  readonly revision: number
}) => {
  const last = times.length
  return times.map((time, index) => {
    const above = `${((index + 1) / last) * 100}%`
    const below = `${TimeAxis.place(axis, time)}%`
    return (
      <g key={index} className={placeClass(index + 1, revision)}>
        <line x1={above} y1="38" x2={below} y2="78" />
        <line x1={below} y1="78" x2={below} y2="86" />
        <circle cx={above} cy="34" r={last > 60 ? 2 : 3.5} />
      </g>
    )
  })
}

const Densities = memo(function Densities({
  axis,
  times
}: {
  readonly axis: TimeAxis.TimeAxis
  readonly times: ReadonlyArray<number>
}) {
  const counts = useMemo(() => TimeAxis.densities(axis, times, BARS), [axis, times])
  const most = Math.max(...counts)
  return (
    <g className="density">
      {counts.map((count, bin) =>
        count === 0 ? null : (
          <rect
            key={bin}
            x={`${(bin / BARS) * 100}%`}
            width={`${80 / BARS}%`}
            y={82 - 4 - (32 * Math.log1p(count)) / Math.log1p(most)}
            height={4 + (32 * Math.log1p(count)) / Math.log1p(most)}
          />
        )
      )}
    </g>
  )
})

/** Shows the two sliders under a bar that says the point. */
export const Scrubber = (props: Props) => {
  const { times, clock, typeAt, revision, asOf } = props
  const utc = useAtom(inUtc)
  const shown = times[clock]
  const last = shown.length
  const axis = useMemo(() => {
    const [first = 0] = shown
    const offset = utc ? 0 : -new Date(first).getTimezoneOffset() * 60_000
    const [earliest, latest] = [
      shown.reduce((least, time) => Math.min(least, time), first),
      shown.reduce((most, time) => Math.max(most, time), first)
    ]
    return earliest === latest ? undefined : TimeAxis.make(earliest, latest, offset)
  }, [shown, utc])
  const reached = useMemo(() => TimeAxis.reached(shown), [shown])
  const here = revision === 0 ? undefined : reached[revision - 1]
  const moment =
    asOf !== undefined
      ? `as of ${sayTime(asOf, "full", utc)}`
      : here === undefined
        ? "before the first event"
        : sayTime(shown[revision - 1] ?? here, "full", utc)
  const byHand = !["before", "newest"].includes(props.against)
  return (
    <section className="scrub" aria-label="Point in the stream">
      <div className="bar row">
        <button
          className="btn sq"
          type="button"
          aria-label="A revision back"
          disabled={revision === 0}
          onClick={() => props.onRevision(revision - 1)}
        >
          ←
        </button>
        <button
          className="btn sq"
          type="button"
          aria-label="A revision on"
          disabled={revision === last}
          onClick={() => props.onRevision(revision + 1)}
        >
          →
        </button>
        <output>
          Revision {revision} of {last}
        </output>
        <span className="q2" data-out="at">
          {moment}
        </span>
        <div className="row push">
          <span className="q2">times as</span>
          <div className="seg" role="group" aria-label="Times as">
            {(["occurred", "recorded"] as const).map((name) => (
              <button
                key={name}
                className="btn"
                type="button"
                aria-pressed={clock === name}
                onClick={() => props.onClock(name)}
              >
                {name}
              </button>
            ))}
          </div>
          <label className="row wide-only">
            <span className="q2">against</span>
            <select
              aria-label="Compare with"
              value={byHand ? "revision" : props.against}
              onChange={({ target }) =>
                props.onAgainst(target.value === "revision" ? "0" : target.value)
              }
            >
              <option value="before">the step before</option>
              <option value="revision">a revision…</option>
              <option value="newest">the newest</option>
            </select>
          </label>
          {byHand ? (
            <input
              className="in revision"
              type="number"
              aria-label="Compare with revision"
              min={0}
              max={last}
              value={props.against}
              onChange={({ target }) => props.onAgainst(target.value)}
            />
          ) : null}
        </div>
      </div>
      {axis === undefined ? (
        <p className="pad q2">
          {last === 0 ? "No events." : <OneMoment at={shown[0] ?? 0} clock={clock} count={last} />}
        </p>
      ) : null}
      <div className={axis === undefined ? "plot one" : "plot"}>
        <svg aria-hidden="true">
          <line className="axis" x1="0" x2="100%" y1="34" y2="34" />
          {TimeAxis.labelled(last, 12).map((label) => (
            <g key={label} className={placeClass(label, revision)}>
              <text x={`${(label / Math.max(1, last)) * 100}%`} y="15">
                {label}
              </text>
              {label === 0 ? <circle cx="0" cy="34" r="3" /> : null}
            </g>
          ))}
          {axis === undefined ? null : (
            <>
              <line className="axis" x1="0" x2="100%" y1="82" y2="82" />
              {axis.ticks.map((tick, index) => (
                <g key={tick}>
                  <line
                    className="axis"
                    x1={`${TimeAxis.place(axis, tick)}%`}
                    x2={`${TimeAxis.place(axis, tick)}%`}
                    y1="82"
                    y2="92"
                  />
                  <text
                    x={`${TimeAxis.place(axis, tick)}%`}
                    y="108"
                    className={tickClass(index, axis)}
                  >
                    {sayTime(tick, TimeAxis.formOf(axis), utc)}
                  </text>
                </g>
              ))}
              {last <= MAX_LINES ? (
                <Moments axis={axis} times={shown} revision={revision} />
              ) : (
                <Densities axis={axis} times={shown} />
              )}
            </>
          )}
        </svg>
        <input
          className="r1"
          type="range"
          min={0}
          max={last}
          step={1}
          value={revision}
          aria-label="Revision"
          aria-valuetext={
            revision === 0
              ? "revision 0: nothing has happened"
              : `revision ${revision} of ${last}, ${typeAt(revision) ?? ""}, ${moment}`
          }
          onChange={({ target }) => props.onRevision(Number(target.value))}
        />
        {axis === undefined ? null : (
          <input
            className="r2"
            type="range"
            min={axis.start}
            max={axis.end}
            step={Math.max(1, Math.floor((axis.end - axis.start) / 2000))}
            value={asOf ?? here ?? axis.start}
            aria-label="Time"
            aria-valuetext={`${moment}: revision ${revision}, ${typeAt(revision) ?? "no event"}`}
            onChange={({ target }) => props.onTime(Number(target.value))}
          />
        )}
      </div>
    </section>
  )
}

const OneMoment = ({
  at,
  clock,
  count
}: {
  readonly at: number
  readonly clock: Clock
  readonly count: number
}) => (
  <>
    {count === 1 ? "The event" : `All ${count} events`} {clock} at <Time at={at} form="full" />: one
    moment, so there is no slider of time.
  </>
)
