/** A stream at any revision and time: its events, the state then, and what changed. */
import type { StreamHead } from "@daybook/inspector/StreamAnswer"
import * as StreamIds from "@daybook/kernel/StreamId"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { useCallback, useMemo, useState } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { useAnswer } from "./atoms.ts"
import type { Course } from "./course.ts"
import { courseOf, useSettled, useStates } from "./course.ts"
import { compare } from "./difference.ts"
import { useEventSheets } from "./EventSheets.tsx"
import { about, Host, millisOf, useShow } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import { useKeys } from "./keys.ts"
import { Answered, Empty } from "./Notices.tsx"
import type { Clock } from "./Scrubber.tsx"
import { Scrubber } from "./Scrubber.tsx"
import { copyLink, Head } from "./Shell.tsx"
import { StreamEvents } from "./StreamEvents.tsx"
import { StateSheet } from "./StateView.tsx"
import { sayTime, Time } from "./Time.tsx"
import * as TimeAxis from "./timeAxis.ts"
import { Withheld } from "./Withheld.tsx"

/** A slider must rest this long for the event to be read, in milliseconds. */
const REST = 120
const DAY = 86_400_000

export const StreamPage = ({ here, text }: { readonly here: Address; readonly text: string }) => {
  const streamId = useMemo(() => Schema.decodeUnknownOption(StreamIds.StreamId)(text), [text])
  return Option.isSome(streamId) ? (
    <KnownStream key={streamId.value} here={here} streamId={streamId.value} />
  ) : (
    <>
      <Head title={text} crumbs={[{ name: "Streams", to: href(["streams"]) }]} />
      <Empty title="No stream has this id">
        An id is a category, a hyphen and the rest, such as order-42.
      </Empty>
    </>
  )
}

const KnownStream = ({
  here,
  streamId
}: {
  readonly here: Address
  readonly streamId: StreamId
}) => {
  const show = useShow()
  const head = useAnswer(
    useMemo(
      () => Host.query("streams", "head", { params: { streamId }, query: show }),
      [streamId, show]
    )
  )
  const course = useAnswer(courseOf(streamId))
  return (
    <>
      {head.value === undefined ? (
        <Head title={streamId} crumbs={[{ name: "Streams", to: href(["streams"]) }]} />
      ) : null}
      <Answered answer={head} what={`the stream ${streamId}`}>
        {(known) => (
          <Answered answer={course} what={`the events of ${streamId}`}>
            {(events) => <Stream here={here} streamId={streamId} head={known} course={events} />}
          </Answered>
        )}
      </Answered>
    </>
  )
}

/** The point that an address names, or the newest revision. */
const pointOf = (here: Address, course: Course, clock: Clock) => {
  const last = course.types.length
  const at = Date.parse(here.query.get("at") ?? "")
  if (!Number.isNaN(at)) {
    return { revision: TimeAxis.countUpTo(TimeAxis.reached(course[clock]), at), asOf: at }
  }
  const named = here.query.get("rev")
  const revision = named === null ? last : Number.parseInt(named, 10)
  return {
    revision: Number.isNaN(revision) ? last : Math.min(last, Math.max(0, revision)),
    asOf: undefined
  }
}

/** Times are shown as recorded where an import makes that the only clock with a course. */
const usualClock = (course: Course): Clock =>
  course.recorded.some((time, index) => time - (course.occurred[index] ?? time) > DAY) &&
  course.occurred[0] === course.occurred.at(-1)
    ? "recorded"
    : "occurred"

const Stream = ({
  here,
  streamId,
  head,
  course
}: {
  readonly here: Address
  readonly streamId: StreamId
  readonly head: StreamHead
  readonly course: Course
}) => {
  const named = here.query.get("times")
  const usual = useMemo(() => usualClock(course), [course])
  const clock: Clock = named === "occurred" || named === "recorded" ? named : usual
  const last = course.types.length
  const { revision, asOf } = pointOf(here, course, clock)
  const against = here.query.get("against") ?? "before"
  const show = useShow()
  const [tab, setTab] = useState(here.query.get("show") ?? "events")
  const category = StreamIds.category(streamId)
  const presenter = useAnswer(about).value?.aggregates.find((one) => one.category === category)

  // It stays the same while the slider moves, and with it the lines of the list.
  const pointless = withQuery(here, { rev: undefined, at: undefined })
  const to = useCallback(
    (wanted: number) => {
      const url = new URL(pointless, location.origin)
      url.searchParams.set("rev", String(Math.min(last, Math.max(0, wanted))))
      return url.pathname + url.search
    },
    [pointless, last]
  )
  const slide = useCallback((wanted: number) => replace(to(wanted)), [to])
  const step = (by: number) => slide(revision + by)
  useKeys({
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    "[": () => step(-10),
    "]": () => step(10),
    Home: () => slide(0),
    End: () => slide(last),
    p: () => print()
  })
  const sheets = useEventSheets(streamId, useSettled(revision, REST))
  const actors = useMemo(
    () => [...new Set(course.actors.filter((actor) => actor !== undefined))],
    [course]
  )
  const times = { occurred: course.occurred, recorded: course.recorded }
  return (
    <div className="docked">
      <Extract streamId={streamId} course={course} head={head} />
      <Head
        title={streamId}
        crumbs={[
          { name: "Streams", to: href(["streams"]) },
          { name: category, to: href(["streams"], { q: `category:${category}` }) }
        ]}
        tools={
          <>
            <button className="btn" type="button" onClick={copyLink}>
              Copy link
            </button>
            <button className="btn wide-only" type="button" onClick={() => print()}>
              Print extract
            </button>
          </>
        }
      >
        {sayCount(last, "revision")}
        {last === 0 ? null : (
          <>
            , <Time at={course[clock][0] ?? 0} form="full" /> to{" "}
            <Time at={course[clock].at(-1) ?? 0} form={isOneDay(course[clock]) ? "hms" : "full"} />
          </>
        )}
        {actors.length === 0 ? null : <>, by {sayNames(actors)}</>}
      </Head>
      <Withheld is={head.withheld} />
      <Scrubber
        times={times}
        clock={clock}
        typeAt={(at) => course.types[at - 1]}
        revision={revision}
        asOf={asOf}
        against={against}
        onRevision={slide}
        onTime={(at) =>
          replace(withQuery(here, { rev: undefined, at: new Date(at).toISOString() }))
        }
        onClock={(name) => go(withQuery(here, { times: name }))}
        onAgainst={(name) => go(withQuery(here, { against: name === "before" ? undefined : name }))}
      />
      <div className="tabs seg no-print" role="group" aria-label="Show">
        {["events", "state", "event"].map((name) => (
          <button
            key={name}
            className="btn"
            type="button"
            aria-pressed={tab === name}
            onClick={() => {
              setTab(name)
              replace(withQuery(here, { show: name }))
            }}
          >
            {`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`}
          </button>
        ))}
      </div>
      <div className="stream" data-tab={tab}>
        <div>
          <section className="sheet t-events" aria-label="Events">
            <StreamEvents
              streamId={streamId}
              course={course}
              clock={clock}
              revision={revision}
              figure={presenter?.figure}
              to={to}
            />
          </section>
          <div className="t-event">{sheets.forms}</div>
        </div>
        <div>
          {head.hasState ? (
            <State
              streamId={streamId}
              revision={revision}
              against={againstOf(against, revision, last)}
              isStep={against === "before"}
              figure={presenter?.figure}
              lists={presenter?.lists ?? {}}
              show={show}
            />
          ) : (
            <section className="sheet t-state" aria-label="State">
              <Empty title="No state">
                This host has no aggregate of the category {category}, which would fold it.
              </Empty>
            </section>
          )}
          <div className="t-event why">{sheets.why}</div>
        </div>
      </div>
      <div className="dock">
        <button className="btn" type="button" aria-label="A revision back" onClick={() => step(-1)}>
          ←
        </button>
        <output>
          <b>
            Revision {revision} of {last}
          </b>
          <span>
            {revision === 0 ? (
              "before the first event"
            ) : (
              <Time at={course[clock][revision - 1] ?? 0} form="full" />
            )}
          </span>
        </output>
        <button className="btn" type="button" aria-label="A revision on" onClick={() => step(1)}>
          →
        </button>
      </div>
    </div>
  )
}

const againstOf = (named: string, revision: number, last: number): number => {
  if (named === "newest") return last
  const against = Number.parseInt(named, 10)
  return named === "before" || Number.isNaN(against)
    ? Math.max(0, revision - 1)
    : Math.min(last, Math.max(0, against))
}

const isOneDay = (times: ReadonlyArray<number>): boolean =>
  sayTime(times[0] ?? 0, "day", false) === sayTime(times.at(-1) ?? 0, "day", false)

const sayNames = (names: ReadonlyArray<string>): string =>
  names.length <= 3
    ? names.join(names.length === 2 ? " and " : ", ")
    : `${names.slice(0, 2).join(", ")} and ${names.length - 2} others`

const State = ({
  streamId,
  revision,
  against,
  isStep,
  figure,
  lists,
  show
}: {
  readonly streamId: StreamId
  readonly revision: number
  readonly against: number
  readonly isStep: boolean
  readonly figure: string | undefined
  readonly lists: Readonly<Record<string, ReadonlyArray<string>>>
  readonly show: { readonly show?: true }
}) => {
  const answer = useStates(streamId, revision, against, show)
  const { pair, stopped } = answer
  const parts = useMemo(
    () => (pair === undefined ? [] : compare(pair.before.state, pair.after.state, lists)),
    [pair, lists]
  )
  if (stopped !== undefined && revision >= stopped.revision) {
    return (
      <section className="sheet t-state" aria-label="State">
        <header>
          <h2>State at revision {revision}</h2>
        </header>
        <div className="call bad">
          <strong>It can’t fold the event at revision {stopped.revision}</strong>
          <p>{stopped.issue}</p>
        </div>
      </section>
    )
  }
  if (pair === undefined) {
    return (
      <section
        className="sheet t-state"
        aria-label="State"
        aria-busy={answer.problem === undefined}
      >
        <header>
          <h2>State at revision {revision}</h2>
        </header>
        <p className="pad q2">{answer.problem ?? "folding"}</p>
      </section>
    )
  }
  const compared = pair.before.revision
  return (
    <StateSheet
      title={
        isStep || compared === pair.after.revision
          ? `State at revision ${pair.after.revision}`
          : `State at revision ${pair.after.revision}, against ${compared}`
      }
      parts={parts}
      figure={
        figure === undefined
          ? undefined
          : { name: figure, before: pair.before.figure, after: pair.after.figure }
      }
      empty={answer.withheld ? "The state is withheld." : "The state has no field."}
    />
  )
}

/** The head of the printed extract. */
const Extract = ({
  streamId,
  course,
  head
}: {
  readonly streamId: StreamId
  readonly course: Course
  readonly head: StreamHead
}) => {
  const host = useAnswer(about).value
  const last = course.types.length
  return (
    <div className="print-only extract">
      <div>
        <p className="serif">
          <b>Daybook</b>: an extract of the ledger
        </p>
        <h2>{streamId}</h2>
        <p>
          Revisions 1 to {last}; last changed{" "}
          <Time at={millisOf(head.stream.recordedAt)} form="full" />.
        </p>
      </div>
      <dl>
        <dt>log</dt>
        <dd>{host?.log}</dd>
        <dt>positions</dt>
        <dd>
          {sayNumber(head.first.position)} to {sayNumber(head.stream.position)}
        </dd>
        {host?.actor === undefined ? null : (
          <>
            <dt>printed by</dt>
            <dd>{host.actor}</dd>
          </>
        )}
      </dl>
    </div>
  )
}
