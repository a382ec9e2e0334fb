/**
 * Writes the outcomes as tables in Markdown.
 */
import type { Outcome } from "./Rounds.ts"
import * as SlowCommit from "./SlowCommit.ts"
import type { Workload } from "./Workload.ts"

/**
 * Writes a row for each workload and a column for each contender: events a second, or milliseconds.
 */
export const figures = (outcomes: ReadonlyArray<Outcome>): string => {
  const contenders = unique(outcomes.map(({ contender }) => contender))
  return markdown([
    ["events a second", "at a time", ...contenders],
    ...workloads(outcomes).map((workload) => [
      title(workload),
      String(workload.concurrency),
      ...contenders.map((contender) => cell(find(outcomes, workload, contender)))
    ])
  ])
}

/** Writes a row for each workload: the rate of `contender` divided by the rate of each peer. */
export const ratios = (
  outcomes: ReadonlyArray<Outcome>,
  contender: string,
  peers: ReadonlyArray<string>
): string => {
  const all = workloads(outcomes)
  const rows = all
    .filter(({ latency }) => !latency)
    .map((workload) => {
      const against = all.find(({ name }) => name === workload.against) ?? workload
      const mine = find(outcomes, workload, contender)?.figures?.perSecond
      const ratio = (peer: string) => {
        const theirs = find(outcomes, against, peer)?.figures?.perSecond
        return mine === undefined || theirs === undefined ? "-" : (mine / theirs).toPrecision(3)
      }
      return [title(workload), String(workload.concurrency), ...peers.map(ratio)]
    })
  if (rows.length === 0) return ""
  return markdown([[`${contender} by`, "at a time", ...peers], ...rows])
}

/** Writes the environment, a line for each kind of fact. */
export const environment = (facts: Record<string, Fact | Record<string, Fact>>): string =>
  Object.entries(facts)
    .map(([name, fact]) => `- ${name}: ${typeof fact === "object" ? list(fact) : fact}`)
    .join("\n")

type Fact = string | number

const list = (facts: Record<string, Fact>): string =>
  Object.entries(facts)
    .map(([name, fact]) => `${name} ${fact}`)
    .join(", ")

/** Returns an outcome as JSON. */
export const entry = ({ contender, figures: found, workload }: Outcome) => ({
  workload: title(workload),
  concurrency: workload.concurrency,
  events: workload.events,
  contender,
  ...(found ?? { offered: false })
})

const workloads = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Workload> =>
  unique(outcomes.map(({ workload }) => workload))

const unique = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => Array.from(new Set(values))

const find = (outcomes: ReadonlyArray<Outcome>, workload: Workload, contender: string) =>
  outcomes.find((outcome) => outcome.workload === workload && outcome.contender === contender)

const title = ({ latency, name, slow }: Workload): string =>
  latency
    ? `${name}: p50 / p99 ms`
    : slow
      ? `${name}, a commit costing ${SlowCommit.MILLIS} ms more`
      : name

const cell = (outcome: Outcome | undefined): string => {
  if (outcome?.figures === undefined) return "not offered"
  const { figures: found, workload } = outcome
  if (!workload.latency) return count(found.perSecond * workload.events)
  const times = `${millis(found.p50Micros)} / ${millis(found.p99Micros)}`
  return found.missed ? `${times}, ${found.missed} missed` : times
}

const count = (value: number): string => Math.round(value).toLocaleString("en")

const millis = (micros: number): string =>
  micros < 10_000 ? (micros / 1_000).toPrecision(2) : count(micros / 1_000)

const markdown = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const [heading = [], ...body] = rows
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  const rule = heading.map((_, index) => (index === 0 ? "---" : "--:"))
  return [line(heading), line(rule), ...body.map(line)].join("\n")
}
