/**
 * The findings that the threat model names as proofs, and the tests that prove them.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** Returns the last column of the lines of its table, such as `S12`, in the order of the page. */
export const named = (page: string): ReadonlyArray<string> => {
  const [, table = ""] = /\n## What each can do\n([\s\S]*?)\n## /.exec(page) ?? []
  return table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .flatMap((line) => {
      const proofs = line.split("|").at(-2) ?? ""
      const findings = Array.from(proofs.matchAll(/`(S\d+)`/g), ([, finding = ""]) => finding)
      return findings.length > 0 ? findings : [`nothing: ${line}`]
    })
}

/**
 * Returns the findings whose tests are in the files: the name of such a test, or of a case of a
 * suite, begins with `S12:`.
 */
export const proved = (root: string): ReadonlySet<string> =>
  new Set(
    Fs.globSync(
      [
        "packages/*/test/**/*.ts",
        "packages/testing/src/internal/contracts/*/*.ts",
        "scripts/*.test.ts"
      ],
      {
        cwd: root
      }
    ).flatMap((file) =>
      Array.from(
        Fs.readFileSync(Path.join(root, file), "utf8").matchAll(/["'`](S\d+): /g),
        ([, finding = ""]) => finding
      )
    )
  )
