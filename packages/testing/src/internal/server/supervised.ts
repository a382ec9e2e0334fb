/**
 * Runs a server in a folder of its own that ends with this process, however that dies.
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Readable, Writable } from "node:stream"

export class SupervisedError extends Data.TaggedError("SupervisedError")<{
  readonly output: string
}> {
  override get message() {
    return this.output.trim()
  }
}

export interface Options {
  /** The command and its arguments; the folder is its current one. */
  readonly command: ReadonlyArray<string>
  /** A text of its output that tells that it is ready. */
  readonly ready: string
  readonly folder: string
  /** The user to run as, where the command refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/** A server that can be killed and started again, on the same data and port. */
interface Supervised {
  /** Ends the server at once, as `kill -9` does. */
  readonly kill: Effect.Effect<void, SupervisedError>
  readonly start: Effect.Effect<void, SupervisedError>
}

const STOPPED = "the server has stopped"

/**
 * Standard input is a pipe, and the shell reads its end when this process is gone. A line kills the
 * server, and the line after that starts it again.
 */
const supervisor = `
exec 3<&0 </dev/null
trap 'cd /; rm -rf "$FOLDER"' EXIT
while :; do
  "$@" 3<&- >&2 &
  server=$!
  { read -r _ && touch "$FOLDER/stopping"; kill -KILL "$server"; } <&3 2>/dev/null &
  watcher=$!
  wait "$server"
  kill "$watcher" 2>/dev/null
  [ -e "$FOLDER/stopping" ] || exit
  rm "$FOLDER/stopping"
  echo ${STOPPED} >&2
  read -r _ <&3 || exit
done
`

/** Makes a folder that is gone when the scope closes. */
export const makeFolder = (name: string): Effect.Effect<string, SupervisedError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => Fs.mkdtemp(Path.join(Os.tmpdir(), `daybook-${name}-`)),
      catch: (cause) => new SupervisedError({ output: String(cause) })
    }),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
  )

/** Starts a server, and waits until it is ready. */
export const start = Effect.fnUntraced(function* (options: Options) {
  const path = yield* Effect.mapError(
    Config.String("PATH"),
    (cause) => new SupervisedError({ output: cause.message })
  )
  const child = yield* Effect.acquireRelease(launch(options, path), stop)
  const server: Supervised = {
    kill: tell(child, "kill", STOPPED),
    start: tell(child, "start", options.ready)
  }
  return server
})

type Supervisor = ChildProcess.ChildProcessByStdio<Writable, null, Readable>

const launch = (
  { command, folder, ready, user }: Options,
  path: string
): Effect.Effect<Supervisor, SupervisedError> =>
  Effect.callback((resume) => {
    const child = ChildProcess.spawn("/bin/sh", ["-c", supervisor, "sh", ...command], {
      ...user,
      cwd: folder,
      // A session of its own, so that Ctrl-C in a terminal reaches it through this process only.
      detached: true,
      env: { PATH: path, LC_ALL: "C", FOLDER: folder },
      stdio: ["pipe", "ignore", "pipe"]
    })
    child.stdin.on("error", () => {})
    resume(Effect.as(hears(child, ready), child))
  })

/** Waits for a text of the server. Fails with the whole output when the server ends. */
const hears = (child: Supervisor, text: string): Effect.Effect<void, SupervisedError> =>
  Effect.callback((resume) => {
    let output = ""
    const done = (exit: Effect.Effect<void, SupervisedError>) => {
      child.off("error", onError).off("close", onClose)
      child.stderr.off("data", onData).resume()
      resume(exit)
    }
    const onData = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(text)) done(Effect.void)
    }
    const onFailure = (reason: string) =>
      done(Effect.fail(new SupervisedError({ output: output + reason })))
    const onError = (cause: Error) => onFailure(String(cause))
    const onClose = (code: number | null) => onFailure(`(exit status ${code})`)
    child.stderr.on("data", onData)
    child.once("error", onError).once("close", onClose)
  })

const tell = (child: Supervisor, line: string, answer: string) =>
  Effect.andThen(
    Effect.sync(() => child.stdin.write(`${line}\n`)),
    hears(child, answer)
  )

const stop = (child: Supervisor): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.stdin.end()
  })
