/**
 * The lock of a folder: at most one open database per folder, wherever its owner runs.
 *
 * The system holds the lock and releases it when its owner, a thread or a process, dies. A process
 * id would not do: it means nothing in another container, after a reboot, or on a copy of the
 * folder.
 *
 * There are two locks, and an owner holds both:
 *
 * 1. SQLite's exclusive lock on the file `lock.sqlite`, which stays empty. It is a record lock of
 *    the system (`fcntl`, `LockFileEx`), and SQLite itself separates the threads of a process. Node
 *    has it everywhere.
 * 2. A lock on the folder itself (`flock`) where it is available. POSIX drops the record locks of a
 *    process as soon as any part of that process closes the file, as a copy of the folder does.
 *    Deleting the file loses the first lock too.
 *
 * The file `lock.json` names the owner for error messages. Its content decides nothing.
 */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"
import { DatabaseSync } from "node:sqlite"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** The owner of a folder, as it describes itself. */
const Owner = Schema.Struct({
  id: Schema.String,
  host: Schema.String,
  /** The process id, which counts in the owner's container only. */
  pid: Schema.Int,
  /** The name of the running system, drawn at its start. */
  bootId: Schema.optionalKey(Schema.String),
  since: Schema.String
})

type Owner = typeof Owner.Type

const decodeOwner = Schema.decodeUnknownOption(Schema.fromJsonString(Owner))

export type Answer =
  | { readonly _tag: "Taken"; readonly release: () => Promise<void> }
  /**
   * The lock is held. `owner` is absent when the folder does not name its holder; `ours`: this
   * thread is the holder.
   */
  | { readonly _tag: "Held"; readonly owner: Owner | undefined; readonly ours: boolean }

/**
 * The locks that this thread holds, by id. The map protects them from the garbage collector, which
 * would release them.
 */
const own = new Map<string, () => Promise<void>>()

/** The path of the file that is locked; it must not be moved. */
export const lockFile = (folder: string): string => Path.join(folder, "lock.sqlite")

const ownerFile = (folder: string): string => Path.join(folder, "lock.json")

/**
 * Takes the lock of an existing folder, or returns its holder. `since`: the present instant, for
 * messages.
 */
export const take = async (folder: string, since: string): Promise<Answer> => {
  const itself = await lockFolder(folder)
  if (itself === "held") return await held(folder)
  let records: DatabaseSync | undefined
  const open = async () => {
    records?.close()
    await itself?.close()
  }
  try {
    records = lockRecords(Path.resolve(lockFile(folder)))
    if (records === undefined) {
      await open()
      return await held(folder)
    }
    await closeToOthers(folder)
    const id = randomUUID()
    await writeOwner(folder, id, since)
    const release = async () => {
      await Fs.rm(ownerFile(folder), { force: true })
      await open()
      own.delete(id)
    }
    own.set(id, release)
    return { _tag: "Taken", release }
  } catch (error) {
    await open()
    throw error
  }
}

/**
 * Closes the lock's files to others, by name, since POSIX drops the lock when the file is opened
 * and closed again. SQLite leaves modes to the umask.
 */
const closeToOthers = async (folder: string): Promise<void> => {
  const file = lockFile(folder)
  await Fs.chmod(file, 0o600)
  await Fs.chmod(`${file}-journal`, 0o600).catch((error: unknown) => {
    if (!hasCode(error, "ENOENT")) throw error
  })
}

/**
 * The wait for a contender: contenders that come at the same time block one another for a moment,
 * and one of them has to win.
 */
const CONTENTION_MILLIS = 50

/**
 * Opens a transaction on the file, unless another one is open. It writes nothing, so there is
 * nothing to recover.
 */
const lockRecords = (file: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(file, { timeout: CONTENTION_MILLIS })
  try {
    database.exec("BEGIN EXCLUSIVE")
    return database
  } catch (error) {
    database.close()
    if (isBusy(error)) return undefined
    throw error
  }
}

/** Returns true for SQLITE_BUSY: a connection of this or another process has the lock. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === 5

/**
 * `O_EXLOCK` of macOS and the BSDs, which open a file and take its `flock` in one step. Node has no
 * name for it.
 */
const O_EXLOCK = 0x20

/** Opens and locks the folder; returns `undefined` where it can't be locked. */
const lockFolder = async (folder: string): Promise<Fs.FileHandle | "held" | undefined> => {
  const { O_DIRECTORY, O_NONBLOCK, O_RDONLY } = constants
  switch (process.platform) {
    case "linux":
      return await lockOpened(await Fs.open(folder, O_RDONLY | O_DIRECTORY))
    case "darwin":
      return await Fs.open(folder, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_EXLOCK).catch(
        (error: unknown) => (hasCode(error, "EAGAIN") ? "held" : undefined)
      )
    default:
      return undefined
  }
}

/**
 * Locks an open folder by the program `flock` (util-linux, BusyBox). Node has no `flock`, but the
 * lock belongs to the open file and not to the process that asked for it: the program is given the
 * open folder, locks it and ends. The lock stays until this process closes the folder or dies.
 */
const lockOpened = async (opened: Fs.FileHandle): Promise<Fs.FileHandle | "held" | undefined> => {
  const status = await new Promise<number | null>((resolve) => {
    const locker = spawn("flock", ["-x", "-n", "3"], {
      stdio: ["ignore", "ignore", "ignore", opened.fd]
    })
    // The program may be missing.
    locker.once("error", () => resolve(null))
    locker.once("close", resolve)
  })
  if (status === 0) return opened
  await opened.close()
  // Any other status means that this file system has no such locks.
  return status === 1 ? "held" : undefined
}

const held = async (folder: string): Promise<Answer> => {
  const owner = Option.getOrUndefined(
    decodeOwner(await Fs.readFile(ownerFile(folder), "utf8").catch(() => undefined))
  )
  return { _tag: "Held", owner, ours: owner !== undefined && own.has(owner.id) }
}

const writeOwner = async (folder: string, id: string, since: string): Promise<void> => {
  const bootId = await readBootId()
  const owner: Owner = {
    id,
    host: Os.hostname(),
    pid: process.pid,
    ...(bootId === undefined ? {} : { bootId }),
    since
  }
  await Fs.writeFile(ownerFile(folder), JSON.stringify(owner), { mode: 0o600 })
}

/** Reads the id of the system's start, which only Linux has. */
const readBootId = (): Promise<string | undefined> =>
  Fs.readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => undefined
  )

/** Returns true if an error has this code of Node's. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code
