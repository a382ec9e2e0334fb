/** The read model that is chosen in operation: its generations, its last act, and the acts on it. */
import * as Option from "effect/Option"
import { useEffect } from "react"
import { go, href } from "./address.ts"
import type { Ask } from "./AskOnce.tsx"
import { registry, useAnswer } from "./atoms.ts"
import { Host, millisOf } from "./host.ts"
import { sayCount, sayNumber } from "./Json.tsx"
import type { Model } from "./operating.ts"
import { pause, rebuild, resume } from "./operating.ts"
import { Link } from "./Shell.tsx"
import { Time } from "./Time.tsx"

const actsOf = (model: string) => Host.query("operation", "acts", { params: { model } })

/** The sheet of the read model that the address names, with the acts on it. */
export const ChosenSheet = ({
  model: { status, generations, lastAct: newest },
  mayOperate,
  onAsk
}: {
  readonly model: Model
  readonly mayOperate: boolean
  readonly onAsk: (ask: Ask) => void
}) => {
  const { name } = status
  const isPaused = status.state === "paused"
  // The status has an act only while it is in force.
  const acts = useAnswer(actsOf(name))
  useEffect(() => registry.refresh(actsOf(name)), [name, status.state, status.generation])
  const lastAct = newest ?? acts.value?.at(-1)
  const askPause = (): void =>
    onAsk(
      isPaused
        ? {
            title: `Let ${name} go on?`,
            about: `It is at position ${sayNumber(status.position)}, ${sayCount(status.lagEvents, "event")} behind.`,
            facts: ["It folds on from there, and catches up."],
            yes: "Let it go on",
            no: "Leave it paused",
            act: (reason) => void resume(name, reason)
          }
        : {
            title: `Pause ${name}?`,
            about: `It is at position ${sayNumber(status.position)}.`,
            facts: [
              "Its rows stay as they are and are still served.",
              "Events wait in the log until it goes on; nothing is lost."
            ],
            yes: "Pause",
            no: "Let it run",
            act: (reason) => void pause(name, reason)
          }
    )
  const askRebuild = (): void =>
    onAsk({
      title: `Rebuild ${name}?`,
      about: `Generation ${status.generation}, version ${status.version}, serves now.`,
      facts: [
        "All of the log is folded into new rows beside those that serve.",
        "Every row is compared at one position.",
        "The new rows take over in one transaction if all are equal; else the old ones go on serving."
      ],
      yes: "Rebuild",
      no: "Leave it as it is",
      act: (reason) => void rebuild(name, reason, false)
    })
  return (
    <section className="sheet" aria-label={name}>
      <header>
        <h2>{name}</h2>
        <p>
          <Link to={href(["read-models", name])}>its rows</Link>
        </p>
        {mayOperate ? (
          <div className="row push">
            <button className="btn" type="button" onClick={askPause}>
              {isPaused ? "Let it go on…" : "Pause…"}
            </button>
            <button className="btn" type="button" onClick={askRebuild}>
              Rebuild…
            </button>
            <button className="btn bare" type="button" onClick={() => go(href(["operation"]))}>
              Close
            </button>
          </div>
        ) : null}
      </header>
      <table className="kv" aria-label="Generations and the last act">
        <tbody>
          {generations.map(({ generation, version, role, position, events }) => (
            <tr key={generation}>
              <td className="mk" />
              <th scope="row">generation {generation}</th>
              <td>
                {role}, version {version}, at position {sayNumber(position)},{" "}
                {sayCount(events, "event")} folded
              </td>
            </tr>
          ))}
          <tr>
            <td className="mk" />
            <th scope="row">last act</th>
            <td>
              {lastAct === undefined ? (
                acts.value === undefined ? (
                  (acts.problem ?? "…")
                ) : (
                  "none"
                )
              ) : (
                <>
                  {lastAct.act} <Time at={millisOf(lastAct.at)} form="full" />
                  {Option.isSome(lastAct.actor) ? `, by ${lastAct.actor.value}` : ""}
                  {Option.isSome(lastAct.reason) ? `: ${lastAct.reason.value}` : ""}
                </>
              )}
            </td>
          </tr>
        </tbody>
      </table>
    </section>
  )
}
