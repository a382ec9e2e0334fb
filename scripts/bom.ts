/**
 * Writes the bill of materials of a release, in the format of CycloneDX, into
 * `dist/daybook.cdx.json`: every package of the lockfile, with its licence and the hash under which
 * it is installed.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { pnpm } from "./pnpm.ts"

const ROOT = Path.join(import.meta.dirname, "..")

/** The part of a bill of materials that is read here. */
export interface Bom {
  readonly bomFormat: string
  readonly specVersion: string
  readonly components: ReadonlyArray<Component>
}

interface Component {
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly hashes?: ReadonlyArray<{ readonly alg: string; readonly content: string }>
}

/**
 * Reads the hashes of a lockfile, in hexadecimal digits, by name and version, such as
 * `effect@4.1.0`.
 */
export const hashes = (lockfile: string): ReadonlyMap<string, string> =>
  new Map(
    Array.from(
      lockfile.matchAll(
        /^ {2}'?(@?[^\s'@]+@[^\s':]+)'?:\n {4}resolution: \{integrity: sha512-([A-Za-z0-9+/=]+)/gm
      ),
      ([, name = "", base64 = ""]) => [name, Buffer.from(base64, "base64").toString("hex")]
    )
  )

const nameOf = ({ group, name, version }: Component) =>
  `${group === undefined || group === "" ? "" : `${group}/`}${name}@${version}`

/**
 * Returns the bill with the hash of each package except the `own` ones; throws when another package
 * has no hash.
 */
export const withHashes = (
  bom: Bom,
  known: ReadonlyMap<string, string>,
  own: ReadonlySet<string> = new Set()
): Bom => {
  if (bom.bomFormat !== "CycloneDX") throw new Error(`${bom.bomFormat} is not CycloneDX`)
  return {
    ...bom,
    components: bom.components.map((component) => {
      if (own.has(nameOf(component))) return component
      const content = known.get(nameOf(component))
      if (content === undefined) throw new Error(`${nameOf(component)} is under no hash`)
      return { ...component, hashes: [{ alg: "SHA-512", content }] }
    })
  }
}

/** Makes the bill of the packages in the lockfile. */
export const make = (): Bom => {
  const [command, ...args] = pnpm([
    "sbom",
    "--sbom-format",
    "cyclonedx",
    "--sbom-spec-version",
    "1.6"
  ])
  const text = ChildProcess.execFileSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 2 ** 28
  })
  const lockfile = Fs.readFileSync(Path.join(ROOT, "pnpm-lock.yaml"), "utf8")
  const own = Fs.globSync("packages/*/package.json", { cwd: ROOT }).map((file) => {
    const { name, version = "0.0.0" } = JSON.parse(
      Fs.readFileSync(Path.join(ROOT, file), "utf8")
    ) as Partial<Component>
    return `${name}@${version}`
  })
  return withHashes(JSON.parse(text) as Bom, hashes(lockfile), new Set(own))
}

if (import.meta.main) {
  const file = Path.join(ROOT, "dist", "daybook.cdx.json")
  const bom = make()
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, `${JSON.stringify(bom, undefined, 2)}\n`)
  console.log(`${bom.components.length} packages in ${Path.relative(ROOT, file)}`)
}
