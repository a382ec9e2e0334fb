import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as process from "node:process"
import { fileURLToPath } from "node:url"

/** The end of a child process; `status` is absent when a signal ended it. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Options {
  readonly env?: Record<string, string>
  readonly uid?: number
  /** Sends the signal as soon as standard output is what is waited for. */
  readonly kill?: {
    readonly when: (stdout: string) => boolean
    readonly signal: "SIGKILL" | "SIGINT" | "SIGTERM"
  }
  /** Closes standard output after its first bytes, as `head` does. */
  readonly hangUp?: boolean
}

/** Returns these variables and nothing of the tests, such as a DATABASE_URL, but the cache. */
export const environment = (env: Record<string, string> = {}) =>
  Effect.runSync(
    Config.String("NODE_COMPILE_CACHE").pipe(
      Effect.map((cache): Record<string, string> => ({ NODE_COMPILE_CACHE: cache, ...env })),
      Effect.orElseSucceed(() => env)
    )
  )

const run = (program: URL, args: ReadonlyArray<string>, { env, hangUp, kill, uid }: Options = {}) =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(process.execPath, [fileURLToPath(program), ...args], {
      env: environment(env),
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined ? undefined : { uid })
    })
    let stdout = ""
    let stderr = ""
    let killed = false
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      if (hangUp === true) child.stdout.destroy()
      if (kill !== undefined && !killed && kill.when(stdout)) {
        killed = true
        child.kill(kill.signal)
      }
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.on("close", (status) => resume(Effect.succeed({ status, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Runs `pnpm demo` as a process of its own. */
export const demo = (args: ReadonlyArray<string>, options?: Options) =>
  run(new URL("../src/demo.ts", import.meta.url), args, options)

/** Runs an import that tells its progress. */
export const importAndTell = (args: ReadonlyArray<string>, options?: Options) =>
  run(new URL("./importAndTell.ts", import.meta.url), args, options)

/** Runs an import of the first system's table that tells its progress. */
export const legacyAndTell = (args: ReadonlyArray<string>, options?: Options) =>
  run(new URL("./legacyAndTell.ts", import.meta.url), args, options)

const CONFIG = fileURLToPath(new URL("../src/daybook.config.ts", import.meta.url))

/** Runs `daybook` with the configuration of the shop. */
export const daybook = ([command = "", ...args]: ReadonlyArray<string>, options?: Options) =>
  run(
    new URL("../../cli/src/internal/main.ts", import.meta.url),
    [command, "--config", CONFIG, ...args],
    options
  )
