/**
 * The checks of the repository that the compiler, the linter and the unused-export check can't
 * make.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** A problem in a file. */
export interface Finding {
  /** The path, relative to the root. */
  readonly file: string
  readonly line?: number
  readonly problem: string
}

const MAX_LINES = 750

const topLevel = new Set([
  "LICENSE",
  "README.md",
  "SECURITY.md",
  "deploy",
  "docs",
  "package.json",
  "packages",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "scripts",
  "tsconfig.base.json",
  "vitest.brokers.ts",
  "vitest.browser.ts",
  "vitest.packages.ts",
  "vitest.pooler.ts",
  "vitest.workspace.ts"
])

/**
 * Packages whose exports are read in an editor, so each export has a doc comment, those of their
 * public folders too.
 */
const documented =
  /^packages\/(kernel|order|store|projections|publishing|testing|http|inspector|cli)\/src\/(?!internal\/)([^/]+\/)?[^/]+\.ts$/

/** Returns all findings under `root`, in the order of the file names. */
export const check = (root: string): ReadonlyArray<Finding> => {
  const ignored = ignoredNames(root)
  const findings: Array<Finding> = Fs.readdirSync(root)
    .filter((name) => !name.startsWith(".") && !topLevel.has(name) && !ignored.has(name))
    .map((file) => ({ file, problem: "is not one of the entries the top level has" }))
  const files = ["packages", "scripts"].flatMap((folder) => filesBelow(root, folder, ignored))
  const prose = Fs.existsSync(Path.join(root, "docs")) ? filesBelow(root, "docs", ignored) : []
  const byName = modulesByName(root, files)
  for (const file of files) {
    findings.push(...checkName(file))
    if (file.endsWith(".ts")) findings.push(...checkSource(file, read(root, file)))
  }
  for (const file of ["README.md", ...prose, ...files]) {
    if (/\.(ts|md)$/.test(file)) findings.push(...checkImports(file, read(root, file), byName))
    if (signposts.test(file)) findings.push(...checkSignposts(file, read(root, file), files))
  }
  return findings
}

/** The documents that lead to the source, so that each file which they name must exist. */
const signposts = /^(README\.md|docs\/(ARCHITECTURE|CONTRIBUTING)\.md|packages\/[^/]+\/README\.md)$/

/**
 * Returns the source files and folders that a document names and that don't exist. A name may leave
 * out the folders before it.
 */
const checkSignposts = (
  file: string,
  text: string,
  files: ReadonlyArray<string>
): ReadonlyArray<Finding> =>
  text
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.ts|(?:packages|scripts)\/[\w./-]+)`/g)].flatMap(
        ([, name = ""]) =>
          files.some((path) => path.endsWith(`/${name}`) || `${path}/`.startsWith(`${name}/`))
            ? []
            : [{ file, line: index + 1, problem: `${name} does not exist` }]
      )
    )

/**
 * Returns the modules that are imported by name: a class that is named as its module, and no
 * function beside it. A module of functions is imported as a namespace.
 */
const modulesByName = (root: string, files: ReadonlyArray<string>): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const file of files) {
    const [, folder, module = ""] = /^packages\/([^/]+)\/src\/([^/]+)\.ts$/.exec(file) ?? []
    if (folder === undefined) continue
    const text = read(root, file)
    if (!new RegExp(`^export class ${module}\\b`, "m").test(text)) continue
    if (!/^export const [a-z]/m.test(text)) found.add(`@daybook/${folder}/${module}`)
  }
  return found
}

/** One idiom for each module, so that no line reads `CommandHandler.CommandHandler.layer`. */
const checkImports = (
  file: string,
  text: string,
  byName: ReadonlySet<string>
): ReadonlyArray<Finding> =>
  text.split("\n").flatMap((line, index) => {
    const [, module = ""] = /import (?:type )?\* as \w+ from "(@daybook\/[^"]+)"/.exec(line) ?? []
    return byName.has(module)
      ? [{ file, line: index + 1, problem: `${module} is imported by name: it has no functions` }]
      : []
  })

const ignoredNames = (root: string): ReadonlySet<string> => {
  const lines = Fs.existsSync(Path.join(root, ".gitignore")) ? read(root, ".gitignore") : ""
  return new Set(lines.split("\n").map((line) => line.replace(/\/$/, "")))
}

const read = (root: string, file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")

const filesBelow = (
  root: string,
  folder: string,
  ignored: ReadonlySet<string>
): ReadonlyArray<string> =>
  Fs.readdirSync(Path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (ignored.has(entry.name)) return []
    return entry.isDirectory() ? filesBelow(root, path, ignored) : [path]
  })

const checkName = (file: string): ReadonlyArray<Finding> => {
  const vague = file
    .split("/")
    // The page that a folder of a web server answers with has no other name.
    .find((part) => /^(utils?|helpers?|common|types|misc|index(?!\.html$))(\.|$)/i.test(part))
  return vague === undefined ? [] : [{ file, problem: `"${vague}" names no one thing` }]
}

const checkSource = (file: string, text: string): ReadonlyArray<Finding> => {
  const lines = text.split("\n")
  const findings: Array<Finding> = []
  const add = (index: number, problem: string) => findings.push({ file, line: index + 1, problem })
  if (/^packages\/[^/]+\/src\//.test(file) && lines.length - 1 > MAX_LINES) {
    add(MAX_LINES, `the file has ${lines.length - 1} lines, at most ${MAX_LINES} are allowed`)
  }
  const exported = lines.filter((line) => line.startsWith("export "))
  if (exported.length > 0 && exported.every((line) => /^export (type )?[{*]/.test(line))) {
    add(0, "the file is a barrel: it only re-exports")
  }
  if (spoken.test(file)) for (const { index, problem } of checkProse(lines)) add(index, problem)
  for (const [index, line] of lines.entries()) {
    if (/^export \* (as \w+ )?from\b/.test(line)) add(index, "the file is a barrel: export *")
    if (
      file.endsWith(".test.ts") &&
      /\b(it|test|describe|layer)\b[\w.]*\.(skip|skipIf|only|todo|fails)\b/.test(line)
    ) {
      add(index, "the test is skipped, or skips others")
    }
    if (documented.test(file)) {
      const problem = checkDoc(lines, index)
      if (problem !== undefined) add(index, problem)
    }
  }
  return findings
}

/** The files whose comments are checked. */
const spoken = /^(packages\/[^/]+\/src|scripts)\/.*\.ts$/

const MAX_COMMENT = 100

/** Words that the house style leaves to other centuries; a name in backticks is none of them. */
const dated = /\b(nobody|somebody|everybody|anybody|anew|whoever)\b/i

/** Returns the comments that are wide, begin with an interrogative or use dated words. */
const checkProse = (
  lines: ReadonlyArray<string>
): ReadonlyArray<{ readonly index: number; readonly problem: string }> => {
  const found: Array<{ readonly index: number; readonly problem: string }> = []
  let inBlock = false
  let isOpening = false
  let isCode = false
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trim()
    if (trimmed.startsWith("/**")) [inBlock, isOpening, isCode] = [true, true, false]
    const inComment = inBlock || trimmed.startsWith("//")
    const text = trimmed.replace(/^(\/\*\*|\*\/|\*|\/\/)\s?/, "").replace(/`[^`]*`/g, "")
    if (text.includes("```") || trimmed.includes("```")) isCode = !isCode
    if (inBlock && isOpening && text !== "") {
      isOpening = false
      const [word] = /^(What|Who|Whether|How|Where|When|Why|Which)\b/.exec(text) ?? []
      if (word !== undefined)
        found.push({ index, problem: `the doc comment begins with "${word}"` })
    }
    if (inComment && !isCode) {
      const [word] = dated.exec(text) ?? []
      if (word !== undefined) found.push({ index, problem: `the comment says "${word}"` })
      if (line.length > MAX_COMMENT) {
        found.push({
          index,
          problem: `the comment has ${line.length} columns, at most ${MAX_COMMENT}`
        })
      }
    }
    if (trimmed.endsWith("*/")) inBlock = false
  }
  return found
}

const declaration =
  /^export (?:declare |abstract )*(?:const|function\*?|class|interface|type) (\w+)/

const checkDoc = (lines: ReadonlyArray<string>, index: number): string | undefined => {
  const name = declaration.exec(lines[index] ?? "")?.[1]
  if (name === undefined) return
  const start = lines.slice(0, index).findLastIndex((line) => line.startsWith("/**"))
  const doc = lines.slice(start, index)
  if (start === -1 || doc.findIndex((line) => line.endsWith("*/")) !== doc.length - 1) {
    return `${name} has no doc comment`
  }
  const missing = ["@category", "@since"].filter((tag) => !doc.some((line) => line.includes(tag)))
  if (missing.length > 0) return `the doc comment of ${name} has no ${missing.join(" and no ")}`
  // The type beside a schema of the same name is explained there.
  const isCompanion = lines
    .slice(0, index)
    .some((line) => new RegExp(`^export (const|class) ${name}\\b`).test(line))
  if (!isCompanion && (doc[1] ?? "").startsWith(" * @"))
    return `the doc comment of ${name} says nothing`
  return
}

if (import.meta.main) {
  const findings = check(Path.resolve(import.meta.dirname, ".."))
  for (const { file, line, problem } of findings) {
    console.error(`${file}${line === undefined ? "" : `:${line}`}: ${problem}`)
  }
  if (findings.length > 0) process.exitCode = 1
}
