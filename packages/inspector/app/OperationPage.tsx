/** What keeps up with the log: positions, lags and claims, and below what needs a person. */
import type { Operation } from "@daybook/inspector/OperationAnswer"
import * as Option from "effect/Option"
import { useEffect, useMemo, useRef, useState } from "react"
import type { Address } from "./address.ts"
import { href } from "./address.ts"
import type { Ask } from "./AskOnce.tsx"
import { AskOnce } from "./AskOnce.tsx"
import { ChosenSheet } from "./ChosenSheet.tsx"
import { registry, useAnswer } from "./atoms.ts"
import type { Looks } from "./foldRates.ts"
import { foldedPerSecond, looked } from "./foldRates.ts"
import { about, millisOf, useShow } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import type { Series } from "./LagPlot.tsx"
import { LagPlot, Spark } from "./LagPlot.tsx"
import { useKeys } from "./keys.ts"
import { Answered, Empty } from "./Notices.tsx"
import type { Model } from "./operating.ts"
import { EVERY, lookOf, operation } from "./operating.ts"
import { RebuildSheet, StoppedSheet, VerdictSheet } from "./OperationSheets.tsx"
import { HeldSheet, ReactorTable, reactorSeries } from "./ReactorSheets.tsx"
import { Head, Link } from "./Shell.tsx"
import { Time } from "./Time.tsx"
import { Withheld } from "./Withheld.tsx"

export const OperationPage = ({ here }: { readonly here: Address }) => {
  const isShown = useShow().show === true
  const atom = useMemo(() => operation(isShown), [isShown])
  const answer = useAnswer(atom)
  const [isLooking, setLooking] = useState(true)
  const [ask, setAsk] = useState<Ask>()
  useEffect(() => {
    if (!isLooking) return
    const timer = setInterval(() => registry.refresh(atom), EVERY)
    return () => clearInterval(timer)
  }, [isLooking, atom])
  useKeys({ " ": () => setLooking(!isLooking) })
  return (
    <>
      <Head
        title="Operation"
        tools={
          <>
            {answer.value === undefined ? null : (
              <span className="q2">
                looked at <Time at={millisOf(answer.value.at)} form="hms" />
                {isLooking ? `, every ${EVERY / 1000} s` : ""}
              </span>
            )}
            <button className="btn" type="button" onClick={() => setLooking(!isLooking)}>
              {isLooking ? "Stop looking" : "Look again"}
            </button>
          </>
        }
      >
        <span role="status">
          {answer.value === undefined ? null : <Summary operation={answer.value} />}
        </span>
      </Head>
      <Answered answer={answer} what="the operation">
        {(now) => <Everything here={here} operation={now} onAsk={setAsk} />}
      </Answered>
      {ask === undefined ? null : <AskOnce ask={ask} onEnd={() => setAsk(undefined)} />}
    </>
  )
}

const Summary = ({ operation: { models, reactors } }: { readonly operation: Operation }) => {
  const count = (state: Model["status"]["state"]): number =>
    models.filter(({ status }) => status.state === state).length
  const facts = (
    [
      ["stopped", count("stopped")],
      ["catching up", count("catching up")],
      ["paused", count("paused")],
      ["without a host", count("waiting")]
    ] as const
  ).filter(([, number]) => number > 0)
  return (
    <>
      {sayCount(models.length, "read model")}
      {reactors.length === 0 ? null : ` and ${sayCount(reactors.length, "reactor")}`}
      {facts.length === 0
        ? ", all of them keep up."
        : facts.map(([name, number]) => (
            <span key={name}>
              , {name === "stopped" ? <b>{number} stopped</b> : `${number} ${name}`}
            </span>
          ))}
    </>
  )
}

const seriesOf = (model: Model): Series => ({
  name: model.status.name,
  state: lookOf(model),
  lags: model.samples.map(({ lagEvents }) => lagEvents)
})

/** The samples of all that keep up, at the same times. */
const plotOf = ({ models, reactors }: Operation) => {
  const all = [
    ...models.map((model) => ({ samples: model.samples, series: seriesOf(model) })),
    ...reactors.map((reactor) => ({ samples: reactor.samples, series: reactorSeries(reactor) }))
  ]
  const times = [
    ...new Set(all.flatMap(({ samples }) => samples.map(({ at }) => millisOf(at))))
  ].toSorted((one, other) => one - other)
  const series = all.map(({ samples, series: one }): Series => {
    const lags = new Map(samples.map(({ at, lagEvents }) => [millisOf(at), lagEvents]))
    return { ...one, lags: times.map((time) => lags.get(time) ?? null) }
  })
  return { times: times.map((time) => time / 1000), series }
}

/** The time since which a read model lacks events, as its status tells, read at `at`. */
const behindSince = ({ samples, status }: Model, at: number): number | undefined => {
  if (status.lagEvents === 0) return undefined
  if (status.lagMillis > 0) return at - status.lagMillis
  const caughtUp = samples.findLastIndex(({ lagEvents }) => lagEvents === 0)
  const [first] = samples.slice(caughtUp + 1)
  return first === undefined ? undefined : millisOf(first.at)
}

const states: Record<Model["status"]["state"], string> = {
  "up to date": "live",
  "catching up": "behind",
  inline: "inline",
  paused: "paused",
  stopped: "stopped",
  waiting: "behind"
}

const Does = ({ model }: { readonly model: Model }) => {
  const { state, building, lastError } = model.status
  return (
    <>
      <span className={`st ${states[state]}`}>
        {state === "up to date" ? "live" : state === "waiting" ? "no host maintains it" : state}
      </span>
      {Option.isSome(building) ? (
        <>
          {" "}
          <span className="st build">generation {building.value.generation}</span>
        </>
      ) : null}
      {Option.isSome(lastError) ? <span className="tag bad">{lastError.value.message}</span> : null}
    </>
  )
}

/** Keeps what each read model had folded at the looks of the last minute. */
const useLooks = ({ at, models }: Operation): Looks => {
  const looks = useRef<Looks>(new Map())
  for (const { status } of models) {
    const { events, generation, name } = status
    looks.current = looked(looks.current, name, { at: millisOf(at), generation, events })
  }
  return looks.current
}

const Everything = ({
  here,
  operation: now,
  onAsk
}: {
  readonly here: Address
  readonly operation: Operation
  readonly onAsk: (ask: Ask) => void
}) => {
  const mayOperate = useAnswer(about).value?.permissions.includes("operate") === true
  const plot = useMemo(() => plotOf(now), [now])
  const looks = useLooks(now)
  const stopped = now.models.filter((model) => lookOf(model) === "stopped")
  const running = now.models.filter(({ status }) => Option.isSome(status.building))
  const held = now.reactors.filter(({ status }) => status.held.length > 0)
  const chosen = now.models.find(({ status }) => status.name === here.hash)
  return (
    <>
      <Withheld is={now.withheld} />
      <div className="sheet scroll" tabIndex={0} role="group" aria-label="Read models">
        <table className="ledger fold" role="table" aria-label="Read models">
          <thead>
            <tr>
              <th className="mg" scope="col">
                Version
              </th>
              <th scope="col">Name</th>
              <th scope="col">Does</th>
              <th className="n" scope="col">
                Position
              </th>
              <th className="n" scope="col">
                Behind
              </th>
              <th scope="col">Since</th>
              <th scope="col">Last minutes</th>
              <th className="n" scope="col" title="Events folded a second, over the last minute">
                Folded/s
              </th>
              <th scope="col">Claim held by</th>
            </tr>
          </thead>
          <tbody>
            {now.models.map((model) => (
              <Line
                key={model.status.name}
                model={model}
                at={millisOf(now.at)}
                rate={foldedPerSecond(looks, model.status.name)}
                isHere={model === chosen || stopped.includes(model)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {now.reactors.length === 0 ? null : <ReactorTable reactors={now.reactors} />}
      <div className="cols two gap">
        <div className="cols">
          {held.map((reactor) => (
            <HeldSheet
              key={reactor.status.name}
              reactor={reactor}
              mayOperate={mayOperate}
              onAsk={onAsk}
            />
          ))}
          {stopped.map((model) => (
            <StoppedSheet
              key={model.status.name}
              model={model}
              mayOperate={mayOperate}
              onAsk={onAsk}
            />
          ))}
          {running.map((model) => (
            <RebuildSheet
              key={model.status.name}
              model={model}
              rebuild={now.rebuilds.find(
                (one) => one.model === model.status.name && one.verdict === "running"
              )}
              mayOperate={mayOperate}
              onAsk={onAsk}
            />
          ))}
          {chosen === undefined ? (
            stopped.length + running.length + held.length === 0 ? (
              <section className="sheet" aria-label="Nothing to do">
                <Empty title="Nothing has stopped">
                  Choose a read model above to pause it or to rebuild it.
                </Empty>
              </section>
            ) : null
          ) : (
            <ChosenSheet model={chosen} mayOperate={mayOperate} onAsk={onAsk} />
          )}
        </div>
        <div className="cols">
          <section className="sheet" aria-label="Behind the log">
            <header>
              <h2>Behind the log</h2>
              <p>events, over the last minutes</p>
            </header>
            <div className="pad">
              {plot.times.length < 2 ? (
                <p className="q2">The plot begins with the second look.</p>
              ) : (
                <LagPlot times={plot.times} series={plot.series} />
              )}
            </div>
          </section>
          <VerdictSheet rebuilds={now.rebuilds} />
        </div>
      </div>
    </>
  )
}

const Line = ({
  model,
  at,
  rate,
  isHere
}: {
  readonly model: Model
  readonly at: number
  readonly rate: number | undefined
  readonly isHere: boolean
}) => {
  const { status } = model
  const since = behindSince(model, at)
  const to = href(["operation"], {}, status.name)
  return (
    <tr className={isHere ? "here" : undefined}>
      <td className="mg">
        v{status.version}, gen {status.generation}
      </td>
      <td className="main">
        <Link className="id" to={to}>
          <b>{status.name}</b>
        </Link>
      </td>
      <td className="two-of">
        <Does model={model} />
      </td>
      <td className="n gone">{sayNumber(status.position)}</td>
      <td className="n side">{sayNumber(status.lagEvents)}</td>
      <td className="side2 nb">{since === undefined ? null : <Time at={since} form="hms" />}</td>
      <td className="gone">
        <Spark series={seriesOf(model)} />
      </td>
      <td className="n gone">
        {status.state === "inline" ? null : rate === undefined ? (
          <span className="q2">from the second look on</span>
        ) : (
          sayNumber(Math.round(rate * 10) / 10)
        )}
      </td>
      <td className="gone">
        {status.state === "inline"
          ? "in the append"
          : Option.match(status.owner, { onNone: () => "no host", onSome: sayOwner })}
      </td>
    </tr>
  )
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** A host that has no name of its own is known by an id, which is cut at its end. */
const sayOwner = (owner: string): string =>
  UUID.test(owner) ? `host ${owner.slice(0, 8)}…` : owner
