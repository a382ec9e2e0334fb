import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { check } from "./check-tidy.ts"

describe("check-tidy", () => {
  let root = ""
  beforeEach(() => {
    root = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-tidy-"))
    write(".gitignore", "node_modules\ndist/\n")
    write("README.md", "")
    write("scripts/run.ts", "")
    write("packages/kernel/src/Good.ts", documented("export const good = 1"))
  })
  afterEach(() => Fs.rmSync(root, { recursive: true }))

  const write = (file: string, text: string) => {
    Fs.mkdirSync(Path.join(root, Path.dirname(file)), { recursive: true })
    Fs.writeFileSync(Path.join(root, file), text)
  }
  const documented = (code: string) =>
    `/**\n * The thing.\n *\n * @category types\n * @since 0.1.0\n */\n${code}\n`
  const problems = () =>
    check(root).map(({ file, line, problem }) => `${file}:${line ?? ""} ${problem}`)
  const finds = (...expected: ReadonlyArray<string>) => assert.deepStrictEqual(problems(), expected)

  it("finds nothing in a tidy repository", () => {
    write("packages/kernel/node_modules/x/utils.ts", "export * from './y'")
    write("packages/kernel/dist/index.js", "")
    finds()
  })

  it("finds an entry that the top level does not have", () => {
    write("PLAN.md", "")
    write(".editorconfig", "")
    finds("PLAN.md: is not one of the entries the top level has")
  })

  it("finds a name that says nothing", () => {
    write("packages/kernel/src/internal/utils.ts", "")
    write("scripts/helpers/x.ts", "")
    finds(
      'packages/kernel/src/internal/utils.ts: "utils.ts" names no one thing',
      'scripts/helpers/x.ts: "helpers" names no one thing'
    )
  })

  it("finds a source file that a document names and that does not exist", () => {
    write("packages/kernel/src/internal/fold.ts", "")
    write(
      "docs/ARCHITECTURE.md",
      [
        "`fold.ts` of `packages/kernel/src/internal/fold.ts`, and `internal/fold.ts`",
        "`old.ts`, `packages/kernel`",
        "`packages/kernel/src/external`, `driver/fold.ts`, and `old.test.ts` too"
      ].join("\n")
    )
    write("packages/kernel/README.md", "1. `src/gone.ts`")
    write("docs/adr/0001-past.md", "`old.ts` as it was")
    finds(
      "docs/ARCHITECTURE.md:2 old.ts does not exist",
      "docs/ARCHITECTURE.md:3 packages/kernel/src/external does not exist",
      "docs/ARCHITECTURE.md:3 driver/fold.ts does not exist",
      "docs/ARCHITECTURE.md:3 old.test.ts does not exist",
      "packages/kernel/README.md:1 src/gone.ts does not exist"
    )
  })

  it("finds a source file of more than 750 lines", () => {
    write("packages/kernel/src/internal/Fits.ts", "\n".repeat(750))
    write("packages/kernel/src/internal/Long.ts", "\n".repeat(751))
    finds(
      "packages/kernel/src/internal/Long.ts:751 the file has 751 lines, at most 750 are allowed"
    )
  })

  it("finds a class that is imported as a namespace, unless functions stand beside it", () => {
    const service = documented("export class Log extends Service {}")
    write("packages/store/src/Log.ts", service)
    write(
      "packages/store/src/Server.ts",
      `${service.replace("Log", "Server")}\n${documented("export const layer = 1")}`
    )
    const text = (...modules: ReadonlyArray<string>) =>
      modules.map((name) => `import * as ${name} from "@daybook/store/${name}"\n`).join("")
    write("packages/store/test/log.ts", text("Server", "Log"))
    write("docs/guide.md", text("Log"))
    write("packages/store/test/named.ts", 'import { Log } from "@daybook/store/Log"\n')
    finds(
      "docs/guide.md:1 @daybook/store/Log is imported by name: it has no functions",
      "packages/store/test/log.ts:2 @daybook/store/Log is imported by name: it has no functions"
    )
  })

  it("finds comments that are wide, dated, or begin with an interrogative", () => {
    write(
      "packages/kernel/src/internal/Prose.ts",
      [
        "/** What it does. */",
        "// It helps nobody.",
        `// ${"x".repeat(98)}`,
        "/** Runs as the user `nobody`. */",
        "/**",
        " * Reads a page.",
        " *",
        " * ```ts",
        ` * const wide = "${"x".repeat(100)}"`,
        " * ```",
        " */",
        "const a = 1"
      ].join("\n")
    )
    finds(
      'packages/kernel/src/internal/Prose.ts:1 the doc comment begins with "What"',
      'packages/kernel/src/internal/Prose.ts:2 the comment says "nobody"',
      "packages/kernel/src/internal/Prose.ts:3 the comment has 101 columns, at most 100"
    )
  })

  it("finds barrels", () => {
    write(
      "packages/kernel/src/internal/a.ts",
      'const a = 1\nexport * from "./b.ts"\nexport { a }\n'
    )
    write(
      "packages/kernel/src/internal/b.ts",
      'export { c } from "./c.ts"\nexport { d } from "./d.ts"\n'
    )
    finds(
      "packages/kernel/src/internal/a.ts:1 the file is a barrel: it only re-exports",
      "packages/kernel/src/internal/a.ts:2 the file is a barrel: export *",
      "packages/kernel/src/internal/b.ts:1 the file is a barrel: it only re-exports"
    )
  })

  it("finds exports that say nothing in a doc comment", () => {
    write("packages/kernel/src/A.ts", "export const bare = 1\n")
    write("packages/kernel/src/B.ts", "/** Words. */\nexport const untagged = 1\n")
    write(
      "packages/kernel/src/C.ts",
      documented("export class Silent {}").replace(" * The thing.\n *\n", "")
    )
    write("packages/kernel/src/D.ts", `${documented("const inner = 1")}export interface Far {}\n`)
    finds(
      "packages/kernel/src/A.ts:1 bare has no doc comment",
      "packages/kernel/src/B.ts:2 the doc comment of untagged has no @category and no @since",
      "packages/kernel/src/C.ts:5 the doc comment of Silent says nothing",
      "packages/kernel/src/D.ts:8 Far has no doc comment"
    )
  })

  it("lets the type beside a schema of the same name go without a sentence", () => {
    const schema = documented("export const Id = Schema.String")
    const type = "/**\n * @category types\n * @since 0.1.0\n */\nexport type Id = typeof Id.Type\n"
    write("packages/kernel/src/Id.ts", schema + type)
    finds()
  })

  it("finds tests that do not run", () => {
    const call = (modifier: string) => `it${modifier}("is", () => {})\n`
    write(
      "packages/kernel/test/A.test.ts",
      ["", ".skip", ".effect.only", ".todo"].map(call).join("")
    )
    finds(
      "packages/kernel/test/A.test.ts:2 the test is skipped, or skips others",
      "packages/kernel/test/A.test.ts:3 the test is skipped, or skips others",
      "packages/kernel/test/A.test.ts:4 the test is skipped, or skips others"
    )
  })
})
