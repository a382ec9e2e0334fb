import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as process from "node:process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./programs/host.ts", import.meta.url))

/** Sends each signal as soon as the process has printed the line before it. */
type Steps = ReadonlyArray<readonly [line: string, signal: "SIGTERM" | "SIGINT"]>

const host = (how: string, steps: Steps = [], { hangUp = false } = {}) =>
  Effect.callback<{ readonly status: number | null; readonly out: string; readonly err: string }>(
    (resume) => {
      const child = spawn(process.execPath, [program, how], { stdio: ["ignore", "pipe", "pipe"] })
      const left = [...steps]
      let [out, err] = ["", ""]
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text
        if (hangUp) child.stdout.destroy()
        const [step] = left
        if (step === undefined || !out.includes(step[0])) return
        left.shift()
        child.kill(step[1])
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
      child.on("close", (status) => resume(Effect.succeed({ status, out, err })))
      return Effect.sync(() => child.kill("SIGKILL"))
    }
  )

describe("a process", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`closes its host on ${signal}, and ends with status 0`, () =>
      Effect.gen(function* () {
        const ended = yield* host("orderly", [["running", signal]])
        assert.deepStrictEqual(ended, { status: 0, out: "running\nclosed\n", err: "" })
      })
    )
  }

  it.live("ends at once on a second signal, with the status of that", () =>
    Effect.gen(function* () {
      for (const [second, status] of [
        ["SIGTERM", 143],
        ["SIGINT", 130]
      ] as const) {
        const ended = yield* host("endless", [
          ["running", "SIGTERM"],
          ["closing", second]
        ])
        assert.deepStrictEqual(ended, { status, out: "running\nclosing\n", err: "" })
      }
    })
  )

  it.live("waits for a host that does not close no longer than it is told to", () =>
    Effect.gen(function* () {
      const { err, status } = yield* host("late", [["running", "SIGTERM"]])
      assert.deepStrictEqual([status, err], [1, "host: did not close within 1ms, and ends now\n"])
    })
  )

  it.live("ends with one line and status 1 when its host can't start", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* host("failing"), {
        status: 1,
        out: "",
        err: "host: no port\n"
      })
    })
  )

  it.live("prints a bug with its stack", () =>
    Effect.gen(function* () {
      const { err, status } = yield* host("broken", [["running", "SIGTERM"]])
      assert.strictEqual(status, 1)
      assert.match(err, /^host: a bug: .*no lid\n +at /)
    })
  )

  it.live("goes on when nobody reads its output any more", () =>
    Effect.gen(function* () {
      const { err, status } = yield* host("orderly", [["running", "SIGTERM"]], { hangUp: true })
      assert.deepStrictEqual([status, err], [0, ""])
    })
  )
})
