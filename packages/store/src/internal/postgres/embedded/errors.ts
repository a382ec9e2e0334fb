/**
 * The error of the embedded database.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { rootMessage } from "../../start/rootMessage.ts"

/**
 * The process that has a folder open, as it described itself.
 *
 * @category types
 * @since 0.1.0
 */
export interface FolderOwner {
  readonly host: string
  /** The process id, as its own container counts. */
  readonly pid: number
  /** The id of the system boot in which it runs; absent if the system has none. */
  readonly bootId?: string
  /** The ISO 8601 instant at which it opened the folder. */
  readonly since: string
}

/**
 * The reason why a folder can't hold a log: other users could read or change it.
 *
 * **Details**
 * `NotOwned`: the folder belongs to the user `owner`, and the process runs as `user`.
 * `OpenToOthers`: the folder holds other files, and its mode lets other users read or write;
 * PostgreSQL accepts 0700 and 0750.
 *
 * @category types
 * @since 0.1.0
 */
export type FolderRefusal =
  | { readonly _tag: "NotOwned"; readonly owner: number; readonly user: number }
  | { readonly _tag: "OpenToOthers"; readonly mode: number }

/**
 * The embedded database could not be opened.
 *
 * **Details**
 * `InUse`: a live process has the folder open.
 * `Unusable`: the folder can't be read, written, locked or prepared, for the reason in `cause`.
 * `NotOwned` and `OpenToOthers`: other users could read or change the log.
 *
 * @category errors
 * @since 0.1.0
 */
export class EmbeddedPostgresError extends Data.TaggedError("EmbeddedPostgresError")<{
  /** Undefined for a database in memory. */
  readonly dataDir: string | undefined
  readonly reason:
    | {
        readonly _tag: "InUse"
        /** Undefined if the folder does not name it. */
        readonly owner: FolderOwner | undefined
        readonly lockFile: string
      }
    | { readonly _tag: "Unusable"; readonly cause: unknown }
    | FolderRefusal
}> {
  override get message() {
    const where = this.dataDir === undefined ? "in memory" : `in ${this.dataDir}`
    switch (this.reason._tag) {
      case "InUse":
        return `The embedded database ${where} is in use by ${named(this.reason.owner)} (${this.reason.lockFile})`
      case "Unusable":
        return `Cannot open the embedded database ${where}: ${rootMessage(this.reason.cause)}`
      case "NotOwned":
        return `Cannot open the embedded database ${where}: the folder belongs to user ${this.reason.owner}, and this process runs as user ${this.reason.user}`
      case "OpenToOthers":
        return `Cannot open the embedded database ${where}: mode ${modeOf(this.reason.mode)} of the folder lets other users in, and it holds other files`
    }
  }
}

const named = (owner: FolderOwner | undefined): string => {
  if (owner === undefined) return "a process that the folder does not name"
  const boot = owner.bootId === undefined ? "" : `, boot ${owner.bootId}`
  return `process ${owner.pid} on host ${owner.host}${boot}, since ${owner.since}`
}

const modeOf = (mode: number): string => mode.toString(8).padStart(4, "0")
