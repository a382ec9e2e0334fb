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
const PATTERN =
  "packages/{kernel,store,projections,publishing,testing,http,order-service}/src/{,driver/,sql/}*.ts"

/**
 * Returns the tagged errors that public modules declare or hand on from an internal one, in the
 * order of their files.
 */
export const exportedErrors = (root: string): ReadonlyArray<ExportedError> =>
  Fs.globSync(PATTERN, { cwd: root })
    .toSorted()
    .flatMap((file) => {
      const text = Fs.readFileSync(Path.join(root, file), "utf8")
      const handedOn = Array.from(
        text.matchAll(/export \{([^}]*)\} from "(\.[^"]*)"/g),
        ([, names = "", from = ""]) => {
          const path = Path.join(root, Path.dirname(file), from)
          const given = names.split(",").map((name) => name.trim())
          return declared(Fs.readFileSync(path, "utf8")).filter(({ name }) => given.includes(name))
        }
      ).flat()
      return [...declared(text), ...handedOn].map(({ tag }) => ({ file, tag }))
    })

const declared = (text: string) =>
  Array.from(
    text.matchAll(
      /export class (\w+) extends (?:Schema|Data)\.TaggedError(?:<\w+>\(\))?\(\s*"(\w+)"/g
    ),
    ([, name = "", tag = ""]) => ({ name, tag })
  )

/** Returns the errors that a text does not name as code. */
export const unnamed = (
  errors: ReadonlyArray<ExportedError>,
  text: string
): ReadonlyArray<string> =>
  errors.filter(({ tag }) => !text.includes(`\`${tag}\``)).map(({ file, tag }) => `${file}: ${tag}`)
