import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import { exportedErrors, unnamed } from "./error-guide.ts"

const root = Path.resolve(import.meta.dirname, "..")
const guide = Fs.readFileSync(Path.join(root, "docs/guide/when-something-goes-wrong.md"), "utf8")

describe("The guide to what goes wrong", () => {
  it("names every error that the packages export", () => {
    const errors = exportedErrors(root)
    assert.includeMembers(
      errors.map(({ tag }) => tag),
      [
        "AppendRefused",
        "EventDecodeError",
        "NotMigrated",
        "LawBroken",
        "RowsDiffer",
        "CsvFileError"
      ]
    )
    assert.deepStrictEqual(unnamed(errors, guide), [])
  })

  it("names every state of a read model", () => {
    const source = Fs.readFileSync(
      Path.join(root, "packages/projections/src/ProjectionStatus.ts"),
      "utf8"
    )
    const [, listed = ""] = /const State = Schema\.Literals\(\[([^\]]*)\]/.exec(source) ?? []
    const states = Array.from(listed.matchAll(/"([^"]+)"/g), ([, state = ""]) => state)
    assert.include(states, "stopped")
    assert.deepStrictEqual(
      states.filter((state) => !guide.includes(`| \`${state}\``)),
      []
    )
  })
})

describe("error-guide", () => {
  it("finds errors of either kind, over several lines, and tells where", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-errors-"))
    Fs.mkdirSync(Path.join(folder, "packages/store/src/internal"), { recursive: true })
    const write = (name: string, text: string) =>
      Fs.writeFileSync(Path.join(folder, "packages/store/src", name), text)
    write(
      "A.ts",
      'export class Refused extends Schema.TaggedError<Refused>()(\n  "Refused",\n  {}\n) {}\n' +
        'export class Broken extends Data.TaggedError("Broken")<{}> {}\n' +
        'class Own extends Data.TaggedError("Own")<{}> {}\n'
    )
    write("internal/b.ts", 'export class Inner extends Data.TaggedError("Inner")<{}> {}\n')
    const errors = exportedErrors(folder)
    assert.deepStrictEqual(errors, [
      { file: "packages/store/src/A.ts", tag: "Refused" },
      { file: "packages/store/src/A.ts", tag: "Broken" }
    ])
    assert.deepStrictEqual(unnamed(errors, "| `Refused` | ... | Broken |"), [
      "packages/store/src/A.ts: Broken"
    ])
    Fs.rmSync(folder, { recursive: true })
  })
})
