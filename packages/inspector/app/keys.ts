/** Single keys: they never act while something is typed or a dialog is open. */
import { useEffect, useRef } from "react"
import { registry } from "./atoms.ts"
import { singleKeys } from "./preferences.ts"

export type Keys = Readonly<Record<string, () => void>>

const handlers = new Set<{ current: Keys }>()

/** The keys after `g` that go to a screen. */
const leaders = new Set<{ current: Keys }>()

/** `g` waits this long for the key of a screen, in milliseconds. */
const LEADER = 1200

let leaderAt = Number.NEGATIVE_INFINITY

const isTyped = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")

/** A slider has arrows of its own, and a control is pressed by the space bar. */
const isOwn = (key: string, target: EventTarget | null): boolean =>
  target instanceof Element &&
  ((target.matches("input[type=range]") && /^(Arrow|Home|End)/.test(key)) ||
    (key === " " && target.closest("a, button, summary") !== null))

addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return
  if (!registry.get(singleKeys) || document.querySelector("dialog[open]") !== null) return
  const { key, target } = event
  if (isTyped(target)) {
    if (key === "Escape" && target instanceof HTMLElement) target.blur()
    return
  }
  if (isOwn(key, target)) return
  const isLed = event.timeStamp - leaderAt < LEADER
  leaderAt = key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY
  for (const { current } of isLed ? leaders : handlers) {
    const act = current[key]
    if (act === undefined) continue
    event.preventDefault()
    act()
    return
  }
})

const useSet = (set: Set<{ current: Keys }>, keys: Keys): void => {
  const newest = useRef(keys)
  useEffect(() => {
    newest.current = keys
  })
  useEffect(() => {
    set.add(newest)
    return () => {
      set.delete(newest)
    }
  }, [set])
}

/** Lets single keys act while the component is shown. */
export const useKeys = (keys: Keys): void => useSet(handlers, keys)

/** Lets keys after `g` act while the component is shown. */
export const useLeaderKeys = (keys: Keys): void => useSet(leaders, keys)
