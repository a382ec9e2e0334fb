/**
 * Runs a PgBouncer as an unprivileged user, because it refuses to run as root.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { freePort } from "./freePort.ts"

class StartError extends Data.TaggedError("StartError")<{ readonly output: string }> {
  override get message() {
    return this.output.trim()
  }
}

export interface Options {
  readonly binary: string
  /** The URL of the server, with the user and password for it. */
  readonly server: URL
  readonly settings: Readonly<Record<string, string>>
}

/** The user `nobody` on every Unix. */
const NOBODY = 65_534

// A port that was free when chosen may be taken by the time PgBouncer binds it.
const MAX_RETRIES = 4

const READY = "process up"

/** Starts a PgBouncer and returns its port on loopback. */
export const start = ({
  binary,
  server,
  settings
}: Options): Effect.Effect<number, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : undefined
    const port = yield* Effect.mapError(
      freePort,
      (cause) => new StartError({ output: String(cause) })
    )
    const folder = yield* Effect.acquireRelease(
      attempt(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-pgbouncer-"))),
      (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
    )
    const file = Path.join(folder, "pgbouncer.ini")
    yield* attempt(async () => {
      await Fs.writeFile(file, configuration(server, { ...settings, listen_port: String(port) }), {
        mode: 0o600
      })
      if (user === undefined) return
      await Fs.chown(folder, user.uid, user.gid)
      await Fs.chown(file, user.uid, user.gid)
    })
    yield* Effect.acquireRelease(launch(binary, file, folder, user), stop)
    return port
  }).pipe(
    Effect.retry({
      times: MAX_RETRIES,
      while: (error) => error.output.includes("Address already in use")
    })
  )

/** Builds the configuration. Every client may connect, and acts as the user of the server's URL. */
const configuration = (server: URL, settings: Readonly<Record<string, string>>): string => {
  const quoted = (text: string) => `'${decodeURIComponent(text).replaceAll("'", "''")}'`
  const lines = Object.entries({
    listen_addr: "127.0.0.1",
    unix_socket_dir: "",
    auth_type: "any",
    ...settings
  })
  return [
    "[databases]",
    `* = host=${server.hostname} port=${server.port === "" ? "5432" : server.port} ` +
      `user=${quoted(server.username)} password=${quoted(server.password)}`,
    "[pgbouncer]",
    ...lines.map(([name, value]) => `${name} = ${value}`),
    ""
  ].join("\n")
}

const attempt = <A>(evaluate: () => Promise<A>): Effect.Effect<A, StartError> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new StartError({ output: String(cause) })
  })

type User = { readonly uid: number; readonly gid: number } | undefined

/**
 * Runs PgBouncer under `sh`, so that it ends with this process, however that dies: standard input
 * is a pipe whose other end this process holds. (A shell makes its children ignore SIGQUIT, hence
 * SIGTERM.)
 */
const supervisor = `
exec 3<&0 </dev/null
"$0" "$1" 3<&- &
child=$!
{ read -r _; kill -TERM "$child" 2>/dev/null; } <&3 &
wait "$child"
`

const launch = (
  binary: string,
  file: string,
  folder: string,
  user: User
): Effect.Effect<ChildProcess.ChildProcess, StartError> =>
  Effect.callback((resume) => {
    const child = ChildProcess.spawn("/bin/sh", ["-c", supervisor, binary, file], {
      ...user,
      cwd: folder,
      detached: true,
      env: { PATH: "/usr/sbin:/usr/bin:/bin", LC_ALL: "C" },
      stdio: ["pipe", "ignore", "pipe"]
    })
    let output = ""
    const onFailure = (reason: string) =>
      resume(Effect.fail(new StartError({ output: output + reason })))
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(READY)) resume(Effect.succeed(child))
    })
    child.once("error", (cause) => onFailure(String(cause)))
    child.once("close", (code) => onFailure(`(exit status ${code})`))
  })

const stop = (child: ChildProcess.ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.stdin?.end()
  })
