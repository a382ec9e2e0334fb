/** Single keys: they never act while a field has the focus or a dialog is open. */
import { useEffect, useRef } from "react"
import { registry } from "./atoms.ts"
import { singleKeys } from "./preferences.ts"

export type Keys = Readonly<Record<string, () => void>>

const handlers = new Set<{ current: Keys }>()

/** The keys that act where no view has a use of its own for them. */
const fallbacks = new Set<{ current: Keys }>()

/** The keys after `g` that go to a screen. */
const leaders = new Set<{ current: Keys }>()

/** `g` waits this long for the key of a screen, in milliseconds. */
const LEADER = 1200

let leaderAt = Number.NEGATIVE_INFINITY

/** A field into which text goes, or which a letter moves through its choices. */
const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.matches("input:not([type=range]):not([type=checkbox]), select, textarea"))

/** A slider has arrows of its own, and a control is pressed by the space bar. */
const isOwn = (key: string, target: EventTarget | null): boolean =>
  target instanceof Element &&
  ((target.matches("input[type=range], [role=slider]") && /^(Arrow|Home|End)/.test(key)) ||
    (key === " " && target.closest("a, button, summary, input") !== null))

addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return
  if (event.defaultPrevented) return
  if (!registry.get(singleKeys) || document.querySelector("dialog[open]") !== null) return
  const { key, target } = event
  if (isField(target)) {
    if (key === "Escape" && target instanceof HTMLElement) target.blur()
    return
  }
  if (isOwn(key, target)) return
  const isLed = event.timeStamp - leaderAt < LEADER
  leaderAt = key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY
  for (const { current } of isLed ? leaders : [...handlers, ...fallbacks]) {
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

/** Lets single keys act while the component is shown and no other one uses them. */
export const useFallbackKeys = (keys: Keys): void => useSet(fallbacks, keys)

/** Lets keys after `g` act while the component is shown. */
export const useLeaderKeys = (keys: Keys): void => useSet(leaders, keys)
