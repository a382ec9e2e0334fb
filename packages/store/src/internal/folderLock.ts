/**
 * A lock that a file is: Node has no file locks, so the file names the process that holds it.
 *
 * A live owner's file is never touched by others. A dead owner's is replaced by whoever holds the lock
 * that is named after it, in one rename, so that at no time two are told that they hold it.
 *
 * A process id says nothing outside of its container, and a thread has none of its own: a folder is
 * for one container, and for the main threads of its processes.
 */
import { createHash, randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"

/** What this process wrote into the locks that it holds or is about to hold. */
const own = new Set<string>()

/** What this process wrote into each lock that it was given, by path. */
const held = new Map<string, string>()

/** Takes the lock, or gives the id of the process that holds it. */
export const take = async (lockFile: string): Promise<number | undefined> => {
  const taken = await acquire(lockFile)
  if (typeof taken === "number") return taken
  held.set(Path.resolve(lockFile), taken)
  return undefined
}

/** Gives the lock back, if it is still the one that was taken. */
export const release = async (lockFile: string): Promise<void> => {
  const text = held.get(Path.resolve(lockFile))
  held.delete(Path.resolve(lockFile))
  if (text !== undefined) await remove(lockFile, text)
}

/** The text of the lock that is held now, or the id of the process that holds it. */
const acquire = async (lockFile: string): Promise<string | number> => {
  // The token tells this lock from any other, of an earlier process with the same id too.
  const text = `${process.pid} ${randomUUID()}`
  const draft = `${lockFile}.${randomUUID()}`
  own.add(text)
  let mine = false
  try {
    await Fs.writeFile(draft, text)
    mine = (await place(draft, lockFile)) || (await replaceDead(draft, lockFile))
  } finally {
    if (!mine) own.delete(text)
    await Fs.rm(draft, { force: true })
  }
  return mine ? text : processOf((await read(lockFile)) ?? "")
}

/** Linking a finished file is atomic: nobody reads a lock without its owner, and one link wins. */
const place = async (draft: string, lockFile: string): Promise<boolean> => {
  try {
    await Fs.link(draft, lockFile)
    return true
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false
    throw error
  }
}

const replaceDead = async (draft: string, lockFile: string): Promise<boolean> => {
  const found = await read(lockFile)
  if (found === undefined) return await place(draft, lockFile)
  if (!isDead(found)) return false
  // One process at a time replaces this very lock; if it dies meanwhile, its own is replaced likewise.
  const takeOver = `${lockFile}.${createHash("sha256").update(found).digest("hex").slice(0, 16)}`
  const turn = await acquire(takeOver)
  if (typeof turn === "number") return false
  try {
    if ((await read(lockFile)) !== found) return false
    await Fs.rename(draft, lockFile)
    return true
  } finally {
    await remove(takeOver, turn)
  }
}

/** Only its owner removes a lock, so nobody can have placed another one in between. */
const remove = async (lockFile: string, text: string): Promise<void> => {
  if ((await read(lockFile)) === text) await Fs.rm(lockFile, { force: true })
  own.delete(text)
}

const read = async (lockFile: string): Promise<string | undefined> => {
  try {
    return await Fs.readFile(lockFile, "utf8")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
}

/** 0 when the file was written by nobody who follows these rules, or is gone by now. */
const processOf = (text: string): number => Number(/^([1-9][0-9]*) /.exec(text)?.[1] ?? 0)

/** Whether the owner of a lock was killed. Its id may be that of this process by now. */
const isDead = (text: string): boolean => {
  const owner = processOf(text)
  if (owner === process.pid) return !own.has(text)
  return owner === 0 || !isAlive(owner)
}

const isAlive = (pid: number): boolean => {
  try {
    // Signal 0 asks and does nothing.
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, "EPERM")
  }
}

/** Whether Node gave this code to an error. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code
