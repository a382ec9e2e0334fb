/**
 * Publishes all packages in one version, with provenance: `pnpm release`, from a job of CI that npm
 * knows as the trusted publisher of the packages. `--dry-run` does everything but the publishing,
 * anywhere.
 *
 * It may run again after a failure: a package whose version is published already is left alone.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { type Published, published, ROOT } from "./published.ts"
import { build, pack } from "./tarballs.ts"

/** The facts by which a release may go on. */
export interface State {
  readonly versions: ReadonlyArray<string>
  /** The files in `.changeset` that wait for a version. */
  readonly changesets: ReadonlyArray<string>
  /** The output of `git status --porcelain`. */
  readonly changes: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The variables by which GitHub and GitLab give a job the identity that provenance states. */
const IDENTITIES = ["ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"]

/** Returns a line for each reason not to publish. */
export const refusals = (state: State): ReadonlyArray<string> => {
  const versions = [...new Set(state.versions)]
  return [
    ...(versions.length === 1 && versions[0] !== "0.0.0"
      ? []
      : [`the versions are ${versions.join(", ")}: run \`pnpm changeset version\``]),
    ...(state.changesets.length === 0
      ? []
      : [`${state.changesets.length} changesets wait: run \`pnpm changeset version\``]),
    ...(state.changes === "" ? [] : ["the checkout has changes that are not committed"]),
    ...(IDENTITIES.some((name) => (state.environment[name] ?? "") !== "")
      ? []
      : [`provenance needs a job of CI with an identity: none of ${IDENTITIES.join(", ")} is set`])
  ]
}

/** Returns the packages, each after those that it depends on. */
export const inOrder = <A extends Published>(packages: ReadonlyArray<A>): ReadonlyArray<A> => {
  const ordered: Array<A> = []
  const add = (each: A) => {
    if (ordered.includes(each)) return
    const names = Object.keys(each.manifest.dependencies ?? {})
    for (const other of packages) if (names.includes(other.name)) add(other)
    ordered.push(each)
  }
  for (const each of packages) add(each)
  return ordered
}

const stateOf = (): State => ({
  versions: published(ROOT).map(({ manifest }) => manifest.version ?? "0.0.0"),
  changesets: Fs.globSync("*.md", { cwd: Path.join(ROOT, ".changeset") }),
  changes: execFileSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" }),
  environment: process.env
})

const isPublished = (name: string, version: string): boolean => {
  const answer = spawnSync("npm", ["view", `${name}@${version}`, "version"], { encoding: "utf8" })
  if (answer.status === 0) return answer.stdout.trim() === version
  if (answer.stderr.includes("E404")) return false
  throw new Error(`the registry did not say if ${name}@${version} is there: ${answer.stderr}`)
}

const main = (isDryRun: boolean): void => {
  const refused = isDryRun ? [] : refusals(stateOf())
  if (refused.length > 0) throw new Error(`Cannot release: ${refused.join("; ")}`)
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-release-"))
  try {
    build()
    for (const { file, manifest, name } of inOrder(pack(folder))) {
      const version = manifest.version ?? "0.0.0"
      if (!isDryRun && isPublished(name, version)) {
        console.log(`${name}@${version} is published already`)
        continue
      }
      const args = ["publish", file, "--provenance", "--access", "public"]
      execFileSync("npm", isDryRun ? [...args, "--dry-run"] : args, {
        stdio: ["ignore", "ignore", "inherit"]
      })
      console.log(`${name}@${version} ${isDryRun ? "would be published" : "is published"}`)
    }
  } finally {
    Fs.rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) {
  try {
    main(process.argv.includes("--dry-run"))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
