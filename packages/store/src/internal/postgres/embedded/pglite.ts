/**
 * Opens PGlite in memory or in a folder, so that a process killed at any moment leaves a folder
 * that opens again.
 *
 * A folder holds `pgdata`, the cluster, and the files of its lock (`folderLock.ts`).
 */
import { PGlite } from "@electric-sql/pglite"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as ClusterTemplate from "./clusterTemplate.ts"
import { EmbeddedPostgresError, type FolderRefusal } from "./errors.ts"
import { ClosedFolder } from "./closedFolder.ts"
import * as DataFolder from "./dataFolder.ts"
import * as FolderLock from "./folderLock.ts"

/** The folder of the template of new clusters; false: `initdb` makes each. */
export type TemplateFolder = string | false

export const openMemory = (
  templates: TemplateFolder
): Effect.Effect<PGlite, EmbeddedPostgresError, Scope.Scope> =>
  create(undefined, undefined, templates)

export const openFolder = Effect.fnUntraced(function* (
  dataDir: string,
  templates: TemplateFolder
): Effect.fn.Return<PGlite, EmbeddedPostgresError, Scope.Scope> {
  const cluster = Path.join(dataDir, "pgdata")
  const unfinished = `${cluster}.new`
  yield* fitFor(dataDir, () => DataFolder.prepare(dataDir))
  yield* lock(dataDir)
  if (yield* attempt(dataDir, () => exists(cluster))) {
    yield* fitFor(dataDir, () => DataFolder.closeCluster(cluster))
  } else {
    // A half-made cluster does not open, so it gets its name only when it is complete.
    yield* Effect.scoped(create(dataDir, unfinished, templates))
    yield* attempt(dataDir, () => Fs.rename(unfinished, cluster))
  }
  return yield* open(dataDir, cluster)
})

/** Creates a cluster from the template, or makes it by `initdb` and leaves a template. */
const create = Effect.fnUntraced(function* (
  dataDir: string | undefined,
  cluster: string | undefined,
  templates: TemplateFolder
): Effect.fn.Return<PGlite, EmbeddedPostgresError, Scope.Scope> {
  const empty = attempt(dataDir, async () => {
    if (cluster === undefined) return
    await Fs.rm(cluster, { recursive: true, force: true })
    await Fs.mkdir(cluster, { mode: 0o700 })
  })
  yield* empty
  if (templates === false) return yield* open(dataDir, cluster)
  const template = yield* ClusterTemplate.load(templates)
  if (template !== undefined) {
    const loaded = yield* Effect.option(open(dataDir, cluster, template))
    if (Option.isSome(loaded)) return loaded.value
    // It is broken: the cluster is made as if there were none.
    yield* ClusterTemplate.remove(templates)
    yield* empty
  }
  const made = yield* open(dataDir, cluster)
  yield* ClusterTemplate.save(templates, made)
  return made
})

const open = (dataDir: string | undefined, cluster: string | undefined, loadDataDir?: Blob) =>
  Effect.acquireRelease(
    attempt(dataDir, () =>
      PGlite.create({
        ...(cluster === undefined ? {} : { fs: new ClosedFolder(cluster) }),
        ...(loadDataDir === undefined ? {} : { loadDataDir })
      })
    ),
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

const fitFor = (dataDir: string, look: () => Promise<FolderRefusal | undefined>) =>
  Effect.flatMap(attempt(dataDir, look), (reason) =>
    reason === undefined ? Effect.void : Effect.fail(new EmbeddedPostgresError({ dataDir, reason }))
  )

const exists = (path: string): Promise<boolean> =>
  Fs.access(path).then(
    () => true,
    (error: unknown) => {
      if (FolderLock.hasCode(error, "ENOENT")) return false
      throw error
    }
  )

/** Locks a folder: two processes on one cluster would corrupt it. */
const lock = (dataDir: string) =>
  Effect.acquireRelease(
    // A process that was just killed holds its lock until the system has freed its memory.
    Effect.retry(takeLock(dataDir), {
      times: 20,
      schedule: Schedule.spaced("250 millis"),
      while: (refused) => refused._tag === "Refused" && !refused.ours
    }),
    (taken) => Effect.promise(taken.release)
  ).pipe(Effect.catchTag("Refused", ({ error }) => Effect.fail(error)))

class Refused extends Data.TaggedError("Refused")<{
  readonly error: EmbeddedPostgresError
  readonly ours: boolean
}> {}

const takeLock = Effect.fnUntraced(function* (dataDir: string) {
  const since = DateTime.formatIso(yield* DateTime.now)
  const answer = yield* attempt(dataDir, () => FolderLock.take(dataDir, since))
  if (answer._tag === "Taken") return answer
  const { ours, owner } = answer
  const lockFile = FolderLock.lockFile(dataDir)
  const error = new EmbeddedPostgresError({ dataDir, reason: { _tag: "InUse", owner, lockFile } })
  return yield* new Refused({ error, ours })
})
