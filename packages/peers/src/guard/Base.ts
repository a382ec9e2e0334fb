/**
 * A commit in a worktree of its own under the system's temporary folder, with its dependencies
 * installed; Node runs its sources as they are. The worktree is gone when the scope closes.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import * as Path from "node:path"

/** The root of the present checkout. */
export const PRESENT = Path.join(import.meta.dirname, "../../../..")

/** A commit can't be checked out, or its dependencies can't be installed. */
export class BaseUnavailable extends Data.TaggedError("BaseUnavailable")<{
  readonly base: string
  /** The command that failed. */
  readonly command: string
  /** The end of its output. */
  readonly output: string
}> {
  override get message() {
    return `Cannot check out ${this.base}: ${this.command} failed: ${this.output}`
  }
}

/** Checks out a commit; returns its id and the folder. */
export const checkOut = Effect.fnUntraced(function* (base: string) {
  const run = (folder: string, command: string, ...args: ReadonlyArray<string>) =>
    output(folder, command, args).pipe(
      Effect.mapError((output) => {
        const text = [command, ...args].join(" ")
        return new BaseUnavailable({ base, command: text, output })
      })
    )
  const commit = yield* run(PRESENT, "git", "rev-parse", "--verify", `${base}^{commit}`)
  const files = yield* FileSystem.FileSystem
  const root = Path.join(
    yield* files.makeTempDirectoryScoped({ prefix: "daybook-base-" }).pipe(Effect.orDie),
    "base"
  )
  yield* Effect.acquireRelease(
    run(PRESENT, "git", "worktree", "add", "--detach", root, commit),
    () => Effect.orDie(run(PRESENT, "git", "worktree", "remove", "--force", root))
  )
  // No script of a package needs to run: the present checkout starts the server.
  yield* run(root, "pnpm", "install", "--frozen-lockfile", "--prefer-offline", "--ignore-scripts")
  return { commit, root }
})

/** Runs a command; fails with the end of its output unless it exits with 0. */
const output = Effect.fnUntraced(
  function* (cwd: string, command: string, args: ReadonlyArray<string>) {
    const spawner = yield* ChildProcessSpawner
    const { all, exitCode } = yield* spawner.spawn(ChildProcess.make(command, args, { cwd }))
    const text = (yield* Stream.mkString(Stream.decodeText(all))).trim()
    if ((yield* exitCode) !== 0) return yield* Effect.fail(text.slice(-1_000))
    return text
  },
  Effect.scoped,
  Effect.mapError((error) => (typeof error === "string" ? error : error.message))
)
