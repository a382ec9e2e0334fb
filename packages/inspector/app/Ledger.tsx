/** A list of lines of which only those in view are in the page. */
import type { ReactNode } from "react"
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react"
import {
  defaultRangeExtractor,
  measureElement,
  useVirtualizer,
  useWindowVirtualizer
} from "@tanstack/react-virtual"
import type { Virtualizer } from "@tanstack/react-virtual"
import { isReturn } from "./address.ts"
import { useKeys } from "./keys.ts"

type Look = "day" | "later" | "here"

/** A line, or a head over those that follow. */
export interface LedgerItem {
  readonly key: string
  /** `day` is a head; `later` is after the point that is shown; `here` is that point. */
  readonly look?: Look | undefined
  readonly cells: (look: Look | undefined) => ReactNode
  readonly onOpen?: (() => void) | undefined
}

interface Props {
  readonly label: string
  readonly head: ReactNode
  readonly columns: number
  readonly items: ReadonlyArray<LedgerItem>
  /** The number of lines if it is known; else the number of items. */
  readonly total?: number | undefined
  /** Called when the last lines come into view. */
  readonly onEnd?: (() => void) | undefined
  /** The look of a line that moves with the point that is shown. */
  readonly lookAt?: ((index: number) => Look | undefined) | undefined
  /** The index that stays in view. */
  readonly here?: number | undefined
  /** Rows after the last item. */
  readonly foot?: ReactNode
  /** True if the list scrolls inside itself, else the page scrolls. */
  readonly isInside?: boolean
  readonly className?: string
}

/** The height of a line, and where it is narrow and folds, in pixels. */
const LINE = 33
const FOLDED = 64
const NARROW = matchMedia("(max-width: 760px)")
const OVERSCAN = 12

/** The first line that was seen of each list, for a return to it. */
const tops = new Map<string, number>()
const MAX_TOPS = 100

const keyOf = (label: string): string => `${location.pathname} ${label}`

const keep = (key: string, index: number): void => {
  tops.delete(key)
  tops.set(key, index)
  const [oldest] = tops.keys()
  if (tops.size > MAX_TOPS && oldest !== undefined) tops.delete(oldest)
}

const isSeen = (element: Element): boolean => element.getClientRects().length > 0

/** What the newest render does with the list. */
interface Acts {
  readonly toHere: () => void
  readonly toTop: (index: number) => void
  /** Returns the index of the line at a distance from the top. */
  readonly topAt: (top: number) => number
}

/** Shows a ledger; `j` and `k` move through its lines. */
export const Ledger = (props: Props) => {
  const { items, onEnd, here } = props
  const scroller = useRef<HTMLDivElement>(null)
  const table = useRef<HTMLTableElement>(null)
  const [focused, setFocused] = useState(-1)
  const [margin, setMargin] = useState(0)
  const options = {
    count: items.length,
    estimateSize: () => (NARROW.matches ? FOLDED : LINE),
    overscan: OVERSCAN,
    getItemKey: useCallback((index: number) => items[index]?.key ?? index, [items]),
    // A line of a list that is not seen has no height: the list keeps its lines and its place.
    measureElement: (
      element: HTMLTableRowElement,
      entry: ResizeObserverEntry | undefined,
      list:
        | Virtualizer<Window, HTMLTableRowElement>
        | Virtualizer<HTMLDivElement, HTMLTableRowElement>
    ) =>
      isSeen(element)
        ? measureElement(element, entry, list as Virtualizer<Window, HTMLTableRowElement>)
        : (list.measurementsCache[list.indexFromElement(element)]?.size ?? FOLDED),
    // The focused line stays, so that the focus does not fall back to the page.
    rangeExtractor: (range: Parameters<typeof defaultRangeExtractor>[0]) => {
      const shown = defaultRangeExtractor(range)
      return focused < 0 || focused >= items.length || shown.includes(focused)
        ? shown
        : [...shown, focused].toSorted((one, other) => one - other)
    }
  }
  const inside = useVirtualizer({
    ...options,
    enabled: props.isInside === true,
    getScrollElement: () => scroller.current
  })
  const outside = useWindowVirtualizer({
    ...options,
    enabled: props.isInside !== true,
    scrollMargin: margin
  })
  const virtual = props.isInside === true ? inside : outside
  useLayoutEffect(() => {
    if (props.isInside === true || table.current === null) return
    // What stands above the list comes and goes, such as a notice.
    setMargin(Math.round(table.current.getBoundingClientRect().top + scrollY))
  })

  const shown = virtual.getVirtualItems()
  const lastShown = shown.at(-1)?.index ?? -1
  useEffect(() => {
    if (items.length > 0 && lastShown >= items.length - OVERSCAN) onEnd?.()
  }, [lastShown, items.length, onEnd])
  // A line at the edge of the window would be below what stands there.
  const align = props.isInside === true ? "auto" : "center"
  // The place of a list inside itself while it is not seen; undefined if its point moved since.
  const place = useRef<number>(undefined)
  const hadPoint = useRef(false)
  useEffect(() => {
    place.current = undefined
    if (here !== undefined && here >= 0) virtual.scrollToIndex(here, { align })
    // A scroll to the former point may still be under way, and would end there.
    else if (hadPoint.current) virtual.scrollToOffset(0)
    hadPoint.current = here !== undefined && here >= 0
    // Only when the point moves: a scroll of the reader is left alone.
  }, [here])
  const acts = useRef<Acts>(undefined)
  acts.current = {
    toHere: () => {
      if (here !== undefined && here >= 0) virtual.scrollToIndex(here, { align })
    },
    toTop: (index) => virtual.scrollToIndex(index, { align: "start" }),
    topAt: (top) => virtual.getVirtualItemForOffset(top)?.index ?? 0
  }
  useEffect(() => {
    const list = scroller.current
    if (list === null || props.isInside !== true) return
    let wasSeen = isSeen(list)
    const returned = isReturn() ? tops.get(keyOf(props.label)) : undefined
    if (returned !== undefined) acts.current?.toTop(returned)
    const scrolled = (): void => {
      if (!isSeen(list)) return
      place.current = list.scrollTop
      keep(keyOf(props.label), acts.current?.topAt(list.scrollTop) ?? 0)
    }
    const sizes = new ResizeObserver(() => {
      const isBack = isSeen(list) && !wasSeen
      wasSeen = isSeen(list)
      if (!isBack) return
      if (place.current === undefined) acts.current?.toHere()
      else {
        list.scrollTop = place.current
        // The browser may have scrolled it back without an event, which the virtual list needs.
        list.dispatchEvent(new Event("scroll"))
      }
    })
    sizes.observe(list)
    list.addEventListener("scroll", scrolled, { passive: true })
    return () => {
      sizes.disconnect()
      list.removeEventListener("scroll", scrolled)
    }
  }, [props.isInside, props.label])

  const move = (by: number): void => {
    const links = [...(table.current?.querySelectorAll<HTMLElement>("tbody tr[data-index]") ?? [])]
    const active = document.activeElement?.closest<HTMLElement>("tr[data-index]")
    const from =
      active === null || active === undefined || !links.includes(active)
        ? by > 0
          ? (links.find((row) => row.getBoundingClientRect().bottom > 120)?.dataset["index"] ?? 0)
          : 0
        : Number(active.dataset["index"]) + by
    let index = Number(from)
    while (items[index]?.look === "day") index += by
    if (items[index] === undefined) return
    setFocused(index)
    virtual.scrollToIndex(index, { align: "auto" })
    requestAnimationFrame(() => {
      table.current
        ?.querySelector<HTMLElement>(`tr[data-index="${index}"] :is(a, button)`)
        ?.focus({ preventScroll: true })
    })
  }
  useKeys({ j: () => move(1), k: () => move(-1) })

  let end = margin
  const rows: Array<ReactNode> = []
  for (const { index, start, size } of shown) {
    const item = items[index]
    if (item === undefined) continue
    if (start > end + 0.5)
      rows.push(<Gap key={`gap ${index}`} height={start - end} columns={props.columns} />)
    end = start + size
    const look = item.look ?? props.lookAt?.(index)
    rows.push(
      <tr
        key={item.key}
        ref={virtual.measureElement}
        data-index={index}
        aria-rowindex={index + 2}
        className={look}
        onFocus={() => setFocused(index)}
        onClick={item.onOpen === undefined ? undefined : opening(item.onOpen)}
      >
        {item.cells(look)}
      </tr>
    )
  }
  const rest = margin + virtual.getTotalSize() - end
  return (
    <div
      ref={scroller}
      className={props.isInside === true ? "view" : undefined}
      {...(props.isInside === true
        ? { tabIndex: 0, role: "group", "aria-label": props.label }
        : {})}
    >
      <table
        ref={table}
        className={`ledger fold ${props.isInside === true ? "" : "stuck"} ${props.className ?? ""}`}
        role="table"
        aria-label={props.label}
        aria-rowcount={(props.total ?? items.length) + 1}
      >
        <thead>
          <tr aria-rowindex={1}>{props.head}</tr>
        </thead>
        <tbody>
          {rows}
          {rest > 0.5 ? <Gap height={rest} columns={props.columns} /> : null}
          {props.foot}
        </tbody>
      </table>
    </div>
  )
}

const Gap = ({ height, columns }: { readonly height: number; readonly columns: number }) => (
  <tr className="gap-row" aria-hidden="true" style={{ height }}>
    <td colSpan={columns} />
  </tr>
)

/** The whole line is the target of its link; a selection of text is not a click. */
const opening =
  (open: () => void) =>
  (event: React.MouseEvent): void => {
    if (event.target instanceof Element && event.target.closest("a, button") !== null) return
    if (getSelection()?.isCollapsed === false) return
    open()
  }

/** Blank lines after the last: the book goes on. */
export const Blank = ({ columns, count }: { readonly columns: number; readonly count: number }) =>
  Array.from({ length: count }, (_, index) => (
    <tr key={index} className="blank" aria-hidden="true">
      <td className="mg" />
      <td colSpan={columns - 1} />
    </tr>
  ))
