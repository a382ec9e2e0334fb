import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { Worker } from "node:worker_threads"
import { type Answer, take } from "../src/internal/postgres/embedded/folderLock.ts"
import * as Namespace from "./namespace.ts"

const SINCE = "2026-11-29T12:00:00.000Z"

const inFolder = async (run: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-folder-lock-"))
  try {
    await run(folder)
  } finally {
    await Fs.rm(folder, { recursive: true, force: true })
  }
}

const PROGRAM = Path.join(import.meta.dirname, "programs", "takeLock.ts")

interface Wire {
  readonly send: () => void
  readonly end: () => Promise<void>
}

/** A contender for a lock: it takes one step at a time, and returns its answer. */
const contender = (connect: (heard: (text: string) => void) => Wire) => {
  const said: Array<string> = []
  let heard = () => {}
  const { end, send } = connect((text) => {
    said.push(...text.trim().split("\n"))
    heard()
  })
  let line = 0
  const next = () => {
    const awaited = line++
    return new Promise<string | undefined>((resolve) => {
      heard = () => {
        if (said.length > awaited) resolve(said[awaited])
      }
      heard()
    })
  }
  return {
    ready: next,
    step: () => {
      send()
      return next()
    },
    /** Ends it without a release of the lock. */
    end
  }
}

const processOf = (
  command: string,
  args: ReadonlyArray<string>,
  signal: "SIGKILL" | undefined,
  env?: NodeJS.ProcessEnv
) =>
  contender((heard) => {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "inherit"],
      ...(env === undefined ? {} : { env })
    })
    child.stdout.on("data", (chunk: Buffer) => heard(chunk.toString()))
    return {
      send: () => child.stdin.write("go\n"),
      end: () =>
        new Promise((resolve) => {
          child.once("close", () => resolve())
          if (signal === undefined) child.stdin.end()
          else child.kill(signal)
        })
    }
  })

const plain = (folder: string) => processOf(process.execPath, [PROGRAM, folder], undefined)

/** A process whose id is 1 where namespaces are available. */
const contained = (folder: string) => processOf(...Namespace.node(PROGRAM, folder), "SIGKILL")

/** A process that finds no program `flock`, so it has the lock on the file alone. */
const withoutFlock = (folder: string) =>
  processOf(process.execPath, [PROGRAM, folder], "SIGKILL", { PATH: "" })

const thread = (folder: string) =>
  contender((heard) => {
    const worker = new Worker(PROGRAM, { workerData: folder })
    worker.on("message", heard)
    return {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread of Node has no origin.
      send: () => worker.postMessage("go"),
      end: async () => {
        await worker.terminate()
      }
    }
  })

const taken = async (folder: string): Promise<void> => {
  const answer = await take(folder, SINCE)
  if (answer._tag === "Held") throw new Error(`held by ${JSON.stringify(answer.owner)}`)
  await answer.release()
}

/** Returns the answer that names the folder's holder; throws if the folder is free. */
const refused = async (folder: string): Promise<Extract<Answer, { readonly _tag: "Held" }>> => {
  const answer = await take(folder, SINCE)
  if (answer._tag === "Held") return answer
  await answer.release()
  throw new Error("the folder was given to a second owner")
}

const recordOf = (folder: string) => Path.join(folder, "lock.json")

const writeRecord = (folder: string, record: object) =>
  Fs.writeFile(recordOf(folder), JSON.stringify({ id: "x", host: "h", since: SINCE, ...record }))

describe("folderLock", () => {
  it("is held by one, names it, and is free again when it is given back", () =>
    inFolder(async (folder) => {
      const answer = await take(folder, SINCE)
      assert.strictEqual(answer._tag, "Taken")
      const { ours, owner } = await refused(folder)
      assert.isTrue(ours)
      assert.deepInclude(owner, { host: Os.hostname(), pid: process.pid, since: SINCE })
      if (answer._tag === "Taken") await answer.release()
      assert.deepStrictEqual(await Fs.readdir(folder), ["lock.sqlite"])
      await taken(folder)
    }))

  const kinds = {
    process: plain,
    "process of another namespace": contained,
    "process without flock": withoutFlock,
    thread
  }
  for (const [kind, start] of Object.entries(kinds)) {
    it(`is not taken from a ${kind} that lives, and is free when it has died`, () =>
      inFolder(async (folder) => {
        const other = start(folder)
        await other.ready()
        assert.strictEqual(await other.step(), "held")
        assert.isFalse((await refused(folder)).ours)
        for (const again of [start, plain, withoutFlock]) {
          const second = again(folder)
          await second.ready()
          assert.strictEqual(await second.step(), "refused")
          await second.end()
        }
        await other.end()
        await taken(folder)
      }))
  }

  it("says who holds it, by the owner's own process id", () =>
    inFolder(async (folder) => {
      const other = contained(folder)
      await other.ready()
      await other.step()
      const { owner } = await refused(folder)
      await other.end()
      assert.strictEqual(owner?.host, Os.hostname())
      if (Namespace.pid !== undefined) assert.strictEqual(owner?.pid, Namespace.pid)
    }))

  it("is not taken from an owner that lives, whatever the record says", () =>
    inFolder(async (folder) => {
      const other = plain(folder)
      await other.ready()
      await other.step()
      for (const pid of [1, process.pid, process.ppid, 4_194_305]) {
        await writeRecord(folder, { pid, bootId: "another" })
        assert.strictEqual((await refused(folder)).owner?.pid, pid)
      }
      await Fs.writeFile(recordOf(folder), "nonsense")
      assert.isUndefined((await refused(folder)).owner)
      await Fs.rm(recordOf(folder))
      assert.isUndefined((await refused(folder)).owner)
      await other.end()
    }))

  it("is taken from a dead owner, be its process id that of a stranger, 1, or ours", () =>
    inFolder(async (folder) => {
      for (const pid of [1, process.pid, process.ppid, 4_194_305]) {
        await writeRecord(folder, { pid })
        await taken(folder)
      }
      // The system was restarted since.
      await writeRecord(folder, { pid: process.ppid, bootId: "another" })
      await taken(folder)
      await Fs.writeFile(recordOf(folder), "nonsense")
      await taken(folder)
      // Earlier versions trusted this file.
      await Fs.writeFile(Path.join(folder, "lock"), `${process.ppid} token`)
      await taken(folder)
    }))

  it("is free on a copy of an open folder", () =>
    inFolder(async (folder) => {
      const open = Path.join(folder, "open")
      await Fs.mkdir(open)
      const other = plain(open)
      await other.ready()
      assert.strictEqual(await other.step(), "held")
      await Fs.cp(open, Path.join(folder, "copy"), { recursive: true })
      await taken(Path.join(folder, "copy"))
      await refused(open)
      await other.end()
    }))

  it("stays with an owner that reads the files of the folder itself", () =>
    inFolder(async (folder) => {
      const other = plain(folder)
      await other.ready()
      assert.strictEqual(await other.step(), "held")
      assert.strictEqual(await other.step(), "read")
      await refused(folder)
      await other.end()
      await taken(folder)
    }))

  it("stays with its owner when the files of the lock are deleted", () =>
    inFolder(async (folder) => {
      const other = plain(folder)
      await other.ready()
      assert.strictEqual(await other.step(), "held")
      for (const name of await Fs.readdir(folder)) await Fs.rm(Path.join(folder, name))
      await refused(folder)
      await other.end()
    }))

  it(
    "is held by one of many processes that find a dead owner at once, again and again",
    () =>
      inFolder(async (folder) => {
        for (let round = 0; round < 4; round++) {
          // The holder of each round dies with the lock, so that the next round finds a dead owner
          // too.
          const contenders = Array.from({ length: 6 }, () => plain(folder))
          await Promise.all(contenders.map(({ ready }) => ready()))
          const answers = await Promise.all(contenders.map(({ step }) => step()))
          await Promise.all(contenders.map(({ end }) => end()))
          assert.strictEqual(answers.filter((answer) => answer === "held").length, 1)
        }
      }),
    60_000
  )
})
