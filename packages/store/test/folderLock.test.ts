import { assert, describe, it } from "@effect/vitest"
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
