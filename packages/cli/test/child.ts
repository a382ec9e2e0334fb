/** Runs `daybook` as a process of its own. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as process from "node:process"
import { fileURLToPath } from "node:url"

const MAIN = fileURLToPath(new URL("../src/internal/main.ts", import.meta.url))

export const FIXTURE = fileURLToPath(new URL("./fixtures/orders.ndjson", import.meta.url))
export const CONFIG = fileURLToPath(new URL("./fixtures/daybook.config.ts", import.meta.url))

/** The end of a process; `status` is absent when a signal ended it. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly env?: Record<string, string>
  /** Runs in this folder; a folder without a configuration unless told. */
  readonly cwd?: string
  readonly stdin?: string
  /** Runs while the process does, and may signal it; standard input stays open. */
  readonly during?: (child: ChildProcess) => Effect.Effect<void>
}

/** Returns these variables and nothing of the tests, such as a DATABASE_URL, but the cache. */
const environment = (env: Record<string, string> = {}): Record<string, string> =>
  Effect.runSync(
    Config.String("NODE_COMPILE_CACHE").pipe(
      Effect.map((cache): Record<string, string> => ({
        NODE_COMPILE_CACHE: cache,
        HOME: "/nonexistent",
        PATH: "/usr/bin:/bin",
        ...env
      })),
      Effect.orElseSucceed(() => env)
    )
  )

const run = (
  program: string,
  args: ReadonlyArray<string>,
  { cwd = "/", during, env, stdin }: Options
): Effect.Effect<Ended> => {
  const ended = (made: ChildProcess) =>
    Effect.callback<Ended>((resume) => {
      let stdout = ""
      let stderr = ""
      made.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text
      })
      made.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
      })
      made.on("close", (status) => resume(Effect.succeed({ status, stdout, stderr })))
      // A process that refuses its input closes the pipe.
      made.stdin?.on("error", () => undefined)
      if (stdin !== undefined) made.stdin?.write(stdin)
      if (during === undefined) made.stdin?.end()
      return Effect.sync(() => made.kill("SIGKILL"))
    })
  return Effect.suspend(() => {
    const made = spawn(program, args, { cwd, env: environment(env), stdio: "pipe" })
    return during === undefined
      ? ended(made)
      : Effect.map(
          Effect.all([ended(made), during(made)], { concurrency: "unbounded" }),
          ([one]) => one
        )
  })
}

export const daybook = (args: ReadonlyArray<string>, options: Options = {}) =>
  run(process.execPath, [MAIN, ...args], options)

/** Runs it on a pseudo-terminal, whose output is standard output and standard error together. */
export const onTerminal = (args: ReadonlyArray<string>, options: Options = {}) => {
  const quoted = [process.execPath, MAIN, ...args].map((one) => `'${one}'`).join(" ")
  return run("/usr/bin/script", ["-qec", quoted, "/dev/null"], {
    ...options,
    env: { TERM: "xterm", ...options.env }
  })
}
