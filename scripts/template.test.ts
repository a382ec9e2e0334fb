/**
 * Checks that a copy of `packages/template` is a host: its types, its tests, and what it serves.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, it } from "vitest"

const ROOT = Path.join(import.meta.dirname, "..")
const TEMPLATE = Path.join(ROOT, "packages/template")
const tool = (name: string) => Path.join(ROOT, "node_modules", name)

let copy = ""

beforeAll(() => {
  copy = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-library-"))
  Fs.cpSync(TEMPLATE, copy, {
    recursive: true,
    filter: (source) => Path.basename(source) !== "node_modules"
  })
  // What an installation of the packages would put there.
  Fs.symlinkSync(Path.join(TEMPLATE, "node_modules"), Path.join(copy, "node_modules"))
})

afterAll(() => Fs.rmSync(copy, { recursive: true, force: true }))

it("compiles, and its rules hold", () => {
  for (const [program, ...args] of [
    [tool("typescript/bin/tsc"), "--project", "."],
    [tool("vitest/vitest.mjs"), "run"]
  ] as const) {
    execFileSync(process.execPath, [program, ...args], { cwd: copy, stdio: "pipe" })
  }
})

it("serves, has what it acknowledged when it starts again, and ends in order", async () => {
  const lent = await serving(async (address) => {
    const answer = await fetch(`${address}/books/dune/commands`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ _tag: "Lend", to: "Ada" })
    })
    return (await answer.json()) as { readonly revision: number; readonly position: string }
  })
  assert.strictEqual(lent.revision, 1)
  await serving(async (address) => {
    const get = async (path: string) => (await fetch(`${address}${path}`)).json()
    assert.deepStrictEqual(await get("/books/dune"), { revision: 1, state: "Ada" })
    assert.deepStrictEqual(await get(`/loans?after=${lent.position}`), {
      rows: [{ bookId: "dune", reader: "Ada", loans: 1 }]
    })
    assert.propertyVal(await get("/health/ready"), "status", "ready")
  })
})

/** Starts the host on a free port, uses it, and ends it by SIGTERM. */
const serving = async <A>(use: (address: string) => Promise<A>): Promise<A> => {
  const child = spawn(process.execPath, ["src/main.ts"], {
    cwd: copy,
    env: { PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const used = await use(await addressOf(child))
    child.kill("SIGTERM")
    assert.strictEqual(await new Promise((resolve) => child.once("exit", resolve)), 0)
    return used
  } finally {
    child.kill("SIGKILL")
  }
}

const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let out = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      out += text
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(out)
      if (found !== null) resolve(found[0])
    })
    child.once("exit", () => reject(new Error(`the host has ended: ${out}`)))
  })
