/**
 * A template of new clusters: the files of a cluster to which nothing was added, in the cache
 * folder of the user.
 *
 * `initdb` takes several seconds of the processor, and loading its result one. The first new
 * database of a user writes the template, and later ones are loaded from it. A template is used
 * only if no other user could have changed it; without one `initdb` makes the cluster. A cache is
 * never needed, so its failures are logged and nothing else.
 */
import type { PGlite } from "@electric-sql/pglite"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"
import { promisify } from "node:util"
import { gunzip, gzip } from "node:zlib"
import { hasCode } from "./folderLock.ts"

/** The mode bits of the group and of other users. */
const OTHERS = 0o077

const zip = promisify(gzip)

const unzip = promisify(gunzip)

const decodePackage = Schema.decodeUnknownPromise(
  Schema.fromJsonString(Schema.Struct({ version: Schema.NonEmptyString }))
)

/** The variable with the cache folder of the user, where the system has one. */
const variable =
  process.platform === "win32"
    ? "LOCALAPPDATA"
    : process.platform === "darwin"
      ? undefined
      : "XDG_CACHE_HOME"

const usualCache = (): string => {
  switch (process.platform) {
    case "darwin":
      return Path.join(Os.homedir(), "Library", "Caches")
    case "win32":
      return Path.join(Os.homedir(), "AppData", "Local")
    default:
      return Path.join(Os.homedir(), ".cache")
  }
}

/** The folder of templates, unless the host chose one. */
export const defaultFolder: Effect.Effect<string> = Effect.gen(function* () {
  const given =
    variable === undefined
      ? undefined
      : yield* Effect.orElseSucceed(Config.String(variable), () => undefined)
  // The specification of these folders ignores relative paths.
  const cache = given !== undefined && Path.isAbsolute(given) ? given : usualCache()
  return Path.join(cache, "daybook")
})

/** A cluster opens in the version of PGlite that made it. */
const fileIn = async (folder: string): Promise<string> => {
  const text = await Fs.readFile(
    new URL("../package.json", import.meta.resolve("@electric-sql/pglite")),
    "utf8"
  )
  const { version } = await decodePackage(text)
  return Path.join(folder, `cluster-${version.replaceAll(/[^\w.-]/g, "_")}.tar.gz`)
}

/** Returns true if only the process' own user can change the file or folder. */
const isOwn = ({ mode, uid }: { readonly mode: number; readonly uid: number }): boolean => {
  const user = process.geteuid?.()
  // Windows has no modes.
  return user === undefined || (uid === user && (mode & OTHERS) === 0)
}

const ignoring = <A>(what: string, run: () => Promise<A>): Effect.Effect<A | undefined> =>
  Effect.catch(Effect.tryPromise(run), ({ cause }) =>
    Effect.as(Effect.logDebug(`Cannot ${what}`, cause), undefined)
  )

/** Reads the template; undefined if there is none that can be trusted. */
export const load = (folder: string): Effect.Effect<Blob | undefined> =>
  ignoring("load the template of embedded databases", async () => {
    const path = await fileIn(folder)
    try {
      // The folder first: no other user can replace a file in it.
      if (!isOwn(await Fs.lstat(folder))) return undefined
      const file = await Fs.open(path, "r")
      try {
        const facts = await file.stat()
        if (!facts.isFile() || !isOwn(facts)) return undefined
        // PGlite's own decompression rejects a promise that nothing awaits.
        return new Blob([await unzip(await file.readFile())], { type: "application/x-tar" })
      } finally {
        await file.close()
      }
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined
      throw error
    }
  })

/** Writes the template from a database that was just created; readers see all of it or nothing. */
export const save = (folder: string, database: PGlite): Effect.Effect<void> =>
  Effect.asVoid(
    ignoring("save a template of embedded databases", async () => {
      const path = await fileIn(folder)
      await Fs.mkdir(folder, { recursive: true, mode: 0o700 })
      if (!isOwn(await Fs.lstat(folder))) return
      // What is in memory alone would be replayed from the write-ahead log at each start.
      await database.exec("CHECKPOINT")
      const files = await database.dumpDataDir("none")
      const unfinished = `${path}.${randomUUID()}`
      try {
        await Fs.writeFile(unfinished, await zip(await files.arrayBuffer()), {
          mode: 0o600,
          flag: "wx"
        })
        await Fs.rename(unfinished, path)
      } catch (error) {
        await Fs.rm(unfinished, { force: true })
        throw error
      }
    })
  )

/** Removes a template that does not load. */
export const remove = (folder: string): Effect.Effect<void> =>
  Effect.asVoid(
    ignoring("remove the template of embedded databases", async () =>
      Fs.rm(await fileIn(folder), { force: true })
    )
  )
