/**
 * Fails when the registry knows of an advisory about a package in the lockfile; reports if the
 * registry gave no answer.
 */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { pnpm } from "./pnpm.ts"

/** The result of `pnpm audit --json`. */
export interface Audit {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Verdict =
  | { readonly kind: "clean" }
  | { readonly kind: "found"; readonly advisories: ReadonlyArray<string> }
  /** The registry offers no advisories, or was not reached. */
  | { readonly kind: "unanswered"; readonly reason: string }

/**
 * Returns the verdict on an audit. Advisories are named by their severity, module, range and title.
 */
export const verdict = ({ status, stderr, stdout }: Audit): Verdict => {
  const report = parsed(stdout)
  const advisories = record(report?.["advisories"])
  if (advisories === undefined) {
    const words = `${stdout} ${stderr}`.split(/\s+/).filter((word) => word !== "")
    return {
      kind: "unanswered",
      reason: words.length === 0 ? `the audit ended with ${status}` : words.join(" ").slice(0, 500)
    }
  }
  const found = Object.values(advisories).map((advisory) => {
    const fields = record(advisory) ?? {}
    return ["severity", "module_name", "vulnerable_versions", "title"]
      .map((field) => String(fields[field]))
      .join(" ")
  })
  if (found.length > 0) return { kind: "found", advisories: found }
  return status === 0
    ? { kind: "clean" }
    : { kind: "unanswered", reason: `the audit ended with ${status}` }
}

const parsed = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return record(JSON.parse(text))
  } catch {
    return undefined
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined

if (import.meta.main) {
  const [command, ...args] = pnpm(["audit", "--json"])
  const audit = ChildProcess.spawnSync(command, args, {
    cwd: Path.join(import.meta.dirname, ".."),
    encoding: "utf8"
  })
  const found = verdict(audit)
  if (found.kind === "found") {
    console.error(`Advisories about packages in the lockfile:\n${found.advisories.join("\n")}`)
    process.exitCode = 1
  } else {
    console.log(
      found.kind === "clean"
        ? "The registry knows of no advisories about the packages in the lockfile"
        : `No advisories were seen, since the registry gave no answer: ${found.reason}`
    )
  }
}
