/**
 * The address of a view: each view has one, relative to the path at which the host mounts the page.
 */
import * as Atom from "effect/reactivity/Atom"
import { registry } from "./atoms.ts"

/** A view: the segments of its path, decoded, and its options. */
export interface Address {
  readonly path: ReadonlyArray<string>
  readonly query: URLSearchParams
  readonly hash: string
}

/** The options of a view; one without a value is left out of its address. */
export type Query = Readonly<Record<string, string | number | undefined>>

/** The path at which the host mounts the page, with a slash at its end. */
export const mount = new URL(".", document.baseURI).pathname

/** Returns the address of a view. */
export const href = (path: ReadonlyArray<string>, query: Query = {}, hash = ""): string => {
  const options = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") options.set(name, String(value))
  }
  const text = options.toString()
  return (
    mount +
    path.map(encodeURIComponent).join("/") +
    (text === "" ? "" : `?${text}`) +
    (hash === "" ? "" : `#${encodeURIComponent(hash)}`)
  )
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

const read = (): Address => ({
  path: location.pathname
    .slice(mount.length)
    .split("/")
    .filter((segment) => segment !== "")
    .map(decoded),
  query: new URLSearchParams(location.search),
  hash: decoded(location.hash.slice(1))
})

/** The present address. */
export const address = Atom.keepAlive(Atom.make(read()))

let isBack = false

/** Returns true if the browser went back or forward to the present view. */
export const isReturn = (): boolean => isBack

addEventListener("popstate", () => {
  isBack = true
  registry.set(address, read())
})

/** Goes to a view, with an entry in the history of the browser. */
export const go = (to: string): void => {
  isBack = false
  history.pushState(null, "", to)
  registry.set(address, read())
}

/** Replaces the present entry in the history, as a slider does that moves. */
export const replace = (to: string): void => {
  history.replaceState(null, "", to)
  registry.set(address, read())
}

/** Returns the address of the present view with other options. */
export const withQuery = (here: Address, query: Query): string =>
  href(here.path, { ...Object.fromEntries(here.query), ...query }, here.hash)
