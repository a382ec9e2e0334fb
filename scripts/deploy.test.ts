/**
 * Checks that the files of `deploy` agree with one another and with the repository: no container
 * engine is needed, the commands run as they stand.
 */
import { DockerfileParser } from "dockerfile-ast"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { parse } from "yaml"
import { pnpm } from "./pnpm.ts"

const ROOT = Path.join(import.meta.dirname, "..")
const read = (file: string) => Fs.readFileSync(Path.join(ROOT, file), "utf8")

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly networks: ReadonlyArray<string>
  readonly volumes?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<string>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly stop_grace_period?: string
}

const compose = parse(read("deploy/compose.yaml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
}
const { database, migrate, proxy, ...hosts } = compose.services
const dockerfile = DockerfileParser.parse(read("deploy/Dockerfile"))
const instructions = dockerfile.getInstructions().map((instruction) => ({
  keyword: instruction.getKeyword(),
  text: instruction.getArgumentsContent() ?? ""
}))
/** The instructions of the last stage, which is the image. */
const image = instructions.slice(instructions.findLastIndex(({ keyword }) => keyword === "FROM"))
const only = (keyword: string): string => {
  const found = image.filter((instruction) => instruction.keyword === keyword)
  assert.lengthOf(found, 1, keyword)
  return found[0]?.text ?? ""
}
const port = only("EXPOSE")
const start = JSON.parse(only("CMD")) as ReadonlyArray<string>

describe("the image", () => {
  it("runs the Node of the repository, as a user who owns nothing in it", () => {
    const [, version] = /^nodeVersion: (\S+)$/m.exec(read("pnpm-workspace.yaml")) ?? []
    const stages = instructions.filter(({ keyword }) => keyword === "FROM")
    assert.deepStrictEqual(
      stages.map(({ text }) => text),
      [`node:${version}-bookworm-slim AS build`, `node:${version}-bookworm-slim`]
    )
    assert.strictEqual(only("USER"), "node")
    assert.notInclude(only("COPY"), "--chown")
    assert.isBelow(
      image.findIndex(({ keyword }) => keyword === "COPY"),
      image.findIndex(({ keyword }) => keyword === "USER")
    )
  })

  it("is asked whether it lives on the port that it listens on", () => {
    const asked = only("HEALTHCHECK")
    const [, at, path = ""] = /fetch\('http:\/\/127\.0\.0\.1:(\d+)(\/[^']*)'\)/.exec(asked) ?? []
    assert.strictEqual(at, port)
    assert.include(read("packages/http/src/internal/operatorRoutes.ts"), `LIVE = "${path}"`)
    assert.strictEqual(only("STOPSIGNAL"), "SIGTERM")
  })

  it("has what its build copies, installs it without development, and starts", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-image-"))
    try {
      copySources(folder)
      assert.isFalse(Fs.existsSync(Path.join(folder, "packages/peers")))
      // What the page of the inspector is built from.
      for (const path of [
        "scripts/inspector-page.ts",
        "tsconfig.base.json",
        "packages/inspector/app/index.html"
      ]) {
        assert.isTrue(Fs.existsSync(Path.join(folder, path)), path)
      }
      const [install = [], ...others] = instructions
        .filter(({ keyword, text }) => keyword === "RUN" && text.startsWith("pnpm "))
        .map(({ text }) => text.split(" ").map((part) => part.replaceAll('"', "")))
      assert.isEmpty(others)
      assert.include(install, "--frozen-lockfile")
      const [command, ...args] = pnpm([...install.slice(1), "--prefer-offline"])
      execFileSync(command, args, { cwd: folder, stdio: "pipe" })
      assert.isFalse(Fs.existsSync(Path.join(folder, "node_modules/vitest")))
      const [, ...rest] = start
      const help = execFileSync(process.execPath, [...rest, "--help"], {
        cwd: folder,
        encoding: "utf8"
      })
      for (const flag of rest.filter((arg) => arg.startsWith("--"))) assert.include(help, flag)
    } finally {
      Fs.rmSync(folder, { recursive: true, force: true })
    }
  })
})

/** Copies what a build may copy: the rules of the file of ignored paths, the last one wins. */
const copySources = (folder: string): void => {
  const rules = read("deploy/Dockerfile.dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ isKept: line.startsWith("!"), glob: line.replace(/^!/, "") }))
  const isKept = (path: string): boolean => {
    // The first rule ignores hidden files too, which this way of matching leaves out.
    if (path.startsWith(".")) return false
    const parts = path.split("/")
    const above = parts.map((_, index) => parts.slice(0, index + 1).join("/"))
    return rules.reduce(
      (kept, { glob, isKept }) =>
        above.some((one) => Path.posix.matchesGlob(one, glob)) ? isKept : kept,
      true
    )
  }
  Fs.cpSync(ROOT, folder, {
    recursive: true,
    filter: (source) => {
      const path = Path.relative(ROOT, source).replaceAll(Path.sep, "/")
      return path === "" || isKept(path)
    }
  })
}

describe("the composition", () => {
  it("pins every image by a tag, and builds that of the shop", () => {
    for (const [name, { build, image }] of Object.entries(compose.services)) {
      if (build === undefined) assert.match(image, /^[\w./-]+:\d+\.\d+[\w.-]*$/, name)
      else assert.deepStrictEqual(build, { context: "..", dockerfile: "deploy/Dockerfile" })
    }
  })

  it("gives each host a login of its own, which the roles have, and its password", () => {
    const roles = read("deploy/postgres/roles.sql")
    const passwords = Array.from(roles.matchAll(/^\\getenv (\w+) (\w+)$/gm))
    assert.sameMembers(
      Object.keys(database?.environment ?? {}).filter((name) => !name.startsWith("POSTGRES_")),
      passwords.map(([, , variable]) => variable)
    )
    const logins = [migrate, ...Object.values(hosts)].map((service) => {
      const url = service?.environment?.["DATABASE_URL"] ?? ""
      const [, login = "", password] =
        /^postgres:\/\/(\w+):\$\{(\w+):\?\}@database\/shop\b/.exec(url) ?? []
      assert.strictEqual(password, `${login.toUpperCase()}_PASSWORD`)
      assert.include(roles, `CREATE ROLE ${login} LOGIN PASSWORD :'${login}_password'`)
      return login
    })
    assert.strictEqual(new Set(logins).size, 3)
    assert.strictEqual(database?.environment?.["POSTGRES_DB"], "shop")
  })

  it("migrates by a command of the repository before the hosts start", () => {
    assert.strictEqual(
      (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts["migrate"],
      migrate?.command?.join(" ")
    )
    assert.lengthOf(Object.keys(hosts), 2)
    for (const host of Object.values(hosts)) {
      assert.strictEqual(host.depends_on?.["migrate"]?.condition, "service_completed_successfully")
      assert.isUndefined(host.command)
    }
  })

  it("leads only the proxy outside, which knows every host and hides what is for operators", () => {
    assert.isTrue(compose.networks["inside"]?.internal)
    for (const [name, { networks, ports }] of Object.entries(compose.services)) {
      if (name === "proxy") continue
      assert.deepStrictEqual(networks, ["inside"], name)
      assert.isUndefined(ports, name)
    }
    const nginx = read("deploy/nginx.conf")
    assert.deepStrictEqual(
      Array.from(nginx.matchAll(/^ +server ([\w-]+:\d+) resolve;$/gm), ([, server]) => server),
      Object.keys(hosts).map((name) => `${name}:${port}`)
    )
    assert.deepStrictEqual(Object.keys(proxy?.depends_on ?? {}), Object.keys(hosts))
    const [, listens] = /^ +listen (\d+);$/m.exec(nginx) ?? []
    assert.deepStrictEqual(proxy?.ports, [`127.0.0.1:${listens}:${listens}`])
    // Prefixes: a router that took another spelling for the same path would answer it.
    assert.match(nginx, /location \/metrics \{ return 404; \}/)
    assert.match(nginx, /location \/health \{ return 404; \}/)
  })

  it("mounts files that there are", () => {
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes.filter((one) => one.startsWith("./"))) {
        assert.isTrue(Fs.existsSync(Path.join(ROOT, "deploy", volume.split(":")[0] ?? "")), volume)
      }
    }
  })
})
