/**
 * A host of a tortured cluster in a process of its own, and what it has reported over all of its
 * lives.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { lines } from "../message.ts"
import { readReport, type Report, writeOrder } from "./message.ts"

/** The events that a subscriber was given from one start to the next mismatch. */
export interface Session {
  readonly given: Array<EventId>
  after: Checkpoint | null
  isMismatched: boolean
}

export interface Reports {
  readonly sent: Map<string, number>
  readonly acknowledged: Array<Extract<Report, { readonly _tag: "Acknowledged" }>>
  readonly sessions: Array<Session>
  readonly reacted: Set<EventId>
  readonly published: Set<string>
  readonly told: Array<string>
  rejected: number
  readonly failed: Array<string>
}

export interface Host {
  readonly reports: Reports
  readonly isReady: () => boolean
  readonly isResting: () => boolean
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  readonly start: () => void
  readonly rest: () => void
}

const program = Path.join(import.meta.dirname, "../../programs/clusterHost.ts")

export const make = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const reports: Reports = {
    sent: new Map(),
    acknowledged: [],
    sessions: [],
    reacted: new Set(),
    published: new Set(),
    told: [],
    rejected: 0,
    failed: []
  }
  let child: ChildProcess | undefined
  let ready = false
  let resting = false

  const session = (): Session => {
    const last = reports.sessions.at(-1)
    if (last !== undefined && !last.isMismatched) return last
    const begun: Session = { given: [], after: null, isMismatched: false }
    reports.sessions.push(begun)
    return begun
  }
  const follow = () =>
    child?.stdin?.write(`${writeOrder({ _tag: "Follow", after: session().after })}\n`)

  const hear = (report: Report) => {
    switch (report._tag) {
      case "Ready":
        ready = true
        follow()
        return
      case "Sent":
        reports.sent.set(report.order, (reports.sent.get(report.order) ?? 0) + 1)
        return
      case "Acknowledged":
        reports.acknowledged.push(report)
        return
      case "Resting":
        resting = true
        return
      case "Given": {
        const current = session()
        current.given.push(...report.events)
        current.after = report.checkpoint
        return
      }
      case "Mismatched":
        session().isMismatched = true
        follow()
        return
      case "Reacted":
        reports.reacted.add(report.event)
        return
      case "Published":
        reports.published.add(report.id)
        return
      case "Told":
        reports.told.push(report.line)
        return
      case "Rejected":
        reports.rejected++
        return
      case "Failed":
        reports.failed.push(report.message)
    }
  }

  const start = () => {
    if (child !== undefined) return
    ready = false
    resting = false
    const begun = spawn(process.execPath, [program], {
      env: { DATABASE_URL: Redacted.value(url) },
      stdio: ["pipe", "pipe", "ignore"]
    })
    begun.stdin.on("error", () => {})
    begun.stdout.on(
      "data",
      lines((line) => hear(readReport(line)))
    )
    begun.once("close", () => {
      if (child === begun) child = undefined
      ready = false
    })
    child = begun
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      child?.kill("SIGKILL")
    })
  )
  const host: Host = {
    reports,
    isReady: () => ready,
    isResting: () => resting,
    signal: (signal) => {
      child?.kill(signal)
    },
    start,
    rest: () => {
      child?.stdin?.write(`${writeOrder({ _tag: "Rest" })}\n`)
    }
  }
  return host
})
