/** The frame of every view: head, ways to the screens, foot, the help, and short messages. */
import * as Atom from "effect/reactivity/Atom"
import type { ReactNode } from "react"
import { useEffect, useState } from "react"
import { address, go, href } from "./address.ts"
import { registry, useAtom } from "./atoms.ts"
import { Help } from "./Help.tsx"
import { useFallbackKeys, useKeys, useLeaderKeys } from "./keys.ts"
import { stepLine } from "./lines.ts"
import { inUtc, toggleTheme, toggleZone } from "./preferences.ts"
import { zoneName } from "./Time.tsx"

const screens = [
  { path: "streams", name: "Streams", key: "s" },
  { path: "log", name: "Log", key: "l" },
  { path: "read-models", name: "Read models", key: "r" },
  { path: "operation", name: "Operation", key: "o" },
  { path: "catalogue", name: "Catalogue", key: "c" }
] as const

const message = Atom.keepAlive(Atom.make(""))
let messageTimer: ReturnType<typeof setTimeout> | undefined

/** Says something for five seconds. */
export const say = (text: string): void => {
  registry.set(message, text)
  clearTimeout(messageTimer)
  messageTimer = setTimeout(() => registry.set(message, ""), 5000)
}

/** Copies the address of exactly this view. */
export const copyLink = (): void => {
  navigator.clipboard.writeText(location.href).then(
    () => say("Link to exactly this view copied"),
    () => say("The browser does not let the page copy; the address bar has the link")
  )
}

/** A link to a view: the page goes there without loading again. */
export const Link = ({
  to,
  children,
  ...rest
}: {
  readonly to: string
  readonly children: ReactNode
  readonly className?: string
  readonly "aria-current"?: "page" | "true" | undefined
  readonly "aria-label"?: string
}) => (
  <a
    {...rest}
    href={to}
    onClick={(event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
      event.preventDefault()
      go(to)
    }}
  >
    {children}
  </a>
)

const Book = () => (
  <svg viewBox="0 0 16 16" aria-hidden="true">
    <path className="i" d="M1 1h13a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H1z" />
    <path className="p" d="M4 2h10v12H4z" />
    <path className="m" d="M6 2h1v12H6z" />
    <path className="i" d="M8 4h5v1H8zM8 7h5v1H8z" />
    <path className="a" d="M8 10h3v2H8z" />
  </svg>
)

/** What the foot of every page says of the host. */
export interface HostFacts {
  readonly name: string
  readonly facts: ReadonlyArray<readonly [string, string]>
}

export const Shell = ({
  host,
  children
}: {
  readonly host: HostFacts
  readonly children: ReactNode
}) => {
  const { path } = useAtom(address)
  const utc = useAtom(inUtc)
  const zone = zoneName(utc)
  // Where it is narrow, a zone is known by its city.
  const city = zone.lastIndexOf("/") + 1
  const text = useAtom(message)
  const [isHelping, setHelping] = useState(false)
  const openHelp = () => setHelping(true)
  const screen = path[0] === "events" || path.length === 0 ? "streams" : path[0]
  useKeys({
    "?": openHelp,
    "/": () => document.querySelector<HTMLElement>("main .find input")?.focus(),
    t: toggleTheme,
    u: toggleZone,
    c: copyLink
  })
  // A list of which only a part is in the page moves by its own.
  useFallbackKeys({ j: () => stepLine(1), k: () => stepLine(-1) })
  useLeaderKeys(Object.fromEntries(screens.map(({ key, path: to }) => [key, () => go(href([to]))])))
  useEffect(() => {
    document
      .querySelector(".nav [aria-current]")
      ?.scrollIntoView({ inline: "center", block: "nearest" })
  }, [screen])
  return (
    <>
      <a className="skip" href="#main" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </a>
      <header className="top">
        <Link className="brand" to={href(["streams"])}>
          <Book />
          Daybook <small className="wide-only">{host.name}</small>
        </Link>
        <nav className="nav" aria-label="Inspector">
          {screens.map(({ path: to, name }) => (
            <Link key={to} to={href([to])} aria-current={to === screen ? "page" : undefined}>
              {name}
            </Link>
          ))}
        </nav>
        <div className="tools">
          <button
            className="btn bare"
            type="button"
            title="Times in this zone; u turns to UTC and back"
            onClick={toggleZone}
          >
            <span className="narrow-sr">Times: </span>
            <span className="zone">
              <span className="wide-only">{zone.slice(0, city)}</span>
              {zone.slice(city).replaceAll("_", " ")}
            </span>
          </button>
          <button
            className="btn bare sq"
            type="button"
            aria-label="Light or dark"
            onClick={toggleTheme}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <circle cx="8" cy="8" r="6" />
              <path d="M8 2v12a6 6 0 0 0 0-12z" fill="currentColor" stroke="none" />
            </svg>
          </button>
          <button className="btn bare sq" type="button" aria-label="Keys" onClick={openHelp}>
            <span aria-hidden="true">?</span>
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <footer className="foot">
        {host.facts.map(([name, value]) => (
          <span key={name}>
            {name} <b>{value}</b>
          </span>
        ))}
        <span>acts are recorded with their actor</span>
      </footer>
      {isHelping ? <Help onEnd={() => setHelping(false)} /> : null}
      <div id="toast" role="status" className={text === "" ? undefined : "toast"}>
        {text}
      </div>
    </>
  )
}

/** The head of a view. */
export const Head = ({
  title,
  crumbs = [],
  children,
  tools
}: {
  readonly title: string
  readonly crumbs?: ReadonlyArray<{ readonly name: string; readonly to: string }>
  /** A sentence below the title. */
  readonly children?: ReactNode
  readonly tools?: ReactNode
}) => {
  useEffect(() => {
    document.title = `${title}, Daybook`
  }, [title])
  return (
    <div className="head no-print">
      <div>
        {crumbs.length === 0 ? null : (
          <p className="crumb">
            {crumbs.map(({ name, to }, index) => (
              <span key={to}>
                {index > 0 ? " / " : null}
                <Link to={to}>{name}</Link>
              </span>
            ))}
          </p>
        )}
        <h1>{title}</h1>
        <p className="q2">{children}</p>
      </div>
      {tools === undefined ? null : <div className="row push">{tools}</div>}
    </div>
  )
}
