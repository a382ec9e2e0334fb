/**
 * A copy of `packages/template`, and what it has to serve.
 */
import * as assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

/** The folder of the template. */
export const TEMPLATE = Path.join(import.meta.dirname, "../packages/template")

/** Copies the template, without what is installed in it. */
export const copyTemplate = (folder: string): void =>
  Fs.cpSync(TEMPLATE, folder, {
    recursive: true,
    filter: (source) => Path.basename(source) !== "node_modules"
  })

/** Starts the host of a copy twice: it has what it acknowledged, and ends in order. */
export const serves = async (copy: string, node: string): Promise<void> => {
  const lent = await serving(copy, node, async (address) => {
    const answer = await fetch(`${address}/books/dune/commands`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ _tag: "Lend", to: "Ada" })
    })
    return (await answer.json()) as { readonly revision: number; readonly position: string }
  })
  assert.equal(lent.revision, 1)
  await serving(copy, node, async (address) => {
    const get = async (path: string): Promise<unknown> => (await fetch(`${address}${path}`)).json()
    assert.deepEqual(await get("/books/dune"), { revision: 1, state: "Ada" })
    assert.deepEqual(await get(`/loans?after=${lent.position}`), {
      rows: [{ bookId: "dune", reader: "Ada", loans: 1 }]
    })
    const health = (await get("/health/ready")) as { readonly status: string }
    assert.equal(health.status, "ready")
  })
}

/** Starts the host on a free port, uses it, and ends it by SIGTERM. */
const serving = async <A>(
  copy: string,
  node: string,
  use: (address: string) => Promise<A>
): Promise<A> => {
  const child = spawn(node, ["src/main.ts"], {
    cwd: copy,
    env: { PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const used = await use(await addressOf(child))
    child.kill("SIGTERM")
    assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 0)
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
