/** All events in the order of their positions: live, paused, and backwards to the first. */
import type { EventLine, LogPage as Page } from "@daybook/inspector/Answer"
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { parsePosition } from "./asOf.ts"
import { useAtom } from "./atoms.ts"
import { FindField } from "./FindField.tsx"
import { useWhole } from "./halfTyped.ts"
import { Host, millisOf, useHostNow, usePages, useShow } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import { useKeys } from "./keys.ts"
import type { LedgerItem } from "./Ledger.tsx"
import { Ledger } from "./Ledger.tsx"
import type { LiveLog } from "./live.ts"
import { open } from "./live.ts"
import type { Condition } from "./logFilter.ts"
import { parseFilter, queryOf, sayFilter, sayUnknown } from "./logFilter.ts"
import type { LogWindow } from "./logWindow.ts"
import { MAX_HELD, rate, RATE_SECONDS } from "./logWindow.ts"
import { Empty, Waiting } from "./Notices.tsx"
import { Head, Link } from "./Shell.tsx"
import { sayTime, Time } from "./Time.tsx"
import { Withheld } from "./Withheld.tsx"

const PAGE = 100
/** A scroll by more than this from the top pauses the log, in pixels. */
const AWAY = 80
/** The rate is drawn each second. */
const TICK = 1000

/** The log of a filter; the one before it stays until the first page is there. */
const useLog = (log: LiveLog) => {
  const now = useAtom(log.window)
  useAtom(log.feed)
  useAtom(log.refill)
  const kept = useRef({ log, window: now })
  if (now.isRead || !kept.current.window.isRead) kept.current = { log, window: now }
  return { ...kept.current, isWaiting: !now.isRead, problem: now.problem }
}

export const LogPage = ({ here }: { readonly here: Address }) => {
  const text = here.query.get("q") ?? ""
  const below = parsePosition(here.query.get("before") ?? "")
  const hasData = here.query.get("data") === "1"
  const show = useShow()
  const typed = useMemo(() => parseFilter(text), [text])
  const wrong = sayUnknown(typed)
  const filter = useWhole(typed, wrong, typed)
  const [visit, setVisit] = useState(0)
  const asked = useMemo(
    () => open(filter, below, { ...(hasData ? { data: true } : {}), ...show }),
    // Each visit to the newest part is a view of its own.
    [filter, below, hasData, show, visit]
  )
  const { log, window, isWaiting, problem } = useLog(asked)
  const { events, floor, held, isPaused, waiting } = window
  const key = `${log.id} ${floor ?? ""}`
  const [more, setMore] = useState({ key, count: 0 })
  const count = more.key === key ? more.count : 0
  const read = useCallback(
    (before: Page | undefined) => {
      const from = before === undefined ? floor : before.next
      return from === undefined
        ? undefined
        : Host.query("log", "page", {
            query: {
              ...queryOf(filter),
              below: from,
              ...(hasData ? { data: true } : {}),
              limit: PAGE,
              ...show
            }
          })
    },
    [filter, floor, hasData, show]
  )
  const earlier = usePages(read, count)
  // The event at which the view stood before it showed some of those that came.
  const [stood, setStood] = useState<string>()
  const isWhole = waiting === held.length
  const showHeld = (): void => {
    setStood(isWhole ? undefined : events[0]?.id)
    log.show()
    if (isWhole) scrollTo(0, 0)
  }
  const toNewest = (): void => {
    setStood(undefined)
    setVisit((now) => now + 1)
    if (below !== undefined) replace(withQuery(here, { before: undefined }))
    scrollTo(0, 0)
  }
  const turn = (): void => {
    if (!isPaused) log.pause()
    else if (below === undefined && isWhole) showHeld()
    else toNewest()
  }
  useKeys({ " ": turn })
  useEffect(() => {
    const scrolled = () => {
      if (scrollY > AWAY) log.pause()
    }
    addEventListener("scroll", scrolled, { passive: true })
    return () => removeEventListener("scroll", scrolled)
  }, [log])
  const items = useMemo(
    () => linesOf(events, earlier.pages, hasData),
    [events, earlier.pages, hasData]
  )
  const stoodAt = stood === undefined ? -1 : items.findIndex((item) => item.key === stood)
  const onEnd = useCallback(() => setMore({ key, count: count + 1 }), [key, count])
  const onFind = useCallback((wanted: string) => replace(withQuery(here, { q: wanted })), [here])
  const without = (one: Condition) =>
    go(withQuery(here, { q: sayFilter(filter.conditions.filter((other) => other !== one)) }))
  const fault = problem ?? earlier.problem
  return (
    <>
      <Head title="Log">
        All events in the order of their positions, newest above.
        {window.isRead ? <> Settled to {sayNumber(window.settled)}.</> : null}
      </Head>
      <div className="sheet">
        <div className="row pad">
          <button className="btn" type="button" aria-pressed={isPaused} onClick={turn}>
            {isPaused ? "Follow" : "Pause"} <kbd aria-hidden="true">Space</kbd>
          </button>
          <span role="status">
            {below !== undefined ? (
              <span className="st paused">paused below position {sayNumber(below)}</span>
            ) : isPaused ? (
              <span className="st paused">paused</span>
            ) : window.isConnected ? (
              <span className="st live">following, a line as it is settled</span>
            ) : (
              <span className="st behind">connecting</span>
            )}
          </span>
          {isPaused ? null : <Rate window={window} />}
        </div>
        <div className="row pad filters">
          <FindField
            label="Filter the log"
            placeholder="category: type: actor:, and not: before one of them"
            value={text}
            wrong={wrong}
            onFind={onFind}
          />
          {filter.conditions.map((one) => (
            <span key={sayFilter([one])} className="tag on">
              {one.isNot ? "not " : ""}
              {one.field} {one.value}
              <button
                className="x"
                type="button"
                aria-label={`Without ${sayFilter([one])}`}
                onClick={() => without(one)}
              >
                ×
              </button>
            </span>
          ))}
          <label className="check">
            <input
              type="checkbox"
              checked={hasData}
              onChange={({ target }) =>
                replace(withQuery(here, { data: target.checked ? 1 : undefined }))
              }
            />{" "}
            data in a line
          </label>
        </div>
      </div>
      {waiting === 0 ? null : (
        <div className="call wait row">
          <span>
            <b>{sayCount(waiting, "event")}</b>{" "}
            <span className="q2">came since; nothing moves until you say so.</span>
          </span>
          <span className="row push">
            <button className="btn" type="button" disabled={held.length === 0} onClick={showHeld}>
              Show {isWhole ? "" : "the next "}
              {sayCount(held.length === 0 ? Math.min(waiting, MAX_HELD) : held.length, "event")}
            </button>
            {isWhole ? null : (
              <button className="btn" type="button" onClick={toNewest}>
                Go to the newest
              </button>
            )}
          </span>
        </div>
      )}
      {fault === undefined ? null : (
        <div className="call bad" role="alert">
          <strong>Cannot read the log</strong>
          <p>{fault}</p>
        </div>
      )}
      <Withheld is={window.withheld} />
      {!window.isRead ? (
        problem === undefined ? (
          <Waiting what="the log" />
        ) : null
      ) : items.length === 0 ? (
        <div className="sheet" aria-busy={isWaiting}>
          <Empty title="No event">
            {text === ""
              ? "The log is empty: an event stands here as soon as it is settled."
              : "No event of the searched part fulfils the filter."}
          </Empty>
        </div>
      ) : (
        <div className="sheet" aria-busy={isWaiting || earlier.isWaiting}>
          <Ledger
            key={log.id}
            label="Events of the log"
            columns={6}
            items={items}
            here={stoodAt < 0 ? undefined : stoodAt}
            lookAt={(index) => (index === stoodAt ? "here" : undefined)}
            onEnd={earlier.hasMore && !earlier.isWaiting ? onEnd : undefined}
            head={
              <>
                <th className="mg" scope="col">
                  Recorded
                </th>
                <th className="n" scope="col">
                  Position
                </th>
                <th scope="col">Event</th>
                <th scope="col">Stream</th>
                <th className="n" scope="col">
                  Rev.
                </th>
                <th scope="col">By</th>
              </>
            }
          />
        </div>
      )}
      {window.isRead ? (
        <Searched
          next={earlier.pages.length === 0 ? floor : earlier.pages.at(-1)?.next}
          onMore={onEnd}
        />
      ) : null}
    </>
  )
}

/** Says how far a filter has searched, and searches on when asked. */
const Searched = ({
  next,
  onMore
}: {
  readonly next: Page["next"]
  readonly onMore: () => void
}) => (
  <p className="row pad q2">
    {next === undefined ? (
      "This is the first event of the log."
    ) : (
      <>
        <span>Searched down to position {sayNumber(next)}.</span>
        <button className="btn" type="button" onClick={onMore}>
          Earlier
        </button>
      </>
    )}
  </p>
)

const linesOf = (
  newest: ReadonlyArray<EventLine>,
  pages: ReadonlyArray<Page>,
  hasData: boolean
): ReadonlyArray<LedgerItem> => {
  const items: Array<LedgerItem> = []
  let head = ""
  for (const event of [...newest, ...pages.flatMap(({ events }) => events)]) {
    const at = millisOf(event.recordedAt)
    const minute = sayTime(at, "day", false)
    if (minute !== head) {
      head = minute
      items.push({
        key: `day ${minute} ${event.id}`,
        look: "day",
        cells: () => (
          <>
            <th className="mg" scope="rowgroup">
              <Time at={at} form="day" />
            </th>
            <td colSpan={5} />
          </>
        )
      })
    }
    const to = href(["streams", event.streamId], { rev: event.revision })
    items.push({
      key: event.id,
      onOpen: () => go(to),
      cells: () => (
        <>
          <td className="mg">
            <Time at={at} form="hms" />
          </td>
          <td className="n gone">{sayNumber(event.position)}</td>
          <td className="main cut w2">
            <Link className="ev" to={to}>
              {event.type}
            </Link>
            <span className="what">
              {hasData && event.data !== undefined ? (
                <code>{JSON.stringify(event.data)}</code>
              ) : (
                event.text
              )}
            </span>
          </td>
          <td className="two-of cut w1">
            <span className="id">{event.streamId}</span>
          </td>
          <td className="n side">{event.revision}</td>
          <td className="side2">{event.actor}</td>
        </>
      )
    })
  }
  return items
}

/** The number of events of each of the last seconds, by the clock of the host. */
const Rate = ({ window }: { readonly window: LogWindow }) => {
  const now = useHostNow(TICK)
  const { counts, over } = rate(window, now)
  if (over === 0) return null
  const counted = counts.slice(counts.length - over)
  const sum = counted.reduce((one, other) => one + other, 0)
  const most = Math.max(...counted)
  return (
    <span className="row push wide-only">
      <svg
        className="bars"
        viewBox={`0 0 ${RATE_SECONDS * 2} 22`}
        width={RATE_SECONDS * 2}
        height={22}
        aria-hidden="true"
      >
        {counted.map((count, index) => (
          <rect
            key={index}
            x={(RATE_SECONDS - over + index) * 2}
            width="1.5"
            y={22 - (20 * count) / Math.max(1, most)}
            height={(20 * count) / Math.max(1, most)}
          />
        ))}
      </svg>
      <span>
        <b>{sayNumber(Math.round((sum / over) * 10) / 10)}</b>{" "}
        <span className="q2">events/s over the last {over} s</span>
      </span>
      <span>
        <b>{sayNumber(most)}</b> <span className="q2">at most in a second</span>
      </span>
    </span>
  )
}
