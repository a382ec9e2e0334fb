/**
 * The folder of an embedded database: its user's alone, as PostgreSQL wants its data directory, whatever the umask is.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"
import type { FolderRefusal } from "../../../EmbeddedPostgresError.ts"
import { hasCode } from "./folderLock.ts"

/** What others may do with a folder or a file of an embedded database: nothing. */
const OTHERS = 0o077

/** PostgreSQL lets the group read a data directory, for backups. */
const ALLOWED = new Set([0o000, 0o050])

/** What is known of a folder that is there. */
export interface FolderFacts {
  /** Whose it is. */
  readonly uid: number
  readonly mode: number
  /** If true, it is empty or holds the files of an embedded database. */
  readonly isOurs: boolean
}

/**
 * The folder of another user is refused, since that user can change the log. One that others may enter is closed to them,
 * unless it holds something else: then somebody chose its mode.
 */
export const judge = (
  { isOurs, mode, uid }: FolderFacts,
  user: number
): FolderRefusal | "close" | "fit" => {
  if (uid !== user) return { _tag: "NotOwned", owner: uid, user }
  if (ALLOWED.has(mode & OTHERS)) return "fit"
  return isOurs ? "close" : { _tag: "OpenToOthers", mode: mode & 0o777 }
}

/** Makes the folder where it is missing, and closes it to other users or says why it can't be used. */
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
 * Closes a cluster that an older version left open to other users, or says whose it is.
 *
 * The cluster itself comes last: its mode says that there is still something to do.
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

/** Node's recursive `mkdir` tries for ever where a folder can't be made though its parent is there, as in `/proc`. */
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
