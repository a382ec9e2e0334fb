/**
 * Says `ready`, waits for a line, tries to take the lock of the folder that its argument names, and says whether it holds
 * it. Each further line makes it read all files of the folder, as a copy would, and say so. It dies without giving the
 * lock back, when its standard input ends or when its thread is ended.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as process from "node:process"
import { isMainThread, parentPort, workerData } from "node:worker_threads"
import { take } from "../../src/internal/postgres/embedded/folderLock.ts"

const folder = isMainThread ? (process.argv[2] ?? "") : String(workerData)

const say = (word: string) => {
  if (isMainThread) process.stdout.write(`${word}\n`)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A port of Node has no origin.
  else parentPort?.postMessage(word)
}

const contend = async () => {
  const { _tag } = await take(folder, "2026-11-29T12:00:00.000Z")
  say(_tag === "Taken" ? "held" : "refused")
}

const readAll = async () => {
  for (const name of await Fs.readdir(folder)) await Fs.readFile(Path.join(folder, name))
  say("read")
}

let lines = 0
const hear = () => void (lines++ === 0 ? contend() : readAll())
if (isMainThread) {
  process.stdin.on("data", hear)
  process.stdin.on("end", () => process.exit())
} else {
  parentPort?.on("message", hear)
}
say("ready")
