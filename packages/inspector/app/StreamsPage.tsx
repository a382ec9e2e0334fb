/** Finds a stream among all of them. */
import type { FoundStreams, Reading, StreamLine } from "@daybook/inspector/StreamAnswer"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import type { Address } from "./address.ts"
import { go, href, replace, withQuery } from "./address.ts"
import { registry, useAnswer } from "./atoms.ts"
import { FindField } from "./FindField.tsx"
import { useWhole } from "./halfTyped.ts"
import { about, Host, millisOf, timeOf, usePages, useShow } from "./host.ts"
import { sayNumber } from "./Json.tsx"
import type { LedgerItem } from "./Ledger.tsx"
import { Ledger } from "./Ledger.tsx"
import { Empty, Waiting } from "./Notices.tsx"
import { Ruler } from "./Ruler.tsx"
import { Head, Link } from "./Shell.tsx"
import { sayTime, Time } from "./Time.tsx"
import { Withheld } from "./Withheld.tsx"

const PAGE = 100
const HOUR = 3_600_000

const changes: ReadonlyArray<readonly [string, string]> = [
  ["", "changed at any time"],
  ["1h", "in the last hour"],
  ["24h", "in the last day"],
  ["168h", "in the last week"]
]

const orders = [
  ["change", "by last change"],
  ["id", "by id"],
  ["revision", "by revision"]
] as const

type Order = (typeof orders)[number][0]

const sayOrder: Readonly<Record<Order, string>> = {
  change: "newest change first",
  id: "in the order of their ids",
  revision: "longest first"
}

/** Says what a text was understood as, after the number of streams that it found. */
const sayReading = ({ by, text }: Reading, isOne: boolean): string => {
  const noun = isOne ? "stream" : "streams"
  const verb = (one: string, many: string) => `${noun} ${isOne ? one : many} ${text}`
  return {
    all: noun,
    id: verb("is", "are"),
    prefix: verb("begins with", "begin with"),
    part: verb("contains", "contain"),
    category: `${noun} of the category ${text}`,
    type: `${noun} with an event ${text}`,
    actor: `${noun} with an event by ${text}`,
    correlation: `${noun} with an event of the correlation ${text}`,
    event: `${noun} with the event ${text}`
  }[by]
}

const sayCount = ({ streams, exact }: FoundStreams["count"]): string =>
  exact ? sayNumber(streams) : `at least ${sayNumber(streams)}`

const isOne = ({ streams }: FoundStreams["count"]): boolean => streams === 1

const streamHref = (streamId: string, revision?: number): string =>
  href(["streams", streamId], { rev: revision })

/** The part of an id that was searched for stands out. */
const Id = ({ id, reading }: { readonly id: string; readonly reading: Reading }) => {
  const at =
    reading.by === "prefix" || reading.by === "id"
      ? 0
      : reading.by === "part"
        ? id.indexOf(reading.text)
        : -1
  const length = reading.text.length
  if (at < 0 || length === 0 || !id.startsWith(reading.text, at)) return id
  return (
    <>
      {id.slice(0, at)}
      <mark>{id.slice(at, at + length)}</mark>
      {id.slice(at + length)}
    </>
  )
}

const linesOf = (
  pages: ReadonlyArray<FoundStreams>,
  isByChange: boolean
): ReadonlyArray<LedgerItem> => {
  const items: Array<LedgerItem> = []
  const seen = new Set<string>()
  let day = ""
  for (const page of pages) {
    for (const line of page.streams) {
      // A stream may be on two pages if others were created or changed between their requests.
      if (seen.has(line.streamId)) continue
      seen.add(line.streamId)
      const at = millisOf(line.recordedAt)
      const today = sayTime(at, "day", false)
      if (isByChange && today !== day) {
        day = today
        items.push({
          key: `day ${items.length}`,
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
      items.push({
        key: line.streamId,
        cells: () => <StreamCells line={line} reading={page.reading} isByChange={isByChange} />,
        onOpen: () => go(streamHref(line.streamId))
      })
    }
  }
  return items
}

const StreamCells = ({
  line,
  reading,
  isByChange
}: {
  readonly line: StreamLine
  readonly reading: Reading
  readonly isByChange: boolean
}) => (
  <>
    <td className="mg">
      <Time at={millisOf(line.recordedAt)} form={isByChange ? "hms" : "day"} />
    </td>
    <td className="main cut w1">
      <Link className="id" to={streamHref(line.streamId)}>
        <Id id={line.streamId} reading={reading} />
      </Link>
    </td>
    <td className="gone q2">{line.category}</td>
    <td className="n side">{sayNumber(line.revision)}</td>
    <td className="two-of cut w2">
      {line.event?.type}
      <span className="what wide-only">{line.event?.text}</span>
    </td>
    <td className="side2">{line.event?.actor}</td>
  </>
)

const NAME_ALONE = /^\s*(?:category|type|actor|correlation|event|id|prefix|part):\s*$/

const sayLacking = (text: string): string | undefined =>
  NAME_ALONE.test(text) ? `A value is missing after ${text.trim()}` : undefined

export const StreamsPage = ({ here }: { readonly here: Address }) => {
  const text = here.query.get("q") ?? ""
  const lacking = sayLacking(text)
  const q = useWhole(text, lacking, "")
  const changed = here.query.get("changed") ?? ""
  const by = orders.find(([name]) => name === here.query.get("by"))?.[0] ?? "change"
  const show = useShow()
  const [start, setStart] = useState(0)
  const key = `${q} ${changed} ${by} ${start}`
  const [more, setMore] = useState({ key, count: 1 })
  const count = more.key === key ? more.count : 1
  const host = useAnswer(about).value
  // The time of the question, so that each page asks the same one.
  const changedSince = useMemo(() => {
    const hours = Number.parseInt(changed, 10)
    return Number.isNaN(hours) ? undefined : timeOf(new Date().getTime() - hours * HOUR)
  }, [changed])
  const read = useCallback(
    (before: FoundStreams | undefined) => {
      if (before !== undefined && before.next === undefined) return undefined
      return Host.query("streams", "find", {
        query: {
          ...(q === "" ? {} : { q }),
          by,
          ...(changedSince === undefined ? {} : { changedSince }),
          ...(before === undefined ? { offset: start } : before.next),
          limit: PAGE,
          ...show
        }
      })
    },
    [q, by, changedSince, start, show]
  )
  useEffect(() => {
    // An answer that was kept since an earlier visit is asked for again.
    const kept = read(undefined)
    if (kept !== undefined && AsyncResult.isSuccess(registry.get(kept))) registry.refresh(kept)
    // Once a visit, whatever is asked later.
  }, [])
  const found = usePages(read, count)
  const [first] = found.pages
  // The host says the ruler with the first page of a search alone.
  const searched = `${q} ${changed} ${by}`
  const kept = useRef<{ readonly searched: string; readonly ruler: FoundStreams["ruler"] }>(
    undefined
  )
  if (first?.ruler !== undefined) kept.current = { searched, ruler: first.ruler }
  const ruler = kept.current?.searched === searched ? kept.current.ruler : undefined
  const items = useMemo(() => linesOf(found.pages, by === "change"), [found.pages, by])
  const onEnd = useCallback(() => setMore({ key, count: count + 1 }), [key, count])
  const onFind = useCallback(
    (wanted: string) => {
      setStart(0)
      replace(withQuery(here, { q: wanted }))
    },
    [here]
  )
  const goTo = first?.goTo
  const last = found.pages.at(-1)
  // A search of the log that ended at its bounds goes on only when a person asks for it.
  const searchedTo =
    last !== undefined && last.streams.length < PAGE ? last.searched.below : undefined
  return (
    <>
      <Head title="Streams">
        {first === undefined || q !== "" ? null : (
          <>
            {sayCount(first.count)} {isOne(first.count) ? "stream" : "streams"}
          </>
        )}
        {host === undefined ? null : (
          <>
            {" "}
            of {host.title}, {sayOrder[by]}
          </>
        )}
      </Head>
      <form
        className="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          if (goTo !== undefined) go(streamHref(goTo.streamId, goTo.revision))
        }}
      >
        <FindField
          label="Find a stream"
          placeholder="a stream, or category: correlation: event: type: actor:"
          value={text}
          wrong={lacking ?? found.wrong}
          onFind={onFind}
        />
        <select
          aria-label="Changed since"
          value={changed}
          onChange={({ target }) => go(withQuery(here, { changed: target.value }))}
        >
          {changes.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <select
          aria-label="Order by"
          value={by}
          onChange={({ target }) => go(withQuery(here, { by: target.value }))}
        >
          {orders.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </form>
      {found.problem === undefined || found.wrong !== undefined ? null : (
        <div className="call bad" role="alert">
          <strong>Cannot read the streams</strong>
          <p>{found.problem}</p>
        </div>
      )}
      {first === undefined ? (
        found.problem === undefined ? (
          <Waiting what="the streams" />
        ) : null
      ) : (
        <>
          <Understood found={first} here={here} />
          <Withheld is={first.withheld} />
          <div className={hasRuler(ruler) ? "long" : ""}>
            <div className="sheet" aria-busy={found.isWaiting}>
              {items.length === 0 ? (
                <Empty title="No stream">
                  {q === ""
                    ? "The log has no event yet: the first command makes a stream."
                    : "Nothing that was searched matches. A part of an id is written *part*."}
                </Empty>
              ) : (
                <>
                  {start === 0 ? null : (
                    <p className="pad">
                      <button className="btn" type="button" onClick={() => setStart(0)}>
                        Back to the first of them
                      </button>{" "}
                      <span className="q2">from {sayNumber(start + 1)} on</span>
                    </p>
                  )}
                  <Ledger
                    key={key}
                    label="Streams"
                    columns={6}
                    head={<StreamHeads by={by} />}
                    items={items}
                    total={first.count.streams}
                    onEnd={
                      found.hasMore && !found.isWaiting && searchedTo === undefined
                        ? onEnd
                        : undefined
                    }
                  />
                </>
              )}
            </div>
            {searchedTo !== undefined && found.hasMore ? (
              <p className="row pad q2">
                <span>Searched down to position {sayNumber(searchedTo)}.</span>
                <button className="btn" type="button" disabled={found.isWaiting} onClick={onEnd}>
                  Earlier
                </button>
              </p>
            ) : null}
            {ruler === undefined || !hasRuler(ruler) ? null : (
              <Ruler
                ruler={ruler}
                start={start}
                shown={found.pages.reduce((sum, page) => sum + page.streams.length, 0)}
                onGo={setStart}
              />
            )}
          </div>
        </>
      )}
    </>
  )
}

/** One bucket would say no more than the list. */
const hasRuler = (ruler: FoundStreams["ruler"]): boolean => (ruler?.buckets.length ?? 0) > 1

const StreamHeads = ({ by }: { readonly by: Order }) => (
  <>
    <th className="mg" scope="col" aria-sort={by === "change" ? "descending" : undefined}>
      Last change{by === "change" ? " ↓" : ""}
    </th>
    <th scope="col" aria-sort={by === "id" ? "ascending" : undefined}>
      Stream{by === "id" ? " ↑" : ""}
    </th>
    <th scope="col">Category</th>
    <th className="n" scope="col" aria-sort={by === "revision" ? "descending" : undefined}>
      Revision{by === "revision" ? " ↓" : ""}
    </th>
    <th scope="col">Last event</th>
    <th scope="col">By</th>
  </>
)

const sayGap: Readonly<Record<NonNullable<FoundStreams["index"]>, string>> = {
  reading: "The host still reads its index of streams.",
  "too many": "The log has more streams than the index of the host holds.",
  lost: "The host lost its index of streams, and asks the store again."
}

/** Says what the text was understood as, what it found and read, and its other readings. */
const Understood = ({ found, here }: { readonly found: FoundStreams; readonly here: Address }) => {
  const { searched, goTo } = found
  return (
    <p className="row pad" role="status">
      <span>
        <b>{sayCount(found.count)}</b>{" "}
        <span className="q2">
          {sayReading(found.reading, isOne(found.count))}, found in{" "}
          {Math.max(1, Math.round(searched.millis))} ms.
          {searched.below === undefined ? null : (
            <>
              {" "}
              The last {sayNumber(searched.events)} events were read
              {searched.since === undefined ? null : (
                <>
                  , back to <Time at={millisOf(searched.since)} form="full" />
                </>
              )}
              ; earlier ones were not.
            </>
          )}
          {found.index === undefined ? null : ` ${sayGap[found.index]}`}
        </span>
      </span>
      {goTo === undefined ? null : (
        <Link to={streamHref(goTo.streamId, goTo.revision)}>
          Open {goTo.streamId}
          {goTo.revision === undefined ? "" : ` at revision ${goTo.revision}`}
        </Link>
      )}
      {found.also.length === 0 ? null : <span className="q2 wide-only">Also:</span>}
      {found.also.map(({ q, count }) => (
        <Link key={q} to={withQuery(here, { q })} className="wide-only">
          {q} <span className="q2">{sayCount(count)}</span>
        </Link>
      ))}
    </p>
  )
}
