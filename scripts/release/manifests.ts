/**
 * Writes into the manifest of each published package what all of them say alike, `pnpm manifests`;
 * a test checks that it is there.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { type Manifest, privateNames, published, readManifest, ROOT } from "./published.ts"

/** Returns the fields that follow from the root's manifest and from the folder of a package. */
export const shared = (root: Manifest, folder: string) => {
  const url = root.repository?.url ?? ""
  const site = url.replace(/^git\+|\.git$/g, "")
  return {
    homepage: `${site}/tree/main/packages/${folder}#readme`,
    bugs: `${site}/issues`,
    ...(root.license === undefined ? {} : { license: root.license }),
    repository: { type: "git", url, directory: `packages/${folder}` },
    sideEffects: false,
    exports: { "./package.json": "./package.json", "./*": "./src/*.ts", "./internal/*": null },
    publishConfig: {
      access: "public",
      provenance: true,
      exports: {
        "./package.json": "./package.json",
        "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" },
        "./internal/*": null
      }
    },
    engines: { node: ">=22.19" }
  }
}

/**
 * Returns the packages that have one version, as patterns: all but the private ones, for which
 * changesets finds none.
 */
export const fixed = (root: string): ReadonlyArray<string> => [
  "@daybook/*",
  ...privateNames(root)
    .filter((name) => name.startsWith("@daybook/"))
    .map((name) => `!${name}`)
]

/** Returns the built files of commands, by the names of the commands. */
const built = (bin: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(bin).map(([name, file]) => [
      name,
      file.replace("./src/", "./dist/").replace(/\.ts$/, ".js")
    ])
  )

if (import.meta.main) {
  const config = Path.join(ROOT, ".changeset/config.json")
  const settings = JSON.parse(Fs.readFileSync(config, "utf8")) as object
  const text = JSON.stringify({ ...settings, fixed: [fixed(ROOT)] }, null, 2)
  Fs.writeFileSync(config, `${text}\n`)
  const root = readManifest(ROOT)
  for (const { folder, manifest, path } of published(ROOT)) {
    const written = { ...manifest, ...shared(root, folder) }
    if (manifest.bin !== undefined) {
      Object.assign(written.publishConfig, { bin: built(manifest.bin) })
    }
    Fs.writeFileSync(Path.join(path, "package.json"), `${JSON.stringify(written, null, 2)}\n`)
  }
}
