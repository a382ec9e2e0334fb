/**
 * Checks what a manifest and a README of a published package say about it.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { fixed, shared } from "./manifests.ts"
import { optionalPeers, published, readManifest, ROOT } from "./published.ts"

const all = published(ROOT)
const root = readManifest(ROOT)
const repository = root.repository?.url.replace(/^git\+|\.git$/g, "") ?? ""

/** The versions of `effect` whose unstable modules are those that the sources use. */
const ONE_MINOR = ">=4.1.0 <4.2.0"

/** The peers of a host that serves HTTP. */
const peersOfHosts = ["@effect/platform-node"]

/** An import of another package, static or not, outside of comments. */
const IMPORT = /^(?! \*).*(?:from|import|import\() ?"([@\w][^"\s]*)"/gm

/** Returns the modules that a package imports, as in `effect/Schema`. */
const importsOf = (path: string): ReadonlySet<string> =>
  new Set(
    Fs.globSync("src/**/*.ts", { cwd: path }).flatMap((file) =>
      [...Fs.readFileSync(Path.join(path, file), "utf8").matchAll(IMPORT)].map(
        ([, name]) => name ?? ""
      )
    )
  )

const isUnstable = (path: string, module: string): boolean => {
  const file = Path.join(path, "node_modules/effect/src", `${module.replace("effect/", "")}.ts`)
  const [header = ""] = Fs.readFileSync(file, "utf8").split("*/")
  return header.includes("@stability unstable")
}

it("publishes the kernel and what is built on it, in one version", () => {
  assert.includeMembers(
    all.map(({ folder }) => folder),
    ["kernel", "order", "store", "projections", "reactors", "publishing", "testing", "http"]
  )
  const config = Fs.readFileSync(Path.join(ROOT, ".changeset/config.json"), "utf8")
  const settings = JSON.parse(config) as { readonly fixed: unknown }
  assert.deepStrictEqual(settings.fixed, [fixed(ROOT)], "pnpm manifests writes it")
})

describe.each(all)("$name", ({ folder, manifest, name, path }) => {
  it("says what it is, and what all packages say alike", () => {
    assert.strictEqual(name, `@daybook/${folder}`)
    assert.isAbove(manifest.description?.length ?? 0, 20)
    assert.includeMembers([...(manifest.keywords ?? [])], ["event-sourcing", "effect"])
    const { exports, publishConfig, ...rest } = shared(root, folder)
    assert.deepInclude(manifest, rest, "pnpm manifests writes it")
    // A package may have further entries, such as a command.
    assert.deepInclude(Object(manifest.exports), exports, "pnpm manifests writes it")
    assert.deepInclude(Object(manifest.publishConfig), publishConfig, "pnpm manifests writes it")
  })

  it("states the versions of Node and of its peers that it is tested with", () => {
    const peers = manifest.peerDependencies ?? {}
    assert.notInclude(optionalPeers(manifest), "effect")
    // An import of one package is an import of what it imports: all of them lean on the kernel,
    // which compiles schemas by a module that is unstable.
    assert.isTrue(
      [...importsOf(path)].some((module) =>
        module.startsWith("effect/") ? isUnstable(path, module) : module.startsWith("@daybook/")
      )
    )
    assert.strictEqual(peers["effect"], ONE_MINOR)
    for (const [peer, range] of Object.entries(peers)) {
      if (peer.startsWith("@effect/") && peer !== "@effect/vitest") {
        assert.match(range, / <4\.2\.0$/, peer)
      }
      assert.property(manifest.devDependencies, peer, "it is tested with its peers")
    }
  })

  it("declares each package that it imports", () => {
    const declared = [manifest.dependencies, manifest.peerDependencies].flatMap((group) =>
      Object.keys(group ?? {})
    )
    const names = [...importsOf(path)]
      .filter((module) => !module.startsWith("node:"))
      .map((module) => /^(?:@[^/]+\/)?[^/]+/.exec(module)?.[0] ?? module)
    assert.includeMembers([...declared, name], [...new Set(names)])
  })

  it("begins its README with the line that installs it with its peers", () => {
    const readme = Fs.readFileSync(Path.join(path, "README.md"), "utf8")
    const [title, , fence, line = ""] = readme.split("\n")
    assert.strictEqual(title, `# ${name}`)
    assert.strictEqual(fence, "```sh")
    const [npm, install, ...packages] = line.split(" ")
    assert.deepStrictEqual([npm, install], ["npm", "install"])
    assert.include(packages, name)
    const peers = Object.keys(manifest.peerDependencies ?? {})
    const optional = optionalPeers(manifest)
    for (const peer of peers) {
      // With -D npm would move a dependency of the program to those of its development.
      if (!optional.includes(peer) && !packages.includes("-D")) assert.include(packages, peer)
      assert.include(readme.split("\n## ")[0], peer, "the README names every peer")
    }
    const others = all.map((each) => each.name)
    assert.includeMembers(["-D", ...others, ...peers, ...peersOfHosts], packages)
  })

  it("has links in its README that lead to files of the repository from anywhere", () => {
    const readme = Fs.readFileSync(Path.join(path, "README.md"), "utf8")
    const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "")
    for (const link of links) {
      assert.match(link, /^https:\/\/|^#/)
      const prefix = `${repository}/blob/main/`
      if (!link.startsWith(prefix)) continue
      const file = link.slice(prefix.length).replace(/#.*$/, "")
      assert.isTrue(Fs.existsSync(Path.join(ROOT, file)), link)
    }
  })
})
