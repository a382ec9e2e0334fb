/** An event in full: its stored form beside today's, and why it happened. */
import type { EventLine } from "@daybook/inspector/Answer"
import type { EventDetail } from "@daybook/inspector/StreamAnswer"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Revision from "@daybook/kernel/Revision"
import { useMemo } from "react"
import { href } from "./address.ts"
import { useAnswer } from "./atoms.ts"
import type { Json } from "./difference.ts"
import { compare } from "./difference.ts"
import { Host, millisOf, useShow } from "./host.ts"
import { JsonPair, JsonText, sayCount, sayNumber } from "./Json.tsx"
import { Answered } from "./Notices.tsx"
import { Link } from "./Shell.tsx"
import { sayUtc, Time } from "./Time.tsx"
import { Bar, Withheld } from "./Withheld.tsx"

/** Says a duration in the unit that it is read in. */
export const sayDuration = (millis: number): string => {
  const [, size, name] =
    (
      [
        [1000, 1, "ms"],
        [60_000, 1000, "s"],
        [3_600_000, 60_000, "min"],
        [172_800_000, 3_600_000, "h"]
      ] as const
    ).find(([below]) => Math.abs(millis) < below) ?? ([0, 86_400_000, "days"] as const)
  const value = millis / size
  return `${sayNumber(Math.abs(value) < 10 && size > 1 ? Math.round(value * 10) / 10 : Math.round(value))} ${name}`
}

/** Says which fields a step of an upcaster changed. */
const sayStep = (before: Json | undefined, after: Json | undefined): string => {
  const names = { add: [] as Array<string>, del: [] as Array<string>, chg: [] as Array<string> }
  for (const part of compare(before, after)) {
    const mark =
      part.kind === "line"
        ? part.mark
        : part.kind === "table"
          ? part.elements.some(({ mark: one }) => one !== "same")
            ? "chg"
            : "same"
          : "same"
    if (mark !== "same") names[mark].push(part.name)
  }
  const facts = [
    names.add.length > 0 ? `${names.add.join(", ")} came` : "",
    names.del.length > 0 ? `${names.del.join(", ")} went` : "",
    names.chg.length > 0 ? `${names.chg.join(", ")} changed` : ""
  ].filter((fact) => fact !== "")
  return facts.length === 0 ? "the same fields with the same values" : facts.join("; ")
}

const isSame = (one: Json | undefined, other: Json | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

const Forms = ({ event }: { readonly event: EventDetail }) => {
  const { line, today, undecodable } = event
  const stored = event.forms[0]?.data ?? line.data
  const [now] = today ?? []
  const version = event.forms.at(-1)?.schemaVersion ?? line.schemaVersion
  const heads = (isEqual: boolean) =>
    [
      <>
        As stored <span className="tag">version {line.schemaVersion}</span>{" "}
        <span className="q2">{sayCount(line.bytes, "byte")}</span>
      </>,
      <>
        As read today <span className="tag">{isEqual ? `version ${version}` : "upcast"}</span>{" "}
        {isEqual ? <span className="st equal">as stored</span> : null}
      </>
    ] as const
  if (stored === undefined) {
    return (
      <div className="pad">
        <h3 className="sub">{heads(false)[0]}</h3>
        <Bar />
      </div>
    )
  }
  if (today === undefined || now?.data === undefined) {
    return (
      <>
        {undecodable === undefined ? null : (
          <div className="call bad">
            <strong>It can’t be decoded: {undecodable.reason}</strong>
            <p>{undecodable.issue}</p>
          </div>
        )}
        <div className="pad">
          <h3 className="sub">{heads(false)[0]}</h3>
          <JsonText value={stored} label="As stored" />
        </div>
      </>
    )
  }
  const isEqual = today.length === 1 && now.type === line.type && isSame(stored, now.data)
  const read: Json =
    today.length === 1 ? now.data : today.map(({ type, data }) => ({ type, data: data ?? null }))
  return (
    <>
      <JsonPair
        before={stored}
        after={isEqual ? stored : read}
        heads={heads(isEqual)}
        labels={["As stored", "As read today"]}
      />
      {event.forms.length < 2 && isEqual ? null : <Steps event={event} />}
    </>
  )
}

/** Each step of the upcaster, from the stored form to the events of today. */
const Steps = ({ event: { forms, today = [], line } }: { readonly event: EventDetail }) => (
  <div className="pad">
    <ol className="trail">
      {forms.slice(1).map((form, index) => (
        <li key={form.schemaVersion}>
          <b>
            version {forms[index]?.schemaVersion} to {form.schemaVersion}
          </b>{" "}
          <span className="q2">{sayStep(forms[index]?.data, form.data)}</span>
        </li>
      ))}
      <li className="here">
        <b>today</b>{" "}
        <span className="q2">
          {today.length === 0
            ? "it stands for no event"
            : today.length === 1
              ? sayStep(forms.at(-1)?.data, today[0]?.data)
              : `it stands for ${today.map(({ type }) => type).join(" and ")}, at the same revision`}
          {". "}
          <Link to={href(["catalogue"], { type: line.type })}>{line.type} in the catalogue</Link>
        </span>
      </li>
    </ol>
  </div>
)

const Fact = ({
  name,
  children
}: {
  readonly name: string
  readonly children: React.ReactNode
}) => (
  <tr>
    <td className="mk" />
    <th scope="row">{name}</th>
    <td>{children}</td>
  </tr>
)

const Why = ({ event }: { readonly event: EventDetail }) => {
  const { line } = event
  const [occurred, recorded] = [millisOf(line.occurredAt), millisOf(line.recordedAt)]
  return (
    <section className="sheet" aria-label="Cause and correlation">
      <header>
        <h2>Why it happened</h2>
        {line.actor === undefined ? null : (
          <p>
            asked for by <b>{line.actor}</b>
          </p>
        )}
      </header>
      <table className="kv" aria-label="What it came of">
        <tbody>
          {line.commandId === undefined ? null : (
            <Fact name="command">
              <span className="id">{line.commandId}</span>
            </Fact>
          )}
          {line.causationId === undefined ? null : (
            <Fact name="caused by">
              <Link className="id" to={href(["events", line.causationId])}>
                {line.causationId}
              </Link>
            </Fact>
          )}
          {line.correlationId === undefined ? null : (
            <Fact name="correlation">
              <Link
                className="id"
                to={href(["streams"], { q: `correlation:${line.correlationId}` })}
              >
                {line.correlationId}
              </Link>
            </Fact>
          )}
          <Fact name="event id">
            <span className="id">{line.id}</span>
          </Fact>
          <Fact name="occurred">
            <Time at={occurred} form="full" /> <span className="q2">{sayUtc(occurred)}</span>
          </Fact>
          <Fact name="recorded">
            <Time at={recorded} form="full" />{" "}
            <span className="q2">{sayDuration(recorded - occurred)} later</span>
          </Fact>
        </tbody>
      </table>
      <div className="pad">
        <h3 className="sub">What followed from it</h3>
        <Trail line={line} />
      </div>
      {event.metadata === undefined ? null : (
        <details className="pad">
          <summary>Its metadata as recorded</summary>
          <JsonText value={event.metadata} label="Metadata" />
        </details>
      )}
    </section>
  )
}

/** The events that the same request set in motion, in whichever stream they are. */
const Trail = ({ line }: { readonly line: EventLine }) => {
  const show = useShow()
  const atom = useMemo(
    () =>
      Host.query("log", "trail", {
        query: {
          ...(line.correlationId !== undefined
            ? { correlation: line.correlationId }
            : line.commandId !== undefined
              ? { command: line.commandId }
              : { cause: line.id }),
          near: line.position,
          ...show
        }
      }),
    [line, show]
  )
  const answer = useAnswer(atom)
  return (
    <Answered answer={answer} what="what followed">
      {(trail) => (
        <>
          <ol className="trail">
            {trail.events.slice(0, 50).map((event) => (
              <li key={event.id} className={event.id === line.id ? "here" : undefined}>
                <Link
                  className="id"
                  to={href(["streams", event.streamId], { rev: event.revision })}
                >
                  {event.streamId}
                </Link>{" "}
                <span className="q2">revision {event.revision}</span> <b>{event.type}</b>
                {event.id === line.id ? (
                  ", this event"
                ) : (
                  <span className="q2">
                    {" "}
                    {sayApart(millisOf(event.recordedAt) - millisOf(line.recordedAt))}
                  </span>
                )}
              </li>
            ))}
          </ol>
          {trail.events.length > 50 ? (
            <p className="q2">
              and {sayCount(trail.events.length - 50, "more event", "more events")}
            </p>
          ) : null}
          {trail.complete ? null : (
            <p className="q2">
              Only positions {sayNumber(trail.from)} to {sayNumber(trail.to)} were searched.
            </p>
          )}
        </>
      )}
    </Answered>
  )
}

const sayApart = (millis: number): string =>
  millis === 0 ? "at once" : `${sayDuration(Math.abs(millis))} ${millis > 0 ? "later" : "before"}`

/** The two sheets of the event at a revision. */
export const useEventSheets = (
  streamId: StreamId,
  revision: number
): { readonly forms: React.ReactNode; readonly why: React.ReactNode } => {
  const show = useShow()
  const atom = useMemo(
    () =>
      Host.query("streams", "event", {
        params: { streamId, revision: Revision.make(Math.max(1, revision)) },
        query: show
      }),
    [streamId, revision, show]
  )
  const answer = useAnswer(atom)
  if (revision === 0) {
    return {
      forms: (
        <section className="sheet" aria-label="Event">
          <header>
            <h2>Before the first event</h2>
          </header>
          <p className="pad q2">Nothing has happened yet.</p>
        </section>
      ),
      why: null
    }
  }
  return {
    forms: (
      <Answered answer={answer} what="the event">
        {(event) => (
          <section className="sheet" aria-label={`Event ${event.line.revision}`}>
            <header>
              <h2>{event.line.type}</h2>
              <p>
                revision {event.line.revision}, position {sayNumber(event.line.position)}
              </p>
              <p className="push">
                <Time at={millisOf(event.line.occurredAt)} form="full" />
              </p>
            </header>
            <Withheld is={event.withheld} />
            <Forms event={event} />
          </section>
        )}
      </Answered>
    ),
    why: answer.value === undefined ? null : <Why event={answer.value} />
  }
}
