/**
 * The error of the embedded database.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { rootMessage } from "./internal/rootMessage.ts"

/**
 * The process that has a folder open, as it described itself.
 *
 * **Details**
 * `pid`: its process id, which counts in its own container. `bootId`: the id of the system's start on which it runs; absent
 * where the system gives none. `since`: the ISO 8601 instant at which it opened the folder.
 *
 * @category types
 * @since 0.1.0
 */
export interface FolderOwner {
  readonly host: string
  readonly pid: number
  readonly bootId?: string
  readonly since: string
}

/**
 * The embedded database could not be opened.
 *
 * **Details**
 * `InUse`: a live process has the folder open; `owner` is absent when the folder does not name it. `Unusable`: the folder
 * can't be read, written, locked or made ready; `cause` says why. `dataDir` is absent for a database in memory.
 *
 * @category errors
 * @since 0.1.0
 */
export class EmbeddedPostgresError extends Data.TaggedError("EmbeddedPostgresError")<{
  readonly dataDir: string | undefined
  readonly reason:
    | {
        readonly _tag: "InUse"
        readonly owner: FolderOwner | undefined
        readonly lockFile: string
      }
    | { readonly _tag: "Unusable"; readonly cause: unknown }
}> {
  override get message() {
    const where = this.dataDir === undefined ? "in memory" : `in ${this.dataDir}`
    if (this.reason._tag === "InUse") {
      return `The embedded database ${where} is in use by ${named(this.reason.owner)} (${this.reason.lockFile})`
    }
    const { cause } = this.reason
    return `The embedded database ${where} can't be opened: ${rootMessage(cause)}`
  }
}

const named = (owner: FolderOwner | undefined): string => {
  if (owner === undefined) return "a process that the folder does not name"
  const boot = owner.bootId === undefined ? "" : `, boot ${owner.bootId}`
  return `process ${owner.pid} on host ${owner.host}${boot}, since ${owner.since}`
}
