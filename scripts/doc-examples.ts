/**
 * Finds, type-checks and runs the examples of the documentation, so that none of them is wrong.
 *
 * A `ts` block is a module of its own, run by Node; a `ts test` block is a test file, run by
 * Vitest. They are written into a folder from which everything resolves that a package may import.
 */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"

/** A fenced block. */
export interface Block {
  readonly file: string
  /** The line of its fence, counted from 1. */
  readonly line: number
  readonly language: string
  readonly code: string
}

export const WORK_FOLDER = ".doc-examples"

// An example that waits for ever must not hold up the run, and a loaded machine is slow.
const RUN_TIMEOUT_MILLIS = 150_000

/**
 * Returns the fenced blocks of the repository's Markdown and of the doc comments in its packages.
 */
export const blocks = (root: string): ReadonlyArray<Block> =>
  Fs.globSync(["README.md", "docs/**/*.md", "packages/*/README.md", "packages/*/src/**/*.ts"], {
    cwd: root,
    // The generated reference repeats the doc comments.
    exclude: ["**/node_modules/**", "docs/reference/api/**"]
  })
    .toSorted()
    .flatMap((file) => fenced(file, Fs.readFileSync(Path.join(root, file), "utf8")))

const fenced = (file: string, text: string): ReadonlyArray<Block> => {
  // In a doc comment the fence stands after a star.
  const margin = file.endsWith(".ts") ? /^ *\* ?/ : /^/
  const found: Array<Block> = []
  let open: { line: number; language: string; code: Array<string> } | undefined
  for (const [index, line] of text.split("\n").entries()) {
    if (open === undefined) {
      const fence = margin.test(line) ? /^```(\w+.*)$/.exec(line.replace(margin, "")) : null
      if (fence !== null) open = { line: index + 1, language: fence[1]?.trim() ?? "", code: [] }
    } else if (line.replace(margin, "").startsWith("```")) {
      found.push({ ...open, file, code: `${open.code.join("\n")}\n` })
      open = undefined
    } else {
      open.code.push(line.replace(margin, ""))
    }
  }
  return found
}

/** Returns true if the block is compiled and run. */
export const isExample = ({ language }: Block): boolean =>
  language === "ts" || language === "ts test"

/** Returns true for a file of the tutorial, which its own test writes and runs. */
const isFile = ({ file, language }: Block): boolean =>
  file.startsWith("docs/tutorial/") && /^ts (src|test)\/\w+(\.test)?\.ts$/.test(language)

/** Returns the problem of a block before it runs, in one line, or nothing. */
export const checkBlock = (block: Block, scripts: ReadonlySet<string>): string | undefined => {
  if (isFile(block)) return undefined
  if (/^(ts|typescript|tsx|js|javascript)\b/.test(block.language) && !isExample(block)) {
    return `"${block.language}": an example is marked "ts" or "ts test", and all of them run`
  }
  if (block.language !== "sh") return
  const unknown = block.code
    .split("\n")
    .map((line) => /(?:^|\s)pnpm(?:@\S+)?\s+(?:run\s+)?([a-z][\w:-]*)/.exec(line)?.[1])
    .find((name) => name !== undefined && !pnpmCommands.has(name) && !scripts.has(name))
  return unknown === undefined ? undefined : `package.json has no script "${unknown}"`
}

const pnpmCommands = new Set(["add", "dlx", "exec", "install"])

/** Returns the names of the scripts in the root's package.json. */
export const scriptNames = (root: string): ReadonlySet<string> => {
  // The shape of package.json is npm's to guarantee; a missing `scripts` gives an empty set.
  const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
    readonly scripts?: Record<string, string>
  }
  return new Set(Object.keys(manifest.scripts ?? {}))
}

/**
 * Writes the examples to files, type-checks them in one go, and returns functions that run each.
 */
export const prepare = async (root: string, examples: ReadonlyArray<Block>) => {
  Fs.mkdirSync(Path.join(root, WORK_FOLDER), { recursive: true })
  const work = Fs.mkdtempSync(Path.join(root, WORK_FOLDER, "run-"))
  linkModules(root, work)
  const nameOf = (block: Block) =>
    `example-${examples.indexOf(block)}${block.language === "ts test" ? ".test" : ""}.ts`
  for (const block of examples) Fs.writeFileSync(Path.join(work, nameOf(block)), block.code)
  Fs.writeFileSync(Path.join(work, "tsconfig.json"), tsconfig)
  const tsc = Path.join(root, "node_modules/typescript/bin/tsc")
  const vitest = Path.join(root, "node_modules/vitest/vitest.mjs")
  const checked = await run(work, [tsc, "-p", work, "--pretty", "false"])
  /** The runs of examples: the guide and a doc comment may have the same one. */
  const runs = new Map<string, ReturnType<typeof run>>()
  return {
    /** The compiler's errors in the block, with lines of its file. */
    typeErrors: (block: Block): ReadonlyArray<string> =>
      checked.output.split("\n").flatMap((line) => {
        const [, name, row, problem] = /^(example-[\w.]+)\((\d+),\d+\): (.*)$/.exec(line) ?? []
        return name === nameOf(block)
          ? [`${block.file}:${block.line + Number(row)}: ${problem}`]
          : []
      }),
    /** Returns the output of the block if it failed, or nothing. */
    failure: async (block: Block): Promise<string | undefined> => {
      const isTest = block.language === "ts test"
      const file = nameOf(block)
      const begun =
        runs.get(block.code) ?? run(work, isTest ? [vitest, "run", "--root", work, file] : [file])
      runs.set(block.code, begun)
      const { ok, output } = await begun
      return ok ? undefined : `${block.file}:${block.line}: the example failed:\n${output}`
    },
    remove: () => Fs.rmSync(work, { recursive: true, force: true })
  }
}

/** Makes every package, and all their dependencies, importable from `work`. */
const linkModules = (root: string, work: string) => {
  const link = (target: string, name: string) => {
    const path = Path.join(work, "node_modules", name)
    Fs.mkdirSync(Path.dirname(path), { recursive: true })
    if (!Fs.existsSync(path)) Fs.symlinkSync(target, path, "junction")
  }
  for (const name of Fs.readdirSync(Path.join(root, "packages"))) {
    const folder = Path.join(root, "packages", name)
    if (!Fs.existsSync(Path.join(folder, "package.json"))) continue
    link(folder, `@daybook/${name}`)
    const pattern = ["node_modules/[a-z]*", "node_modules/@*/*"]
    for (const module of Fs.globSync(pattern, { cwd: folder })) {
      link(Fs.realpathSync(Path.join(folder, module)), Path.relative("node_modules", module))
    }
  }
}

const tsconfig = JSON.stringify({
  extends: "../../tsconfig.base.json",
  compilerOptions: {
    composite: false,
    declaration: false,
    declarationMap: false,
    noEmit: true,
    noUnusedLocals: false,
    types: ["node"]
  },
  include: ["*.ts"]
})

const run = async (cwd: string, args: ReadonlyArray<string>) => {
  // A Vitest that believes it runs inside another one would not start.
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"))
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args], {
      cwd,
      env: Object.fromEntries(env),
      timeout: RUN_TIMEOUT_MILLIS
    })
    return { ok: true, output: stdout + stderr }
  } catch (error) {
    // execFile rejects with an error that carries the output.
    const printed = error as { readonly stdout?: string; readonly stderr?: string }
    return { ok: false, output: `${printed.stdout ?? ""}${printed.stderr ?? ""}` || String(error) }
  }
}
