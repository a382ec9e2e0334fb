/**
 * Named contexts: the stores of a person's environments, in a file of theirs.
 *
 * A context has a URL, the name of an environment variable that holds one, or a folder. A file with
 * a URL, which may hold a password, is refused unless only its user may read it.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import { Path } from "effect/Path"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import { Misused, Missing } from "../exit.ts"

/** A context. */
export const Entry = Schema.Union([
  Schema.Struct({ url: Schema.String }),
  Schema.Struct({
    /** The environment variable that holds the URL. */
    urlFrom: Schema.String
  }),
  Schema.Struct({
    /** The folder of an embedded database. */
    data: Schema.String
  })
])

export type Entry = typeof Entry.Type

const Contexts = Schema.Struct({
  /** The context that is used when the command line and the environment name no store. */
  current: Schema.optionalKey(Schema.String),
  contexts: Schema.Record(Schema.String, Entry)
})

export type Contexts = typeof Contexts.Type

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Contexts))

/** The path of the file: `DAYBOOK_CONTEXTS`, or else in the user's folder of configurations. */
const file = Effect.gen(function* () {
  const path = yield* Path
  const given = yield* Config.String("DAYBOOK_CONTEXTS").pipe(Config.withDefault(""))
  if (given !== "") return given
  const home = yield* Config.String("XDG_CONFIG_HOME").pipe(Config.withDefault(""))
  return path.join(
    home === "" ? path.join(Os.homedir(), ".config") : home,
    "daybook",
    "contexts.json"
  )
})

/** Reads the contexts; none without a file. */
export const read = Effect.gen(function* () {
  const fs = yield* FileSystem
  const path = yield* file
  if (!(yield* fs.exists(path))) {
    const none: Contexts = { contexts: {} }
    return none
  }
  const { mode } = yield* fs.stat(path)
  const found = yield* Effect.mapError(
    Effect.flatMap(fs.readFileString(path), decode),
    // The issue would quote the contents, which may hold passwords.
    () => new Misused({ problem: `${path} can't be read as the contexts that daybook writes` })
  )
  const hasSecret = Object.values(found.contexts).some((entry) => "url" in entry)
  if (hasSecret && (mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, "0")
    return yield* new Misused({
      problem: `${path} holds a URL, and its mode ${octal} lets other users read it: chmod 600 ${path}`
    })
  }
  return found
})

/** Replaces the contexts in one step; only the user may read the file. */
export const write = Effect.fnUntraced(function* (contexts: Contexts) {
  const fs = yield* FileSystem
  const paths = yield* Path
  const path = yield* file
  yield* fs.makeDirectory(paths.dirname(path), { recursive: true, mode: 0o700 })
  const next = `${path}.${process.pid}`
  yield* Effect.andThen(
    fs.writeFileString(next, `${JSON.stringify(contexts, undefined, 2)}\n`, {
      mode: 0o600,
      flag: "wx"
    }),
    fs.rename(next, path)
  ).pipe(Effect.onError(() => Effect.ignore(fs.remove(next, { force: true }))))
})

/** Returns the context of a name. */
export const find = ({ contexts }: Contexts, name: string): Effect.Effect<Entry, Missing> => {
  const entry = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  return entry === undefined
    ? Effect.fail(new Missing({ what: "context", name, known: Object.keys(contexts) }))
    : Effect.succeed(entry)
}
