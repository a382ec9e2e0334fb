/**
 * The folder of an embedded database: open to its user only, as PostgreSQL requires of its data
 * directory, whatever the umask is.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"
import type { FolderRefusal } from "./errors.ts"
import { hasCode } from "./folderLock.ts"

/** The mode bits of the group and of other users. */
const OTHERS = 0o077

/** PostgreSQL lets the group read a data directory, for backups. */
const ALLOWED = new Set([0o000, 0o050])

/** The facts about an existing folder. */
export interface FolderFacts {
  /** The owner of the folder. */
  readonly uid: number
  readonly mode: number
  /** True if it is empty or holds only the files of an embedded database. */
  readonly isOurs: boolean
}

/**
 * Decides whether a folder can be used. Another user's folder is refused, since that user can
 * change the log. A folder that others may enter is closed to them, unless it holds other files:
 * then its mode was chosen on purpose.
 */
export const judge = (
  { isOurs, mode, uid }: FolderFacts,
  user: number
): FolderRefusal | "close" | "fit" => {
  if (uid !== user) return { _tag: "NotOwned", owner: uid, user }
  if (ALLOWED.has(mode & OTHERS)) return "fit"
  return isOurs ? "close" : { _tag: "OpenToOthers", mode: mode & 0o777 }
}

/**
 * Makes the folder if it is missing, and closes it to other users or returns why it can't be used.
 */
export const prepare = async (folder: string): Promise<FolderRefusal | undefined> => {
  await makeFolder(folder)
  const user = process.geteuid?.()
  // Windows has no modes.
  if (user === undefined) return undefined
  const { mode, uid } = await Fs.stat(folder)
  const verdict = judge({ uid, mode, isOurs: await isOurs(folder) }, user)
  if (typeof verdict === "object") return verdict
  if (verdict === "close") await Fs.chmod(folder, 0o700)
  return undefined
}

/**
 * Closes a cluster that an older version left open to other users, or returns why it can't be used.
 *
 * The cluster's own mode is changed last: until then it shows that there is still something to do.
 */
export const closeCluster = async (cluster: string): Promise<FolderRefusal | undefined> => {
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  const { mode, uid } = await Fs.stat(cluster)
  const verdict = judge({ uid, mode, isOurs: true }, user)
  if (typeof verdict === "object") return verdict
  if (verdict === "close") await closeAll(cluster)
  return undefined
}

const closeAll = async (folder: string): Promise<void> => {
  for (const entry of await Fs.readdir(folder, { withFileTypes: true })) {
    const path = Path.join(folder, entry.name)
    if (entry.isDirectory()) await closeAll(path)
    else if (entry.isFile()) await Fs.chmod(path, 0o600)
  }
  await Fs.chmod(folder, 0o700)
}

const OURS = new Set(["pgdata", "pgdata.new", "lock.sqlite", "lock.sqlite-journal", "lock.json"])

const isOurs = async (folder: string): Promise<boolean> => {
  const names = await Fs.readdir(folder)
  return names.every((name) => OURS.has(name))
}

/**
 * Makes a folder and its parents. Node's recursive `mkdir` retries for ever where a folder can't be
 * made although its parent exists, as in `/proc`.
 */
const makeFolder = async (path: string, mode = 0o700): Promise<void> => {
  try {
    await makeOne(path, mode)
  } catch (error) {
    const parent = Path.dirname(path)
    if (!hasCode(error, "ENOENT") || parent === path) throw error
    // The folders above hold no data.
    await makeFolder(parent, 0o755)
    await makeOne(path, mode)
  }
}

const makeOne = (path: string, mode: number): Promise<void> =>
  Fs.mkdir(path, { mode }).then(
    () => undefined,
    async (error: unknown) => {
      const isThere = hasCode(error, "EEXIST") && (await Fs.stat(path)).isDirectory()
      if (!isThere) throw error
    }
  )
