import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { named, proved } from "./threat-model.ts"

const root = Path.resolve(import.meta.dirname, "..")
const page = Fs.readFileSync(Path.join(root, "docs/explanation/threat-model.md"), "utf8")

describe("The threat model", () => {
  it("S20: names a test for each of its lines", () => {
    const tests = proved(root)
    assert.deepStrictEqual(
      named(page).filter((finding) => !tests.has(finding)),
      []
    )
  })

  it("S20: has a line for every finding of the review", () => {
    const lines = new Set(named(page))
    const all = Array.from({ length: 27 }, (_, n) => `S${n + 1}`)
    assert.deepStrictEqual(
      all.filter((finding) => !lines.has(finding)),
      []
    )
  })

  it("S20: is found from the front page and from the policy, which has what a reporter needs", () => {
    const front = Fs.readFileSync(Path.join(root, "README.md"), "utf8")
    const policy = Fs.readFileSync(Path.join(root, "SECURITY.md"), "utf8")
    assert.include(front, "(SECURITY.md)")
    assert.include(front, "(docs/explanation/threat-model.md)")
    assert.include(policy, "(docs/explanation/threat-model.md)")
    for (const heading of ["## Reporting", "## Supported", "## Afterwards"]) {
      assert.include(policy, heading)
    }
    for (const heading of [
      "Assets",
      "Actors",
      "Residual risks",
      "After a leak",
      "Backups and roles"
    ]) {
      assert.include(page, `\n## ${heading}\n`)
    }
  })

  it("would notice a line without a proof", () => {
    const table = (proof: string) =>
      `\n## What each can do\n\n| A | B |\n| --- | --- |\n| x | ${proof} |\n\n## More\n| y | z |\n`
    assert.deepStrictEqual(named(table("`S3`, `S4`")), ["S3", "S4"])
    assert.deepStrictEqual(named(table("")), ["nothing: | x |  |"])
  })
})
