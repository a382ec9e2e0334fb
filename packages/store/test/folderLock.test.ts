import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { release, take } from "../src/internal/folderLock.ts"

const inFolder = async (run: (lockFile: string) => Promise<void>): Promise<void> => {
  const folder = await Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-folder-lock-"))
  try {
    await run(Path.join(folder, "lock"))
    assert.deepStrictEqual(await Fs.readdir(folder), [], "nothing is left")
  } finally {
    await Fs.rm(folder, { recursive: true, force: true })
  }
}

/** A process that contends for a lock, line by line. */
const contender = (lockFile: string) => {
  const program = Path.join(import.meta.dirname, "programs", "takeLock.ts")
  const child = spawn(process.execPath, [program, lockFile], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const said: Array<string> = []
  let heard = () => {}
  child.stdout.on("data", (chunk: Buffer) => {
    said.push(...chunk.toString().trim().split("\n"))
    heard()
  })
  const says = (line: number) =>
    new Promise<string | undefined>((resolve) => {
      heard = () => {
        if (said.length > line) resolve(said[line])
      }
      heard()
    })
  return {
    says,
    go: () => child.stdin.write("go\n"),
    ended: () =>
      new Promise<void>((resolve) => {
        child.once("close", () => resolve())
        child.stdin.end()
      })
  }
}

// Beyond what Linux gives to a process (PID_MAX_LIMIT, 2^22).
const NOBODY = 4_194_305

describe("folderLock", () => {
  it("is held by one, and free again when it is given back", () =>
    inFolder(async (lockFile) => {
      assert.isUndefined(await take(lockFile))
      assert.strictEqual(await take(lockFile), process.pid)
      await release(lockFile)
      assert.isUndefined(await take(lockFile))
      await release(lockFile)
    }))

  it("is taken from an owner that is dead, that has our id, or that wrote nonsense", () =>
    inFolder(async (lockFile) => {
      for (const text of [`${NOBODY} token`, `${process.pid} token`, "", "nonsense"]) {
        await Fs.writeFile(lockFile, text)
        assert.isUndefined(await take(lockFile), text)
        await release(lockFile)
      }
    }))

  it("is held by one of many processes that find a dead owner at once, again and again", () =>
    inFolder(async (lockFile) => {
      await Fs.writeFile(lockFile, `${NOBODY} token`)
      for (let round = 0; round < 8; round++) {
        // The holder of each round dies with the lock, so that the next one finds a dead owner too.
        const contenders = Array.from({ length: 6 }, () => contender(lockFile))
        await Promise.all(contenders.map(({ says }) => says(0)))
        for (const { go } of contenders) go()
        const answers = await Promise.all(contenders.map(({ says }) => says(1)))
        await Promise.all(contenders.map(({ ended }) => ended()))
        assert.strictEqual(answers.filter((answer) => answer === "held").length, 1)
      }
      await Fs.rm(lockFile)
    }))

  it("is not taken from an owner that lives", () =>
    inFolder(async (lockFile) => {
      await Fs.writeFile(lockFile, `${process.ppid} token`)
      assert.strictEqual(await take(lockFile), process.ppid)
      await Fs.rm(lockFile)
    }))

  it("is not given back by one who lost it", () =>
    inFolder(async (lockFile) => {
      assert.isUndefined(await take(lockFile))
      await Fs.writeFile(lockFile, `${process.ppid} token`)
      await release(lockFile)
      assert.strictEqual(await Fs.readFile(lockFile, "utf8"), `${process.ppid} token`)
      await Fs.rm(lockFile)
    }))
})
