/**
 * A folder with a running host that another host tries to take, as two containers on one volume do
 * in a rolling deploy.
 */
import { aggregate } from "@daybook/order/Order"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

const HOST = Path.join(import.meta.dirname, "..", "programs", "folderHost.ts")

/**
 * Options for process ids of its own, as in a container; the process dies with its parent. Only
 * where the system allows it.
 */
const UNSHARE = ["-Urpf", "--mount-proc", "--kill-child"]

const living = Effect.fnUntraced(function* (dataDir: string) {
  const isAllowed = spawnSync("unshare", [...UNSHARE, "true"]).status === 0
  const command = [...(isAllowed ? ["unshare", ...UNSHARE] : []), process.execPath, HOST, dataDir]
  const [program = process.execPath, ...args] = command
  const host = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  let output = ""
  host.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString()
  })
  const closed = new Promise((resolve) => host.once("close", resolve))
  /** Waits until it has acknowledged some more. */
  const more = Effect.promise(
    () =>
      new Promise<void>((resolve) => {
        const end = output.length + 8
        const look = () => {
          if (output.length < end) return
          host.stdout.off("data", look)
          resolve()
        }
        host.stdout.on("data", look)
      })
  )
  /** Kills it, and returns the last acknowledged revision. */
  const kill = Effect.promise(async () => {
    host.kill("SIGKILL")
    await closed
    return Number(output.split("\n").at(-2) ?? 0)
  })
  return { more, kill }
})

const revisions = (dataDir: string) =>
  Effect.gen(function* () {
    const events = yield* EventStore
    const read = yield* Stream.runCollect(events.readAll({ categories: [aggregate.category] }))
    return read.map(({ revision }) => Number(revision))
  }).pipe(
    Effect.provide(
      EventStorePostgres.layer.pipe(Layer.provide(Layer.fresh(EmbeddedPostgres.layer({ dataDir }))))
    )
  )

/**
 * Returns the problems after the host was disturbed and killed. `thief`: the host that comes
 * meanwhile; it returns whether it got in.
 */
export const steal = (
  thief = (dataDir: string): Effect.Effect<boolean> =>
    Effect.map(Effect.exit(revisions(dataDir)), Exit.isSuccess)
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-stolen-"))),
        (made) => Effect.promise(() => Fs.rm(made, { recursive: true, force: true }))
      )
      const dataDir = Path.join(folder, "shop")
      const wrong: Array<string> = []
      const host = yield* living(dataDir)
      yield* host.more
      if (yield* thief(dataDir)) wrong.push("a folder was opened in which a host lives")
      yield* host.more
      const acknowledged = yield* host.kill
      const left = yield* revisions(dataDir)
      if (left.length < acknowledged || left.some((revision, index) => revision !== index + 1)) {
        wrong.push(
          `revision ${acknowledged} was acknowledged in a folder, and it has ${left.length} events`
        )
      }
      return wrong
    })
  )
