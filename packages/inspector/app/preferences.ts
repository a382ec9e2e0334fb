/** The choices of the viewer, kept in the browser: theme, zone, and single keys. */
import * as Atom from "effect/reactivity/Atom"
import { registry } from "./atoms.ts"

const kept = (key: string): string | null => {
  try {
    return localStorage.getItem(`daybook.${key}`)
  } catch {
    return null // A page without storage forgets, and works.
  }
}

const keep = (key: string, value: string): void => {
  try {
    localStorage.setItem(`daybook.${key}`, value)
  } catch {
    // As above.
  }
}

/** True when times are in UTC, else they are in the zone of the viewer. */
export const inUtc = Atom.keepAlive(
  Atom.make(new URLSearchParams(location.search).get("zone") === "utc" || kept("zone") === "utc")
)

/** True when single keys act. */
export const singleKeys = Atom.keepAlive(Atom.make(kept("keys") !== "off"))

export const toggleZone = (): void => {
  const utc = !registry.get(inUtc)
  registry.set(inUtc, utc)
  keep("zone", utc ? "utc" : "own")
}

export const setSingleKeys = (on: boolean): void => {
  registry.set(singleKeys, on)
  keep("keys", on ? "on" : "off")
}

export const toggleTheme = (): void => {
  const root = document.documentElement
  const isDark =
    root.dataset["theme"] === undefined
      ? matchMedia("(prefers-color-scheme: dark)").matches
      : root.dataset["theme"] === "dark"
  root.dataset["theme"] = isDark ? "light" : "dark"
  keep("theme", root.dataset["theme"])
}
