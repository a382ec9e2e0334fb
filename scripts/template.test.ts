/**
 * Checks that a copy of `packages/template` is a host: its types, its tests, and what it serves.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, beforeAll, it } from "vitest"
import { copyTemplate, serves, TEMPLATE } from "./template.ts"

const tool = (name: string) => Path.join(import.meta.dirname, "../node_modules", name)

let copy = ""

beforeAll(() => {
  copy = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-library-"))
  copyTemplate(copy)
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

it("serves, has what it acknowledged when it starts again, and ends in order", () =>
  serves(copy, process.execPath))
