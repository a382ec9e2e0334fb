/**
 * Follows the tutorial: writes its files, runs its checks, starts its service, and compares what
 * the commands print with what the page shows.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { blocks } from "./doc-examples.ts"

const ROOT = Path.join(import.meta.dirname, "..")
const PAGE = "docs/tutorial/your-first-aggregate.md"
const tool = (name: string) => Path.join(ROOT, "node_modules", name)

const page = blocks(ROOT).filter(({ file }) => file === PAGE)
/** The files that the page has the reader write, by path. */
const files = page.flatMap(({ code, language }) => {
  const [, path] = /^(?:ts|json) ([\w./]+\.\w+)$/.exec(language) ?? []
  return path === undefined ? [] : [{ path, code }]
})
/** The commands that the page shows with their output, in turn. */
const sessions = page
  .flatMap(({ code }) => code.split(/^\$ /m).slice(1))
  .map((shown) => {
    const [command = "", ...output] = shown.trimEnd().split("\n")
    return { command, output: output.join("\n") }
  })

describe("the tutorial", () => {
  let folder = ""

  beforeAll(() => {
    folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-tutorial-"))
    for (const { code, path } of files) {
      Fs.mkdirSync(Path.dirname(Path.join(folder, path)), { recursive: true })
      Fs.writeFileSync(Path.join(folder, path), code)
    }
    // What an installation of the packages would put there.
    const installed = Path.join(ROOT, "packages/order-service/node_modules")
    Fs.symlinkSync(installed, Path.join(folder, "node_modules"))
  })
  afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

  it("has files that compile, and rules that hold", () => {
    assert.deepStrictEqual(
      files.map(({ path }) => path),
      [
        "package.json",
        "tsconfig.json",
        "src/GiftCard.ts",
        "test/GiftCard.test.ts",
        "src/Cards.ts",
        "src/main.ts"
      ]
    )
    for (const [program, ...args] of [
      [tool("typescript/bin/tsc"), "--project", "."],
      [tool("vitest/vitest.mjs"), "run"]
    ] as const) {
      execFileSync(process.execPath, [program, ...args], { cwd: folder, stdio: "pipe" })
    }
  })

  it("has a rule that a law finds when it is broken, as the page says", () => {
    const file = Path.join(folder, "src/GiftCard.ts")
    const rules = Fs.readFileSync(file, "utf8")
    assert.include(rules, "amount > balance\n")
    Fs.writeFileSync(file, rules.replace("amount > balance\n", "amount > balance + 1\n"))
    try {
      const args = [tool("vitest/vitest.mjs"), "run"]
      execFileSync(process.execPath, args, { cwd: folder, stdio: "pipe" })
      assert.fail("the tests passed")
    } catch (error) {
      assert.include(String((error as { readonly stdout?: Buffer }).stdout), "owes nothing")
    } finally {
      Fs.writeFileSync(file, rules)
    }
  })

  it("has a service that prints what the page shows", async () => {
    assert.isAtLeast(sessions.length, 5)
    await serving(folder, async (address) => {
      for (const { command, output } of sessions) {
        const real = command.replaceAll("localhost:3000", address)
        const { stdout } = await promisify(execFile)("sh", ["-c", real])
        assert.strictEqual(stdout.trimEnd(), output, command)
      }
      const inspector = await fetch(`http://${address}/inspector`)
      assert.strictEqual(inspector.status, 200)
    })
  })
})

/** Starts the service on a free port, uses it, and ends it by SIGTERM. */
const serving = async (cwd: string, use: (address: string) => Promise<void>): Promise<void> => {
  const child = spawn(process.execPath, ["src/main.ts"], {
    cwd,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    await use(await addressOf(child))
    child.kill("SIGTERM")
    assert.strictEqual(await new Promise((resolve) => child.once("exit", resolve)), 0)
  } finally {
    child.kill("SIGKILL")
  }
}

const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let out = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      out += text
      const [, address] = /http:\/\/(127\.0\.0\.1:\d+)/.exec(out) ?? []
      if (address !== undefined) resolve(address)
    })
    child.once("exit", () => reject(new Error(`the service has ended: ${out}`)))
  })
