/**
 * A project outside of the repository, into which npm installs tarballs.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { readManifest, ROOT } from "./published.ts"
import type { Tarball } from "./tarballs.ts"

/** A Node to install and run with: the path of its binary. */
export type Node = string

/** The oldest Node of `engines`, from npm. */
export const OLDEST_NODE: Node = Path.join(
  import.meta.dirname,
  `node_modules/node-22-${process.platform}-${process.arch}/bin/node`
)

/** A project, and what is done in it. */
export interface Project {
  readonly folder: string
  readonly write: (file: string, text: string) => void
  /** Runs Node, and returns its exit status and all that it printed. */
  readonly node: (...args: ReadonlyArray<string>) => Ended
  /** Runs npm, and returns its standard output; throws when npm fails. */
  readonly npm: (...args: ReadonlyArray<string>) => string
  readonly remove: () => void
}

/** An ended process. */
export interface Ended {
  readonly status: number | null
  readonly output: string
}

/** A process that waits for ever must not hold up the run, and a loaded machine is slow. */
const TIMEOUT_MILLIS = 300_000

/**
 * A Vitest inside of another one would not start, npm would take up the settings of pnpm, and
 * `NODE_PATH` leads to the modules of the repository.
 */
const foreign =
  /^(?:VITEST|NODE_COMPILE_CACHE|NODE_PATH|DATABASE_URL|npm_(?!config_(?:registry|cache|cafile)$))/

/** Makes an empty project of ES modules. */
export const make = (node: Node): Project => {
  const folder = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-project-")))
  const env: Record<string, string | undefined> = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !foreign.test(name))
  )
  env["PATH"] = `${Path.dirname(node)}${Path.delimiter}${env["PATH"] ?? ""}`
  const project: Project = {
    folder,
    write: (file, text) => {
      const path = Path.join(folder, file)
      Fs.mkdirSync(Path.dirname(path), { recursive: true })
      Fs.writeFileSync(path, text)
    },
    node: (...args) => {
      const ended = spawnSync(node, args, {
        cwd: folder,
        env,
        encoding: "utf8",
        timeout: TIMEOUT_MILLIS
      })
      return { status: ended.status, output: `${ended.stdout}${ended.stderr}` }
    },
    npm: (...args) =>
      execFileSync("npm", args, { cwd: folder, env, encoding: "utf8", timeout: TIMEOUT_MILLIS }),
    remove: () => Fs.rmSync(folder, { recursive: true, force: true })
  }
  project.write("package.json", JSON.stringify({ private: true, type: "module" }))
  return project
}

/** Installs tarballs, and packages of the registry. Engines that do not match are errors. */
export const install = (
  project: Project,
  tarballs: ReadonlyArray<Tarball>,
  packages: ReadonlyArray<string>
): void => {
  project.npm(
    "install",
    "--engine-strict",
    "--ignore-scripts",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    ...tarballs.map(({ file }) => file),
    ...packages
  )
}

/** Returns the package with the version that the lockfile has, as in `effect@4.1.0`. */
export const locked = (name: string): string => {
  const [found] = Fs.globSync(`{packages/*/,}node_modules/${name}`, { cwd: ROOT })
  if (found === undefined) throw new Error(`no package of the workspace depends on ${name}`)
  return `${name}@${readManifest(Path.join(ROOT, found)).version}`
}
