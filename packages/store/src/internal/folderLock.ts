/**
 * A lock that a file is: Node has no file locks, so the file names the process that holds it.
 *
 * A process id says nothing outside of its container: a folder is for the processes of one.
 */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"

/** What this process wrote into the locks that it holds, by path. */
const held = new Map<string, string>()

/** Takes the lock, or gives the id of the process that holds it. */
export const take = async (lockFile: string): Promise<number | undefined> => {
  // The token tells this lock from any other, of an earlier process with the same id too.
  const text = `${process.pid} ${randomUUID()}`
  if (await place(lockFile, text)) return undefined
  const found = await read(lockFile)
  if (found === undefined || isStale(lockFile, found)) {
    if (found !== undefined) await removeIf(lockFile, found)
    if (await place(lockFile, text)) return undefined
  }
  const owner = await read(lockFile)
  return owner === undefined ? 0 : processOf(owner)
}

/** Gives the lock back, if it is still the one that was taken. */
export const release = async (lockFile: string): Promise<void> => {
  const text = held.get(Path.resolve(lockFile))
  held.delete(Path.resolve(lockFile))
  if (text !== undefined) await removeIf(lockFile, text)
}

/** Linking a finished file is atomic: nobody reads a lock without its owner, and one link wins. */
const place = async (lockFile: string, text: string): Promise<boolean> => {
  const own = `${lockFile}.${process.pid}`
  await Fs.writeFile(own, text)
  try {
    await Fs.link(own, lockFile)
    held.set(Path.resolve(lockFile), text)
    return true
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false
    throw error
  } finally {
    await Fs.rm(own, { force: true })
  }
}

/**
 * Removes the lock if it is the one that was looked at. Another process may have removed that one and
 * placed its own meanwhile, so the file is moved aside first, looked at again, and put back.
 */
const removeIf = async (lockFile: string, expected: string): Promise<void> => {
  const aside = `${lockFile}.${process.pid}.aside`
  try {
    await Fs.rename(lockFile, aside)
  } catch (error) {
    if (hasCode(error, "ENOENT")) return
    throw error
  }
  if ((await read(aside)) !== expected) {
    await Fs.link(aside, lockFile).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error
    })
  }
  await Fs.rm(aside, { force: true })
}

const read = async (lockFile: string): Promise<string | undefined> => {
  try {
    return await Fs.readFile(lockFile, "utf8")
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    throw error
  }
}

/** 0 when the file was written by nobody who follows these rules. */
const processOf = (text: string): number => Number(/^([1-9][0-9]*) /.exec(text)?.[1] ?? 0)

/** Whether the owner of a lock was killed. Its id may be that of this process by now. */
const isStale = (lockFile: string, text: string): boolean => {
  const owner = processOf(text)
  if (owner === process.pid) return held.get(Path.resolve(lockFile)) !== text
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
