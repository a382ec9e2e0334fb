/** All events in the order of their positions: live, paused, and backwards to the first. */
import type { EventLine, LogPage as Page } from "@daybook/inspector/Answer"
import { useCallback, useEffect, useMemo, useState } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { parsePosition } from "./asOf.ts"
import { useAnswer } from "./atoms.ts"
import { FindField } from "./FindField.tsx"
import { Host, millisOf, usePages, useShow } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import { useKeys } from "./keys.ts"
import type { LedgerItem } from "./Ledger.tsx"
import { Ledger } from "./Ledger.tsx"
import type { Live } from "./live.ts"
import { follow } from "./live.ts"
import type { Condition } from "./logFilter.ts"
import { parseFilter, queryOf, sayFilter } from "./logFilter.ts"
import { Empty, Waiting } from "./Notices.tsx"
import { Head, Link } from "./Shell.tsx"
import { sayTime, Time } from "./Time.tsx"
import { Withheld } from "./Withheld.tsx"

const PAGE = 100
/** The rate is shown over this time, a bar for each second. */
const SECONDS = 60

const nothing: Live = { events: [], isConnected: false }

export const LogPage = ({ here }: { readonly here: Address }) => {
  const text = here.query.get("q") ?? ""
  const below = parsePosition(here.query.get("before") ?? "")
  const hasData = here.query.get("data") === "1"
  const show = useShow()
  const key = `${text} ${below ?? ""} ${hasData}`
  const filter = useMemo(() => parseFilter(text), [text])
  const [more, setMore] = useState({ key, count: 1 })
  const count = more.key === key ? more.count : 1
  const read = useCallback(
    (before: Page | undefined) => {
      if (before !== undefined && before.next === undefined) return undefined
      const from = before?.next ?? below
      return Host.query("log", "page", {
        query: {
          ...queryOf(filter),
          ...(from === undefined ? {} : { below: from }),
          ...(hasData ? { data: true } : {}),
          limit: PAGE,
          ...show
        }
      })
    },
    [filter, below, hasData, show]
  )
  const earlier = usePages(read, count)
  const liveAtom = useMemo(() => follow(filter, show), [filter, show])
  const live = useAnswer(liveAtom).value ?? nothing
  // Paused at so many events of the live log; what came since is counted.
  const [paused, setPaused] = useState<number | undefined>(below === undefined ? undefined : 0)
  const isPaused = paused !== undefined
  const total = live.events.length
  const pause = useCallback(
    (on: boolean) => setPaused(on ? (now) => now ?? total : undefined),
    [total]
  )
  useKeys({ " ": () => pause(!isPaused) })
  useEffect(() => {
    // A scroll away from the top pauses by itself.
    const scrolled = () => {
      if (scrollY > 80) pause(true)
    }
    addEventListener("scroll", scrolled, { passive: true })
    return () => removeEventListener("scroll", scrolled)
  }, [pause])
  const [first] = earlier.pages
  const shownLive = below === undefined ? live.events.slice(total - (paused ?? total)) : []
  const waiting = isPaused ? total - paused : 0
  const items = useMemo(
    () => linesOf(shownLive, earlier.pages, hasData),
    // The live events that are shown change with their number.
    [shownLive.length, shownLive[0]?.id, earlier.pages, hasData]
  )
  const onEnd = useCallback(() => setMore({ key, count: count + 1 }), [key, count])
  const onFind = useCallback((wanted: string) => replace(withQuery(here, { q: wanted })), [here])
  const without = (one: Condition) =>
    go(withQuery(here, { q: sayFilter(filter.conditions.filter((other) => other !== one)) }))
  return (
    <>
      <Head title="Log">
        All events in the order of their positions, newest above.
        {first === undefined ? null : <> Settled to {sayNumber(first.head)}.</>}
      </Head>
      <div className="sheet">
        <div className="row pad">
          <button
            className="btn"
            type="button"
            aria-pressed={isPaused}
            onClick={() => pause(!isPaused)}
          >
            {isPaused ? "Follow" : "Pause"} <kbd aria-hidden="true">Space</kbd>
          </button>
          <span role="status">
            {isPaused ? (
              <span className="st paused">
                paused{waiting === 0 ? "" : `; ${sayCount(waiting, "event")} came since`}
              </span>
            ) : live.isConnected ? (
              <span className="st live">following, a line as it is settled</span>
            ) : (
              <span className="st behind">connecting</span>
            )}
          </span>
          {waiting > 0 ? (
            <button
              className="btn go"
              type="button"
              onClick={() => {
                pause(false)
                scrollTo(0, 0)
              }}
            >
              Show {sayCount(waiting, "event")}
            </button>
          ) : null}
          <Rate events={live.events} />
        </div>
        <div className="row pad filters">
          <FindField
            label="Filter the log"
            placeholder="category: type: actor:, and not: before one of them"
            value={text}
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
        {filter.unknown.length === 0 ? null : (
          <p className="pad q2">
            Not understood: {filter.unknown.join(" ")}. A filter is category:, type: or actor: and a
            value.
          </p>
        )}
      </div>
      {earlier.problem === undefined ? null : (
        <div className="call bad" role="alert">
          <strong>Cannot read the log</strong>
          <p>{earlier.problem}</p>
        </div>
      )}
      <Withheld is={first?.withheld === true} />
      {first === undefined ? (
        earlier.problem === undefined ? (
          <Waiting what="the log" />
        ) : null
      ) : items.length === 0 ? (
        <div className="sheet">
          <Empty title="No event">
            {text === ""
              ? "The log is empty: an event stands here as soon as it is settled."
              : "No event of the searched part fulfils the filter."}
          </Empty>
        </div>
      ) : (
        <div className="sheet" aria-busy={earlier.isWaiting}>
          <Ledger
            key={key}
            label="Events of the log"
            columns={6}
            items={items}
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
      <Searched page={earlier.pages.at(-1)} hasMore={earlier.hasMore} onMore={onEnd} />
    </>
  )
}

/** Says how far a filter has searched, and searches on when asked. */
const Searched = ({
  page,
  hasMore,
  onMore
}: {
  readonly page: Page | undefined
  readonly hasMore: boolean
  readonly onMore: () => void
}) =>
  page === undefined ? null : (
    <p className="row pad q2">
      {page.next === undefined ? (
        "This is the first event of the log."
      ) : page.searched.below === undefined || !hasMore ? null : (
        <>
          <span>Searched down to position {sayNumber(page.searched.below)}.</span>
          <button className="btn" type="button" onClick={onMore}>
            Earlier
          </button>
        </>
      )}
    </p>
  )

const linesOf = (
  live: ReadonlyArray<EventLine>,
  pages: ReadonlyArray<Page>,
  hasData: boolean
): ReadonlyArray<LedgerItem> => {
  const items: Array<LedgerItem> = []
  const seen = new Set<string>()
  let head = ""
  for (const event of [...live, ...pages.flatMap(({ events }) => events)]) {
    // An event that settled while the first page was read is in both.
    if (seen.has(event.id)) continue
    seen.add(event.id)
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

/** The number of events of each of the last seconds. */
const Rate = ({ events }: { readonly events: ReadonlyArray<EventLine> }) => {
  const newest = events[0] === undefined ? 0 : millisOf(events[0].recordedAt)
  const counts = Array.from({ length: SECONDS }, () => 0)
  for (const event of events) {
    const ago = Math.floor((newest - millisOf(event.recordedAt)) / 1000)
    if (ago >= SECONDS) break
    const bar = SECONDS - 1 - Math.max(0, ago)
    counts[bar] = (counts[bar] ?? 0) + 1
  }
  const sum = counts.reduce((one, other) => one + other, 0)
  const most = Math.max(1, ...counts)
  return sum === 0 ? null : (
    <span className="row push wide-only">
      <svg
        className="bars"
        viewBox={`0 0 ${SECONDS * 2} 22`}
        width={SECONDS * 2}
        height={22}
        aria-hidden="true"
      >
        {counts.map((count, index) => (
          <rect
            key={index}
            x={index * 2}
            width="1.5"
            y={22 - (20 * count) / most}
            height={(20 * count) / most}
          />
        ))}
      </svg>
      <span>
        <b>{sayNumber(Math.round((sum / SECONDS) * 10) / 10)}</b>{" "}
        <span className="q2">events/s before the newest</span>
      </span>
      <span>
        <b>{sayNumber(most)}</b> <span className="q2">at most</span>
      </span>
    </span>
  )
}
