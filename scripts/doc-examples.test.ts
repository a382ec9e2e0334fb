import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { type Block, blocks, checkBlock, isExample, prepare, scriptNames } from "./doc-examples.ts"

const root = Path.resolve(import.meta.dirname, "..")
const place = (block: Block) => `${block.file}:${block.line}`

describe("the documentation", () => {
  const all = blocks(root)
  const examples = all.filter(isExample)
  const scripts = scriptNames(root)
  let prepared: Awaited<ReturnType<typeof prepare>>

  beforeAll(async () => {
    prepared = await prepare(root, examples)
  }, 120_000)
  afterAll(() => prepared.remove())

  it("marks every example in TypeScript to be run, and names only scripts that exist", () => {
    const problems = all.flatMap((block) => {
      const problem = checkBlock(block, scripts)
      return problem === undefined ? [] : [`${place(block)}: ${problem}`]
    })
    assert.deepStrictEqual(problems, [])
  })

  for (const block of examples) {
    it(
      `has an example that compiles and runs at ${place(block)}`,
      { timeout: 180_000 },
      async () => {
        assert.deepStrictEqual(prepared.typeErrors(block), [])
        assert.isUndefined(await prepared.failure(block))
      }
    )
  }
})

describe("doc-examples", () => {
  const block = (language: string, code: string): Block => ({
    file: "X.md",
    line: 10,
    language,
    code
  })

  it("finds blocks in Markdown and in doc comments, with their lines", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-docs-"))
    Fs.mkdirSync(Path.join(folder, "packages/a/src"), { recursive: true })
    Fs.writeFileSync(
      Path.join(folder, "README.md"),
      "# A\n```ts\nlet a = 1\n```\n```sh\npnpm x\n```\n"
    )
    const comment = "/**\n * Text.\n *\n * ```ts\n * if (b) {\n *   c()\n * }\n * ```\n */\n"
    Fs.writeFileSync(Path.join(folder, "packages/a/src/B.ts"), comment)
    assert.deepStrictEqual(blocks(folder), [
      { file: "README.md", line: 2, language: "ts", code: "let a = 1\n" },
      { file: "README.md", line: 5, language: "sh", code: "pnpm x\n" },
      { file: "packages/a/src/B.ts", line: 4, language: "ts", code: "if (b) {\n  c()\n}\n" }
    ])
    Fs.rmSync(folder, { recursive: true })
  })

  it("refuses examples that would not be run", () => {
    assert.include(checkBlock(block("ts no-run", ""), new Set()), '"ts no-run"')
    assert.include(checkBlock(block("typescript", ""), new Set()), '"typescript"')
    assert.include(checkBlock(block("js", ""), new Set()), '"js"')
    assert.isUndefined(checkBlock(block("ts", ""), new Set()))
    assert.isUndefined(checkBlock(block("ts test", ""), new Set()))
  })

  it("refuses scripts that do not exist", () => {
    const scripts = new Set(["demo", "check:types"])
    const check = (code: string) => checkBlock(block("sh", code), scripts)
    assert.isUndefined(check("npx -y pnpm@12 demo\nA=1 pnpm run check:types\npnpm install\nls"))
    assert.strictEqual(check("pnpm demo\npnpm dmeo --help"), 'package.json has no script "dmeo"')
  })

  it(
    "says where an example does not compile, and what failed when it ran",
    { timeout: 180_000 },
    async () => {
      const wrong = block("ts", "const n: number = 1\nexport const s: string = n\n")
      const failing = block(
        "ts",
        'import * as Effect from "effect/Effect"\nEffect.runSync(Effect.die("no"))\n'
      )
      const good = block(
        "ts",
        'import * as StreamId from "@daybook/kernel/StreamId"\nStreamId.fromString("a-1")\n'
      )
      const test = (expected: number) =>
        block(
          "ts test",
          `import { assert, it } from "@effect/vitest"\nit("adds", () => assert.equal(1 + 1, ${expected}))\n`
        )
      const [goodTest, failingTest] = [test(2), test(3)]
      const prepared = await prepare(root, [wrong, failing, good, goodTest, failingTest])
      assert.isUndefined(await prepared.failure(goodTest))
      assert.include(await prepared.failure(failingTest), "expected 2 to equal 3")
      assert.match(prepared.typeErrors(wrong).join(), /^X\.md:12: error TS2322/)
      assert.isEmpty([...prepared.typeErrors(failing), ...prepared.typeErrors(good)])
      assert.match(
        (await prepared.failure(failing)) ?? "",
        /^X\.md:10: the example failed:\n[^]*no/
      )
      assert.isUndefined(await prepared.failure(good))
      prepared.remove()
    }
  )
})
