import * as EventCodec from "@daybook/kernel/EventCodec"
import { SchemaLockBroken } from "@daybook/kernel/SchemaLock"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

const released = EventCodec.make({
  name: "till",
  events: Schema.TaggedUnion({ Sold: { price: Schema.Finite } })
})

/** The mistake: the released version was edited. */
const edited = EventCodec.make({
  name: "till",
  events: Schema.TaggedUnion({ Sold: { price: Schema.Int } })
})

/** The way: a version more, with an upcaster. */
const moved = EventCodec.make({
  name: "till",
  events: Schema.TaggedUnion({ Sold: { minor: Schema.Int } }),
  past: {
    Sold: Upcaster.from(Schema.Struct({ price: Schema.Finite })).into(({ price }) => ({
      _tag: "Sold",
      minor: Math.round(price * 100)
    }))
  }
})

const lockFile = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-lock-"))),
    (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
  ),
  (folder) => Path.join(folder, "events.lock.json")
)

describe("SchemaLockFile", () => {
  it.effect("is written once, and then agrees", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      assert.strictEqual((yield* SchemaLockFile.write(released, file)).length, 1)
      yield* SchemaLockFile.verify(released, file)
      assert.deepStrictEqual(yield* SchemaLockFile.write(released, file), [])
    }).pipe(Effect.scoped)
  )

  it.effect("names event, version and field of an edited release, and is not rewritten", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      yield* SchemaLockFile.write(released, file)
      const before = yield* Effect.promise(() => Fs.readFile(file, "utf8"))
      for (const attempt of [
        SchemaLockFile.verify(edited, file),
        SchemaLockFile.write(edited, file)
      ]) {
        const error = yield* Effect.flip(attempt)
        assert.instanceOf(error, SchemaLockBroken)
        assert.strictEqual(
          error.message,
          [
            "The stored contract of till differs from its lock:",
            "  Sold version 1, price: was number, isFinite, is number, isInt",
            "Events in these shapes are stored: put the schema back, and add a new version with an upcaster."
          ].join("\n")
        )
      }
      assert.strictEqual(yield* Effect.promise(() => Fs.readFile(file, "utf8")), before)
    }).pipe(Effect.scoped)
  )

  it.effect("requires a new version to be written, and then agrees with it", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      yield* SchemaLockFile.write(released, file)
      const error = yield* Effect.flip(SchemaLockFile.verify(moved, file))
      assert.include(error.message, "Sold version 2: is not in the lock yet")
      yield* SchemaLockFile.write(moved, file)
      yield* SchemaLockFile.verify(moved, file)
      // Back to the old code: the version that is stored by now may not be forgotten.
      const gone = yield* Effect.flip(SchemaLockFile.verify(released, file))
      assert.include(gone.message, "Sold version 2: is gone")
    }).pipe(Effect.scoped)
  )

  it.effect("reports a file that is missing or holds no lock", () =>
    Effect.gen(function* () {
      const file = yield* lockFile
      assert.include((yield* Effect.flip(SchemaLockFile.verify(released, file))).message, "ENOENT")
      yield* Effect.promise(() => Fs.writeFile(file, "[]"))
      for (const attempt of [
        SchemaLockFile.verify(released, file),
        SchemaLockFile.write(released, file)
      ]) {
        assert.strictEqual((yield* Effect.flip(attempt))._tag, "LockFileError")
      }
    }).pipe(Effect.scoped)
  )
})
