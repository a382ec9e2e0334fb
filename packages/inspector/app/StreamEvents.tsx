/** The lines of a stream's events. */
import type { StreamId } from "@daybook/kernel/StreamId"
import { useMemo } from "react"
import { go } from "./address.ts"
import { useAnswer } from "./atoms.ts"
import type { Course } from "./course.ts"
import { eventOf, eventsWith } from "./course.ts"
import { catalogue, useShow } from "./host.ts"
import { sayNumber } from "./Json.tsx"
import { Blank, Ledger } from "./Ledger.tsx"
import type { LedgerItem } from "./Ledger.tsx"
import type { Clock } from "./Scrubber.tsx"
import { Link } from "./Shell.tsx"
import { sayTime, Time } from "./Time.tsx"
import { Bar } from "./Withheld.tsx"

interface EventsProps {
  readonly streamId: StreamId
  readonly course: Course
  readonly clock: Clock
  readonly revision: number
  readonly figure: string | undefined
  readonly to: (revision: number) => string
}

/** Where an event of an older version is stored, its line says so. */
const useNewest = (): ReadonlyMap<string, number> => {
  const known = useAnswer(catalogue).value
  return useMemo(
    () =>
      new Map(
        (known?.codecs ?? []).flatMap(({ types }) =>
          types.map(({ type, newest }) => [type, newest] as const)
        )
      ),
    [known]
  )
}

/** The events of a stream; those after the point stay listed, in a lighter ink. */
export const StreamEvents = ({ streamId, course, clock, revision, figure, to }: EventsProps) => {
  const show = useShow()
  const newest = useNewest()
  const hasActors = course.actors.some((actor) => actor !== undefined)
  const columns = 3 + (hasActors ? 1 : 0) + (figure === undefined ? 0 : 1)
  const [items, places] = useMemo(() => {
    const lines: Array<LedgerItem> = []
    const placed: Array<number> = []
    let day = ""
    for (const [index, at] of course[clock].entries()) {
      const today = sayTime(at, "day", false)
      if (today !== day) {
        day = today
        lines.push({
          key: `day ${index}`,
          look: "day",
          cells: () => (
            <>
              <th className="mg" scope="rowgroup">
                <Time at={at} form="day" />
              </th>
              <td colSpan={columns - 1} />
            </>
          )
        })
      }
      const own = index + 1
      placed.push(lines.length)
      lines.push({
        key: String(own),
        onOpen: () => go(to(own)),
        cells: (look) => (
          <EventCells
            streamId={streamId}
            course={course}
            at={at}
            revision={own}
            isHere={look === "here"}
            newest={newest.get(course.types[index] ?? "")}
            hasActors={hasActors}
            hasFigure={figure !== undefined}
            to={to(own)}
            show={show}
          />
        )
      })
    }
    return [lines, placed]
  }, [course, clock, columns, hasActors, figure, newest, streamId, to, show])
  const last = course.types.length
  const here = revision === 0 ? 0 : (places[revision - 1] ?? 0)
  return (
    <Ledger
      label="Events of the stream"
      isInside
      columns={columns}
      items={items}
      total={last}
      here={here}
      lookAt={(index) =>
        index === here && revision > 0 ? "here" : index > here ? "later" : undefined
      }
      head={
        <>
          <th className="mg" scope="col">
            Time
          </th>
          <th className="n" scope="col">
            Rev.
          </th>
          <th scope="col">Event</th>
          {hasActors ? <th scope="col">By</th> : null}
          {figure === undefined ? null : (
            <th className="n" scope="col">
              {figure}
            </th>
          )}
        </>
      }
      foot={
        <>
          <tr className="note">
            <td className="mg" />
            <td />
            <td className="q2" colSpan={columns - 2}>
              no event yet; the next is revision {sayNumber(last + 1)}
            </td>
          </tr>
          <Blank columns={columns} count={2} />
        </>
      }
    />
  )
}

const EventCells = ({
  streamId,
  course,
  at,
  revision,
  isHere,
  newest,
  hasActors,
  hasFigure,
  to,
  show
}: {
  readonly streamId: StreamId
  readonly course: Course
  readonly at: number
  readonly revision: number
  readonly isHere: boolean
  readonly newest: number | undefined
  readonly hasActors: boolean
  readonly hasFigure: boolean
  readonly to: string
  readonly show: { readonly show?: true }
}) => {
  const page = useAnswer(eventsWith(streamId, revision, show)).value
  const line = eventOf(page, revision)
  const version = course.versions[revision - 1] ?? 0
  return (
    <>
      <td className="mg">
        <Time at={at} form="hms" />
      </td>
      <td className="n side">{revision}</td>
      <td className="main cut w3">
        <Link className="ev" to={to} aria-current={isHere ? "true" : undefined}>
          {course.types[revision - 1] ?? ""}
        </Link>{" "}
        {newest !== undefined && newest > version ? (
          <span className="tag">
            v{version} → v{newest}
          </span>
        ) : null}
        <span className="what">{line?.text ?? (page?.withheld === true ? <Bar /> : null)}</span>
      </td>
      {hasActors ? <td className="two-of">{course.actors[revision - 1]}</td> : null}
      {hasFigure ? <td className="n side2">{line?.figure}</td> : null}
    </>
  )
}
