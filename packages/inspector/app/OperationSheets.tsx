/** The sheets of operation: what stopped and why, a rebuild that runs, and verdicts. */
import type { StreamId as StreamIdType } from "@daybook/kernel/StreamId"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamIds from "@daybook/kernel/StreamId"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { useMemo } from "react"
import { href } from "./address.ts"
import type { Ask } from "./AskOnce.tsx"
import { useAnswer } from "./atoms.ts"
import { sayDuration } from "./EventSheets.tsx"
import { Host, millisOf, useShow } from "./host.ts"
import { JsonText, sayCount, sayNumber } from "./Json.tsx"
import type { Model, Rebuild } from "./operating.ts"
import { drop, resume, skip } from "./operating.ts"
import { segmentsOf } from "./rowKey.ts"
import { Link } from "./Shell.tsx"
import { Time } from "./Time.tsx"
import { Bar } from "./Withheld.tsx"

interface Acting {
  readonly model: Model
  readonly mayOperate: boolean
  readonly onAsk: (ask: Ask) => void
}

/** A read model that stopped: the event, the cause, and the ways on. */
export const StoppedSheet = ({ model, mayOperate, onAsk }: Acting) => {
  const { status } = model
  const { name } = status
  const poison = Option.getOrUndefined(status.poison)
  const retry = (): void =>
    onAsk({
      title: `Let ${name} try again?`,
      about:
        poison === undefined
          ? `It is at position ${sayNumber(status.position)}.`
          : `${poison.type} at position ${sayNumber(poison.position)} stopped it.`,
      facts: [
        "It folds the same event again.",
        "If that fails again, it stops at the same place; no row changes."
      ],
      yes: "Try again",
      no: "Leave it stopped",
      act: (reason) => void resume(name, reason)
    })
  const skipIt = (): void => {
    if (poison === undefined) return
    onAsk({
      title: `Skip one event for ${name}?`,
      about: `${poison.type} at position ${sayNumber(poison.position)}, revision ${poison.revision} of ${poison.streamId}.`,
      facts: [
        "The rows that it touches will lack this change until the read model is rebuilt.",
        "The event stays in the log; nothing is altered there.",
        `It folds on from the next event: ${sayCount(status.lagEvents, "event waits", "events wait")}.`
      ],
      yes: "Skip the event",
      no: "Leave it stopped",
      isRisky: true,
      needsReason: true,
      act: (reason) => void skip(name, poison.position, reason ?? "")
    })
  }
  return (
    <section className="sheet" id={name} aria-label={`${name} has stopped`}>
      <header>
        <h2>{name}</h2>
        <p>
          <span className="st stopped">stopped</span>
        </p>
        {mayOperate ? (
          <div className="row push">
            <button className="btn" type="button" onClick={retry}>
              Retry…
            </button>
            {poison === undefined ? null : (
              <button className="btn risk" type="button" onClick={skipIt}>
                Skip the event…
              </button>
            )}
          </div>
        ) : null}
      </header>
      {poison === undefined ? (
        <div className="call bad">
          <strong>Its rows are of another history than the log</strong>
          <p>A rebuild folds this log into new rows.</p>
        </div>
      ) : (
        <>
          <div className="call bad">
            <strong>It can’t fold {poison.type}</strong>
            <p>
              at revision {poison.revision} of{" "}
              <Link
                className="id"
                to={href(["streams", poison.streamId], { rev: poison.revision })}
              >
                {poison.streamId}
              </Link>
              , position {sayNumber(poison.position)}
            </p>
          </div>
          <div className="forms">
            <PoisonEvent streamId={poison.streamId} revision={poison.revision} />
            <div>
              <h3>
                The cause <span className="tag bad">{poison.reason}</span>
              </h3>
              <pre tabIndex={0} aria-label="The cause">
                {poison.issue}
              </pre>
              <p className="q2 pad0">The rows are as they were before it.</p>
            </div>
          </div>
        </>
      )}
    </section>
  )
}

const PoisonEvent = ({
  streamId,
  revision
}: {
  readonly streamId: string
  readonly revision: number
}) => {
  const known = useMemo(() => Schema.decodeUnknownOption(StreamIds.StreamId)(streamId), [streamId])
  return Option.isSome(known) ? (
    <KnownEvent streamId={known.value} revision={revision} />
  ) : (
    <div>
      <h3>The event</h3>
    </div>
  )
}

const KnownEvent = ({
  streamId,
  revision
}: {
  readonly streamId: StreamIdType
  readonly revision: number
}) => {
  const show = useShow()
  const event = useAnswer(
    useMemo(
      () =>
        Host.query("streams", "event", {
          params: { streamId, revision: Revision.make(revision) },
          query: show
        }),
      [streamId, revision, show]
    )
  ).value
  return (
    <div>
      <h3>
        The event{" "}
        {event === undefined ? null : (
          <>
            <span className="tag">version {event.line.schemaVersion}</span>{" "}
            <span className="q2">
              <Time at={millisOf(event.line.recordedAt)} form="hms" />
              {event.line.actor === undefined ? "" : `, by ${event.line.actor}`}
            </span>
          </>
        )}
      </h3>
      {event === undefined ? null : event.line.data === undefined ? (
        <Bar />
      ) : (
        <JsonText value={event.line.data} label="The event" />
      )}
    </div>
  )
}

/** A rebuild that runs beside the rows that serve. */
export const RebuildSheet = ({
  model,
  rebuild,
  mayOperate,
  onAsk
}: Acting & { readonly rebuild: Rebuild | undefined }) => {
  const { status } = model
  const building = Option.getOrUndefined(status.building)
  if (building === undefined) return null
  const target = rebuild?.target ?? status.head
  const fraction =
    rebuild?.fraction ?? (target === 0n ? 1 : Number(building.position) / Number(target))
  const percent = Math.floor(100 * Math.min(1, fraction))
  const giveUp = (): void =>
    onAsk({
      title: `Give up the rebuild of ${status.name}?`,
      about: `Generation ${building.generation} is at position ${sayNumber(building.position)}.`,
      facts: [
        `Generation ${building.generation} is dropped with its rows.`,
        `Generation ${status.generation} goes on serving.`
      ],
      yes: "Give it up",
      no: "Let it go on",
      isRisky: true,
      act: (reason) => void drop(status.name, building.generation, reason)
    })
  return (
    <section className="sheet" aria-label={`Rebuild of ${status.name}`}>
      <header>
        <h2>Rebuild of {status.name}</h2>
        <p>
          generation {building.generation}, beside {status.generation} which serves
        </p>
        {mayOperate ? (
          <div className="row push">
            <button className="btn risk" type="button" onClick={giveUp}>
              Give up…
            </button>
          </div>
        ) : null}
      </header>
      <div className="pad">
        <div className="row">
          <b>{sayNumber(building.position)}</b>{" "}
          <span className="q2">of {sayNumber(target)} by position</span>
          <span className="push">
            <b>{percent} %</b>
          </span>
        </div>
        <progress value={percent} max={100} aria-label={`Rebuild of ${status.name}`}>
          {percent} %
        </progress>
        <div className="row q2 pad0">
          <span>
            {sayNumber(Math.round(building.eventsPerSecond))} events/s
            {Option.isSome(building.owner) ? ` on ${building.owner.value}` : ""}
          </span>
          {rebuild?.millisLeft === undefined ? null : (
            <span className="push">about {sayDuration(rebuild.millisLeft)} left</span>
          )}
        </div>
      </div>
      {Option.isSome(building.poison) ? (
        <div className="call bad">
          <strong>It can’t fold {building.poison.value.type}</strong>
          <p>{building.poison.value.issue}</p>
        </div>
      ) : null}
      <ol className="acts">
        <li>folds all of the log beside what serves</li>
        <li>compares every row with generation {status.generation} at one position</li>
        <li>takes over in one transaction if all are equal; else the old rows go on serving</li>
      </ol>
    </section>
  )
}

/** Rebuilds of this host and their verdicts. */
export const VerdictSheet = ({ rebuilds }: { readonly rebuilds: ReadonlyArray<Rebuild> }) => (
  <section className="sheet" aria-label="Rebuilt lately">
    <header>
      <h2>Rebuilt lately</h2>
    </header>
    {rebuilds.length === 0 ? (
      <p className="pad q2">No rebuild was begun on this host since it started.</p>
    ) : (
      <table className="ledger fold" role="table" aria-label="Rebuilt lately">
        <thead>
          <tr>
            <th className="mg" scope="col">
              Begun
            </th>
            <th scope="col">Read model</th>
            <th scope="col">Verdict</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody>
          {rebuilds.map((one, index) => (
            <tr key={index}>
              <td className="mg">
                <Time at={millisOf(one.begunAt)} form="hms" />
              </td>
              <td className="main">
                <b className="id">{one.model}</b>
              </td>
              <td className="two-of">
                <Verdict rebuild={one} />
              </td>
              <td className="side2">{one.actor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </section>
)

const Verdict = ({ rebuild }: { readonly rebuild: Rebuild }) => {
  switch (rebuild.verdict) {
    case "running":
      return <span className="st build">{Math.floor(100 * rebuild.fraction)} %</span>
    case "equal":
      return (
        <>
          <span className="st equal">equal</span> <span className="q2">took over</span>
        </>
      )
    case "took over":
      return (
        <>
          <span className="st">took over</span>{" "}
          <span className="q2">without proof of equality</span>
        </>
      )
    case "failed":
      return (
        <>
          <span className="st stopped">failed</span> <span className="q2">{rebuild.failure}</span>
        </>
      )
    case "differs":
      return (
        <details>
          <summary>
            <span className="st differs">
              {rebuild.differing === undefined
                ? "rows differ"
                : sayCount(rebuild.differing, "row differs", "rows differ")}
            </span>{" "}
            <span className="q2">the old rows serve</span>
          </summary>
          <ul>
            {(rebuild.differences ?? []).map(({ key }) => {
              const values = JSON.stringify(Object.values(key))
              return (
                <li key={values}>
                  <Link
                    className="id"
                    to={href(["read-models", rebuild.model, ...segmentsOf(values)])}
                  >
                    {Object.values(key)
                      .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
                      .join(", ")}
                  </Link>
                </li>
              )
            })}
          </ul>
        </details>
      )
  }
}
