/**
 * The errors that the packages export: the guide to errors has to name each of them.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

export interface ExportedError {
  readonly file: string
  readonly tag: string
}

/**
 * Packages whose errors a user can meet; the errors of the worked domain are its own rejections.
 */
const PATTERN = "packages/{kernel,store,projections,testing,order-service}/src/*.ts"

/** Returns the tagged errors of the public modules, in the order of their files. */
export const exportedErrors = (root: string): ReadonlyArray<ExportedError> =>
  Fs.globSync(PATTERN, { cwd: root })
    .toSorted()
    .flatMap((file) =>
      Array.from(
        Fs.readFileSync(Path.join(root, file), "utf8").matchAll(
          /export class \w+ extends (?:Schema|Data)\.TaggedError(?:<\w+>\(\))?\(\s*"(\w+)"/g
        ),
        ([, tag = ""]) => ({ file, tag })
      )
    )

/** Returns the errors that a text does not name as code. */
export const unnamed = (
  errors: ReadonlyArray<ExportedError>,
  text: string
): ReadonlyArray<string> =>
  errors.filter(({ tag }) => !text.includes(`\`${tag}\``)).map(({ file, tag }) => `${file}: ${tag}`)
