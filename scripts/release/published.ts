/**
 * The packages that are published: those of the workspace whose manifest is not private.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

export const ROOT = Path.join(import.meta.dirname, "../..")

/** The parts of a `package.json` that the checks of releases read. */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly license?: string
  readonly description?: string
  readonly keywords?: ReadonlyArray<string>
  readonly homepage?: string
  readonly bugs?: string
  readonly repository?: {
    readonly type: string
    readonly url: string
    readonly directory?: string
  }
  readonly bin?: Readonly<Record<string, string>>
  readonly sideEffects?: unknown
  readonly exports?: unknown
  readonly publishConfig?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly engines?: { readonly node?: string }
}

/** A published package. */
export interface Published {
  /** As in `@daybook/store`. */
  readonly name: string
  /** The name of its folder in `packages`. */
  readonly folder: string
  /** The absolute path of its folder. */
  readonly path: string
  readonly manifest: Manifest
}

export const readManifest = (folder: string): Manifest =>
  // npm's shape; the checks compare every field that they read.
  JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8")) as Manifest

/** Returns the published packages, in the order of their names. */
export const published = (root: string): ReadonlyArray<Published> =>
  Fs.globSync("packages/*/package.json", { cwd: root })
    .toSorted()
    .flatMap((file) => {
      const path = Path.join(root, Path.dirname(file))
      const manifest = readManifest(path)
      const folder = Path.basename(path)
      return manifest.private === true ? [] : [{ name: manifest.name, folder, path, manifest }]
    })

/** Returns the names of the packages that are not published, in their order. */
export const privateNames = (root: string): ReadonlyArray<string> =>
  Fs.globSync(["packages/*/package.json", "scripts/release/package.json"], { cwd: root })
    .map((file) => readManifest(Path.join(root, Path.dirname(file))))
    .filter((manifest) => manifest.private === true)
    .map(({ name }) => name)
    .toSorted()

/** Returns the peers of a package that it works without. */
export const optionalPeers = ({ peerDependenciesMeta = {} }: Manifest): ReadonlyArray<string> =>
  Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name]?.optional === true)

/** Returns the names of the modules below `folder`, as in `driver/Polls`, without `internal`. */
export const modulesOf = (folder: string, extension: string): ReadonlyArray<string> =>
  Fs.globSync(`**/*${extension}`, { cwd: folder })
    .filter((file) => !file.endsWith(".d.ts") && !file.startsWith("internal/"))
    .map((file) => file.slice(0, -extension.length))
    .toSorted()
