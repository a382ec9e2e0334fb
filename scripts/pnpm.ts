/**
 * Runs the pnpm that the repository names, from inside a script.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

const ROOT = Path.join(import.meta.dirname, "..")

/** The version and hash, as in `pnpm@12.21.0+sha512.ab01`. */
const PINNED = /^pnpm@(\d+\.\d+\.\d+)\+sha512\.([0-9a-f]{128})$/

/** Returns the pinned version, and the SHA-512 of its tarball in hexadecimal digits. */
export const pinned = (manifest: string): { readonly version: string; readonly sha512: string } => {
  const { packageManager } = JSON.parse(manifest) as { readonly packageManager?: string }
  const [, version, sha512] = PINNED.exec(packageManager ?? "") ?? []
  if (version === undefined || sha512 === undefined) {
    throw new Error(`packageManager is ${packageManager}, which is no version of pnpm with a hash`)
  }
  return { version, sha512 }
}

/** Returns command and arguments: the pnpm that runs the script, or else the pinned one. */
export const pnpm = (args: ReadonlyArray<string>): readonly [string, ...Array<string>] => {
  const { version } = pinned(Fs.readFileSync(Path.join(ROOT, "package.json"), "utf8"))
  const running = process.env["npm_config_user_agent"]?.startsWith(`pnpm/${version} `) === true
  return running ? ["pnpm", ...args] : ["npx", "-y", `pnpm@${version}`, ...args]
}
