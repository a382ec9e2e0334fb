/**
 * Opens PGlite in memory or in a folder, so that a process killed at any moment leaves a folder that
 * opens again.
 *
 * A folder holds `pgdata`, the cluster, and `lock`, the id of the process that has it open.
 */
import { PGlite } from "@electric-sql/pglite"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"
import { EmbeddedPostgresError } from "../EmbeddedPostgresError.ts"

export const openMemory: Effect.Effect<PGlite, EmbeddedPostgresError, Scope.Scope> = Effect.suspend(
  () => open(undefined, undefined)
)

export const openFolder = Effect.fnUntraced(function* (
  dataDir: string
): Effect.fn.Return<PGlite, EmbeddedPostgresError, Scope.Scope> {
  const cluster = Path.join(dataDir, "pgdata")
  const unfinished = `${cluster}.new`
  yield* attempt(dataDir, () => Fs.mkdir(dataDir, { recursive: true }))
  yield* lock(dataDir)
  if (!(yield* attempt(dataDir, () => exists(cluster)))) {
    // Half a cluster does not open, so it gets its name only when it is whole.
    yield* attempt(dataDir, () => Fs.rm(unfinished, { recursive: true, force: true }))
    yield* Effect.scoped(open(dataDir, unfinished))
    yield* attempt(dataDir, () => Fs.rename(unfinished, cluster))
  }
  return yield* open(dataDir, cluster)
})

const open = (dataDir: string | undefined, cluster: string | undefined) =>
  Effect.acquireRelease(
    attempt(dataDir, () => (cluster === undefined ? PGlite.create() : PGlite.create(cluster))),
    (database) => Effect.promise(() => database.close())
  )

const attempt = <A>(
  dataDir: string | undefined,
  run: () => Promise<A>
): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new EmbeddedPostgresError({ dataDir, reason: { _tag: "Unusable", cause } })
  })

const exists = (path: string): Promise<boolean> =>
  Fs.access(path).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, "ENOENT")) return false
      throw error
    }
  )

/** Two processes on one cluster would ruin it; Node has no file locks, so a file names the owner. */
const lock = (dataDir: string) =>
  Effect.acquireRelease(takeLockSoon(dataDir), (lockFile) =>
    Effect.promise(() => Fs.rm(lockFile, { force: true })).pipe(
      Effect.ensuring(Effect.sync(() => held.delete(Path.resolve(lockFile))))
    )
  )

/** A process that was just killed holds its lock until the system has cleared its memory away. */
const takeLockSoon = (dataDir: string) =>
  Effect.retry(takeLock(dataDir, Path.join(dataDir, "lock")), {
    times: 20,
    schedule: Schedule.spaced("250 millis"),
    while: ({ reason }) => reason._tag === "InUse" && reason.pid !== process.pid
  })

/** The locks that this process holds. */
const held = new Set<string>()

const takeLock = Effect.fnUntraced(function* (
  dataDir: string,
  lockFile: string
): Effect.fn.Return<string, EmbeddedPostgresError> {
  // Linking a finished file is atomic: nobody reads a lock without its owner.
  const own = `${lockFile}.${process.pid}`
  const take = async () => {
    await Fs.writeFile(own, String(process.pid))
    try {
      await Fs.link(own, lockFile)
      return true
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false
      throw error
    } finally {
      await Fs.rm(own, { force: true })
    }
  }
  const taken = Effect.tap(attempt(dataDir, take), (mine) =>
    Effect.sync(() => mine && held.add(Path.resolve(lockFile)))
  )
  if (yield* taken) return lockFile
  const owner = yield* attempt(dataDir, () => readOwner(lockFile))
  if (owner === undefined || isStale(owner, lockFile)) {
    yield* attempt(dataDir, () => Fs.rm(lockFile, { force: true }))
    if (yield* taken) return lockFile
  }
  const pid = (yield* attempt(dataDir, () => readOwner(lockFile))) ?? 0
  return yield* new EmbeddedPostgresError({ dataDir, reason: { _tag: "InUse", pid, lockFile } })
})

const readOwner = (lockFile: string): Promise<number | undefined> =>
  Fs.readFile(lockFile, "utf8").then(
    (text) => (/^[1-9][0-9]*$/.test(text) ? Number(text) : undefined),
    (error: unknown) => {
      if (hasCode(error, "ENOENT")) return undefined
      throw error
    }
  )

/**
 * Whether the owner of a lock was killed. In a container the process of the next start may have the
 * id of the killed one, so a lock in our own name counts only if we took it.
 */
const isStale = (owner: number, lockFile: string): boolean =>
  owner === process.pid ? !held.has(Path.resolve(lockFile)) : !isAlive(owner)

const isAlive = (pid: number): boolean => {
  try {
    // Signal 0 asks and does nothing.
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, "EPERM")
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code
