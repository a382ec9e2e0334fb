import * as EventCodec from "@daybook/kernel/EventCodec"
import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
import * as GoldenSamples from "@daybook/testing/GoldenSamples"
import * as Law from "@daybook/testing/Law"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { codec } from "./Account.ts"

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-golden-"))),
    use,
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  )

describe("Golden samples", () => {
  it.effect("are written for each version of an account's events, and obey the laws", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const samples = Path.join(folder, "samples")
        assert.deepStrictEqual((yield* GoldenSamples.write(codec, samples)).toSorted(), [
          "Closed.v1.json",
          "Deposited.v1.json",
          "Deposited.v2.json",
          "Opened.v1.json",
          "Withdrawn.v1.json"
        ])
        const read = yield* GoldenSamples.read(codec, pathToFileURL(samples))
        assert.lengthOf(read, 5)
        const broken = yield* Law.broken(CodecLaws.laws(codec, { samples: read }), { runs: 5 })
        assert.deepStrictEqual(broken, [])
      })
    )
  )

  it.effect("are the same for the same seed, and are never overwritten", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const [one, two] = [Path.join(folder, "one"), Path.join(folder, "two")]
        yield* GoldenSamples.write(codec, one, { seed: 7 })
        yield* GoldenSamples.write(codec, two, { seed: 7 })
        const text = (of: string, name: string) => Fs.readFileSync(Path.join(of, name), "utf8")
        for (const name of Fs.readdirSync(one)) {
          assert.strictEqual(text(one, name), text(two, name))
        }
        Fs.writeFileSync(Path.join(one, "Closed.v1.json"), "mine")
        Fs.rmSync(Path.join(one, "Opened.v1.json"))
        assert.deepStrictEqual(yield* GoldenSamples.write(codec, one, { seed: 7 }), [
          "Opened.v1.json"
        ])
        assert.strictEqual(text(one, "Closed.v1.json"), "mine")
        assert.strictEqual(text(one, "Opened.v1.json"), text(two, "Opened.v1.json"))
        const error = yield* Effect.flip(GoldenSamples.read(codec, one))
        assert.strictEqual(error.file, Path.join(one, "Closed.v1.json"))
      })
    )
  )

  it.effect("catch a codec that reads stored events differently than before", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const Sold = Schema.TaggedUnion({ Sold: { minor: Schema.Int } })
        const till = EventCodec.make({ name: "till", events: Sold })
        yield* GoldenSamples.write(till, folder)
        const samples = yield* GoldenSamples.read(till, folder)
        const dearer: typeof till = {
          ...till,
          decode: (stored) =>
            Result.map(till.decode(stored), (events) =>
              events.map((event) => ({ ...event, minor: event.minor + 1 }))
            )
        }
        const broken = yield* Law.broken(CodecLaws.laws(dearer, { samples }), { runs: 1 })
        assert.include(
          broken.map(({ law }) => law),
          "sample 1, Sold version 1, means what it meant"
        )
      })
    )
  )

  it.effect("report events whose shape has changed, and a missing folder", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const one = Schema.TaggedUnion({ Sold: { minor: Schema.Int } })
        const two = Schema.TaggedUnion({ Sold: { minor: Schema.Int, to: Schema.String } })
        yield* GoldenSamples.write(EventCodec.make({ name: "till", events: one }), folder)
        const today = EventCodec.make({ name: "till", events: two })
        const error = yield* Effect.flip(GoldenSamples.read(today, folder))
        assert.strictEqual(error.file, Path.join(folder, "Sold.v1.json"))
        assert.include(error.message, "to")
        const none = yield* Effect.flip(GoldenSamples.read(today, Path.join(folder, "none")))
        assert.include(none.message, "ENOENT")
      })
    )
  )
})
