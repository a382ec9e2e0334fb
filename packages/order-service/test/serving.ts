import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { createConnection } from "node:net"
import * as process from "node:process"
import { fileURLToPath } from "node:url"
import { type Ended, environment } from "./child.ts"

/** A shop that runs as a process of its own. */
export interface Serving {
  readonly url: string
  readonly port: number
  readonly stdout: () => string
  readonly signal: (signal: "SIGTERM" | "SIGINT" | "SIGKILL") => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

const program = fileURLToPath(new URL("../src/serve.ts", import.meta.url))

const start = (args: ReadonlyArray<string>, env: Record<string, string>) => {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment(env),
    stdio: ["ignore", "pipe", "pipe"]
  })
  const output = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text))
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (status) => resolve({ status, ...output }))
  )
  return { child, output, ended }
}

/** Starts a shop that is expected to fail, and waits for its end. */
export const failing = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.promise(() => start(args, env).ended)

/** Starts a shop on a free port, and waits until it says that it listens. */
export const serving = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Serving> => {
      const { child, ended, output } = start(["--port", "0", ...args], env)
      const printed = new Promise<void>((resolve) =>
        child.stdout.on("data", () => {
          if (output.stdout.includes("The shop serves on")) resolve()
        })
      )
      const early = await Promise.race([printed, ended])
      if (early !== undefined) throw new Error(`the shop did not start: ${early.stderr}`)
      const [, port = ""] = /The shop serves on http:\/\/[\d.]+:(\d+)/.exec(output.stdout) ?? []
      return {
        url: `http://127.0.0.1:${port}`,
        port: Number(port),
        stdout: () => output.stdout,
        signal: (signal) => Effect.sync(() => void child.kill(signal)),
        ended: Effect.promise(() => ended)
      }
    }),
    ({ ended, signal }) => Effect.andThen(signal("SIGKILL"), ended)
  )

/** Waits until nothing listens on the port any more. */
export const closed = ({ port }: Serving) =>
  Effect.repeat(
    Effect.promise(
      () =>
        new Promise<boolean>((resolve) => {
          const socket = createConnection(port, "127.0.0.1")
          socket.once("error", () => resolve(true))
          socket.once("connect", () => {
            socket.destroy()
            resolve(false)
          })
        })
    ),
    { until: (refused) => refused }
  )
