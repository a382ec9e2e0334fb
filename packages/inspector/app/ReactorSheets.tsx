/** Reactors and other consumer groups: their lag, their leases, and the keys that events hold. */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Option from "effect/Option"
import { href } from "./address.ts"
import type { Ask } from "./AskOnce.tsx"
import { sayDuration } from "./EventSheets.tsx"
import { millisOf } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import type { Series } from "./LagPlot.tsx"
import { Spark } from "./LagPlot.tsx"
import type { HeldKey, Reactor } from "./operating.ts"
import { dropEvent, release } from "./operating.ts"
import { Link } from "./Shell.tsx"
import { Time } from "./Time.tsx"

const looks: Record<Reactor["status"]["state"], readonly [Series["state"], string]> = {
  "off history": ["stopped", "stopped"],
  stopped: ["stopped", "stopped"],
  idle: ["behind", "behind"],
  behind: ["behind", "behind"],
  live: ["steady", "live"]
}

/** The lag of a reactor, as the plot shows it. */
export const reactorSeries = ({ samples, status }: Reactor): Series => ({
  name: status.name,
  state: looks[status.state][0],
  lags: samples.map(({ lagEvents }) => lagEvents)
})

const ownersOf = ({ status }: Reactor): string => {
  const owners = new Set(
    status.ranges.flatMap(({ owner }) => (Option.isSome(owner) ? [owner.value] : []))
  )
  return owners.size === 0 ? "no host" : sayCount(owners.size, "host")
}

/** All reactors, a line each. */
export const ReactorTable = ({ reactors }: { readonly reactors: ReadonlyArray<Reactor> }) => (
  <div className="sheet scroll gap" tabIndex={0} role="group" aria-label="Reactors">
    <table className="ledger fold" role="table" aria-label="Reactors">
      <thead>
        <tr>
          <th className="mg" scope="col">
            Ranges
          </th>
          <th scope="col">Reactor</th>
          <th scope="col">Does</th>
          <th className="n" scope="col">
            Behind
          </th>
          <th scope="col">Waits for</th>
          <th scope="col">Last minutes</th>
          <th className="n" scope="col">
            Held keys
          </th>
          <th scope="col">Leases held by</th>
        </tr>
      </thead>
      <tbody>
        {reactors.map((reactor) => {
          const { status } = reactor
          return (
            <tr key={status.name} className={status.held.length > 0 ? "here" : undefined}>
              <td className="mg">{status.ranges.length}</td>
              <td className="main">
                <b className="id">{status.name}</b>
              </td>
              <td className="two-of">
                <span className={`st ${looks[status.state][1]}`}>{status.state}</span>
              </td>
              <td className="n side">{sayNumber(status.lagEvents)}</td>
              <td className="side2">
                {status.lagEvents === 0 ? null : sayDuration(status.lagMillis)}
              </td>
              <td className="gone">
                <Spark series={reactorSeries(reactor)} />
              </td>
              <td className="n gone">{sayNumber(status.held.length)}</td>
              <td className="gone">{ownersOf(reactor)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  </div>
)

/** The keys that events of a reactor hold: the cause, and the ways on. */
export const HeldSheet = ({
  reactor: { status },
  mayOperate,
  onAsk
}: {
  readonly reactor: Reactor
  readonly mayOperate: boolean
  readonly onAsk: (ask: Ask) => void
}) => {
  const { held, name } = status
  const about = ({ key, streamId, type }: HeldKey): string =>
    `${type} of ${streamId} holds the key ${key}.`
  const askRelease = (one: HeldKey): void =>
    onAsk({
      title: `Let ${name} try ${one.key} again?`,
      about: about(one),
      facts: ["It handles the event again, and then the later ones of the key."],
      yes: "Try again",
      no: "Leave it held",
      act: (reason) => void release(name, one.key, reason)
    })
  const askDrop = (one: HeldKey): void =>
    onAsk({
      title: `Leave out one event for ${name}?`,
      about: about(one),
      facts: [
        "What the reactor would have done for the event is never done.",
        "The event stays in the log; the later ones of the key are handled."
      ],
      yes: "Leave the event out",
      no: "Leave it held",
      isRisky: true,
      needsReason: true,
      act: (reason) => void dropEvent(name, one.key, reason)
    })
  return (
    <section className="sheet" aria-label={`Keys held in ${name}`}>
      <header>
        <h2>{name}</h2>
        <p>
          <span className="st behind">{sayCount(held.length, "held key")}</span>
          {held.some(({ state }) => state === "stopped")
            ? "; the other keys of its range wait too"
            : "; all others go on"}
        </p>
      </header>
      <table className="ledger fold" role="table" aria-label={`Keys held in ${name}`}>
        <thead>
          <tr>
            <th className="mg" scope="col">
              Since
            </th>
            <th scope="col">Key</th>
            <th scope="col">Cause</th>
            <th className="n" scope="col">
              Tries
            </th>
            <th scope="col">
              <span className="sr">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {held.map((one) => (
            <tr key={one.key}>
              <td className="mg">
                <Time at={millisOf(one.at)} form="hms" />
              </td>
              <td className="main">
                <Link className="id" to={href(["events", EventMark.eventId(one.event)])}>
                  {one.key}
                </Link>
              </td>
              <td className="two-of cut w2">
                {one.type}: {one.issue}
              </td>
              <td className="n side">{one.attempts}</td>
              <td className="asks">
                {!mayOperate ? null : one.asked !== null ? (
                  <span className="q2">{one.asked} asked for</span>
                ) : (
                  <span className="row">
                    <button className="btn" type="button" onClick={() => askRelease(one)}>
                      Retry…
                    </button>
                    <button className="btn risk" type="button" onClick={() => askDrop(one)}>
                      Leave out…
                    </button>
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
