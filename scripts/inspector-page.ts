/**
 * Builds the page of the inspector where it is missing or older than its sources. `pnpm start` does
 * it before it serves, so that a fresh clone needs no step of its own.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

/** Returns the time of the newest file below a folder, or of a file, in milliseconds. */
const newest = (path: string): number => {
  const found = Fs.statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return 0
  if (!found.isDirectory()) return found.mtimeMs
  return Math.max(0, ...Fs.readdirSync(path).map((name) => newest(Path.join(path, name))))
}

/** Returns true if the built page of the package is there, and not older than its sources. */
export const isBuilt = (inspector: string): boolean => {
  const page = newest(Path.join(inspector, "dist-app/index.html"))
  return page > 0 && ["app", "src"].every((folder) => newest(Path.join(inspector, folder)) <= page)
}

if (import.meta.main) {
  const inspector = Path.resolve(import.meta.dirname, "../packages/inspector")
  const vite = Path.join(inspector, "node_modules/vite/bin/vite.js")
  // An image for production has the built page, and not what builds it.
  if (!isBuilt(inspector) && Fs.existsSync(vite)) {
    console.error("Building the page of the inspector: once, and after its sources change.")
    execFileSync(
      process.execPath,
      [vite, "build", "--config", "app/vite.config.ts", "--logLevel", "warn"],
      { cwd: inspector, stdio: "inherit" }
    )
  }
}
