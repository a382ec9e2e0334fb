/**
 * Builds the published packages, and packs each into a tarball, as a release does.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { isBuilt } from "../inspector-page.ts"
import { pnpm } from "../pnpm.ts"
import { type Published, published, ROOT } from "./published.ts"

/** A packed package. */
export interface Tarball extends Published {
  readonly file: string
  readonly bytes: number
}

const run = (
  cwd: string,
  [command, ...args]: readonly [string, ...ReadonlyArray<string>]
): void => {
  execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] })
}

/** Builds what is published: the modules of all packages, and the page of the inspector. */
export const build = (): void => {
  for (const { path } of published(ROOT)) removeStale(path)
  run(ROOT, [process.execPath, "node_modules/typescript/bin/tsc", "-b", "packages"])
  const inspector = Path.join(ROOT, "packages/inspector")
  if (!isBuilt(inspector)) run(ROOT, [process.execPath, "scripts/inspector-page.ts"])
}

/** Removes the built modules that have no source, which an incremental build leaves. */
const removeStale = (path: string): void => {
  const isOfModule = /\.(?:js|d\.ts)(?:\.map)?$/
  for (const file of Fs.globSync("dist/**/*.{js,d.ts,map}", { cwd: path })) {
    const source = file.replace(/^dist\//, "src/").replace(isOfModule, "")
    const isThere = [".ts", ".tsx"].some((extension) =>
      Fs.existsSync(Path.join(path, source + extension))
    )
    if (!isThere) Fs.rmSync(Path.join(path, file))
  }
}

/** Packs every published package into `folder`. */
export const pack = (folder: string): ReadonlyArray<Tarball> =>
  published(ROOT).map((each) => {
    run(each.path, pnpm(["pack", "--pack-destination", folder]))
    const { name, version } = { version: "0.0.0", ...each.manifest }
    const file = Path.join(folder, `${name.slice(1).replace("/", "-")}-${version}.tgz`)
    return { ...each, file, bytes: Fs.statSync(file).size }
  })
