/**
 * The error of the embedded database.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { rootMessage } from "./internal/rootMessage.ts"

/**
 * The embedded database could not be opened.
 *
 * **Details**
 * `InUse`: the process `pid` has the folder open. `Unusable`: it can't be read, written or made
 * ready; `cause` tells why. `dataDir` is absent for a database in memory.
 *
 * @category errors
 * @since 0.1.0
 */
export class EmbeddedPostgresError extends Data.TaggedError("EmbeddedPostgresError")<{
  readonly dataDir: string | undefined
  readonly reason:
    | { readonly _tag: "InUse"; readonly pid: number; readonly lockFile: string }
    | { readonly _tag: "Unusable"; readonly cause: unknown }
}> {
  override get message() {
    const where = this.dataDir === undefined ? "in memory" : `in ${this.dataDir}`
    if (this.reason._tag === "InUse") {
      return `The embedded database ${where} is in use by process ${this.reason.pid} (${this.reason.lockFile})`
    }
    const { cause } = this.reason
    return `The embedded database ${where} can't be opened: ${rootMessage(cause)}`
  }
}
