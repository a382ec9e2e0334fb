/**
 * The laws of codecs hold for a right one, and each catches the mistakes that it is there for.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { unkeptIssue } from "../src/internal/unkept.ts"
import * as Account from "./Account.ts"

const samples: ReadonlyArray<CodecLaws.Sample<Account.Event>> = [
  {
    stored: { type: "Opened", schemaVersion: 1, data: { owner: "Ada" } },
    means: [{ _tag: "Opened", owner: "Ada" }]
  },
  {
    stored: { type: "Deposited", schemaVersion: 1, data: { pounds: 5 } },
    means: [{ _tag: "Deposited", amount: 500n }]
  },
  {
    stored: { type: "Deposited", schemaVersion: 2, data: { amount: "7" } },
    means: [{ _tag: "Deposited", amount: 7n }]
  },
  {
    stored: { type: "Withdrawn", schemaVersion: 1, data: { amount: "7" } },
    means: [{ _tag: "Withdrawn", amount: 7n }]
  },
  { stored: { type: "Closed", schemaVersion: 1, data: {} }, means: [{ _tag: "Closed" }] }
]

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-codec-laws-"))
const lock = Path.join(folder, "events.lock.json")

const right = { samples, lock, fold: Account.aggregate }
const { codec } = Account

const catches = (mistake: string, laws: ReadonlyArray<Law.Law>, names: ReadonlyArray<string>) =>
  it.effect(`catch ${mistake}`, () =>
    Effect.gen(function* () {
      yield* SchemaLockFile.write(codec, lock)
      const broken = yield* Law.broken(laws, { seed: "mistakes" })
      assert.deepStrictEqual(
        broken.map(({ law }) => law),
        names
      )
    })
  )

LawSuite.suite(
  "the codec of an account",
  CodecLaws.laws(codec, { samples, fold: Account.aggregate })
)

describe("The laws of codecs", () => {
  catches("nothing where there is no mistake", CodecLaws.laws(codec, right), [])
  catches(
    "a field that is lost",
    CodecLaws.laws({
      ...codec,
      encode: (event) => codec.encode(event._tag === "Opened" ? { ...event, owner: "" } : event)
    }),
    ["an event comes back from its stored form as it was"]
  )
  const Moved = Schema.TaggedUnion({ Moved: { from: Schema.String, to: Schema.String } })
  const moves = EventCodec.make({ name: "moves", events: Moved })
  catches(
    "a text that depends on the order of fields",
    CodecLaws.laws({
      ...moves,
      encode: (event) =>
        Result.succeed({ type: "Moved", schemaVersion: 1, data: Struct.omit(event, ["_tag"]) })
    }),
    ["equal events have equal texts"]
  )
  catches(
    "an old version that is not read any more",
    CodecLaws.laws({
      ...codec,
      decode: (stored) =>
        stored.type === "Deposited" && stored.schemaVersion === 1
          ? Result.fail({ _tag: "UnknownSchemaVersion", newest: 1 })
          : codec.decode(stored)
    }),
    ["every version that was ever stored decodes"]
  )
  catches(
    "an old version that decodes to an invalid event",
    CodecLaws.laws({
      ...codec,
      decode: (stored) =>
        stored.schemaVersion === 1 && stored.type === "Deposited"
          ? Result.succeed([{ _tag: "Deposited", amount: 0n }])
          : codec.decode(stored)
    }),
    ["every version that was ever stored decodes"]
  )
  catches(
    "a fold that does not accept the events of an old version",
    CodecLaws.laws(codec, {
      fold: {
        ...Account.aggregate,
        decider: {
          ...Account.decider,
          evolve: () => ({ _tag: "Odd" }) as unknown as Account.State
        }
      }
    }),
    ["every version that was ever stored decodes"]
  )
  catches(
    "a sample that means something else now",
    CodecLaws.laws(codec, {
      samples: samples.map((sample) =>
        "pounds" in (sample.stored.data as object)
          ? { ...sample, means: [{ _tag: "Deposited", amount: 5n }] }
          : sample
      )
    }),
    ["sample 2, Deposited version 1, means what it meant"]
  )
  catches("a version without a sample", CodecLaws.laws(codec, { samples: samples.slice(0, 4) }), [
    "every version has a golden sample"
  ])
  catches(
    "a lock file that is not there",
    CodecLaws.laws(codec, { lock: Path.join(folder, "none.json") }),
    ["the codec stores events as its lock says"]
  )
  catches(
    "a version that its lock does not have",
    CodecLaws.laws({ ...codec, versions: codec.versions.slice(1) }, { lock }),
    ["the codec stores events as its lock says"]
  )
})

describe("The laws of a codec with fields that accept unstorable values", () => {
  const law = "an event comes back from its stored form as it was"
  const broken = <Event>(of: EventCodec.EventCodec<Event>) =>
    Effect.map(Law.broken(CodecLaws.laws(of), { seed: "mistakes" }), (all) =>
      all.map((one) => one.law)
    )

  it.effect("find an instant that no row can hold", () =>
    Effect.gen(function* () {
      const events = Schema.TaggedUnion({ Held: { at: Schema.DateTimeUtc } })
      assert.deepStrictEqual(yield* broken(EventCodec.make({ name: "held", events })), [law])
    })
  )

  it.effect("find a number that logs refuse", () =>
    Effect.gen(function* () {
      const number = Schema.Finite.check(Schema.isBetween({ minimum: 1e15, maximum: 1e17 }))
      const events = Schema.TaggedUnion({ Held: { number } })
      assert.deepStrictEqual(yield* broken(EventCodec.make({ name: "held", events })), [law])
    })
  )

  it("report its path and its kind", () => {
    assert.strictEqual(
      unkeptIssue({ a: [1, { b: 2 ** 53 }] }),
      "data.a.1.b is 9007199254740992, an integer past 2^53 - 1, which logs refuse: bound the field"
    )
    assert.strictEqual(
      unkeptIssue({ at: "-004713-11-23T23:59:59.999Z" }),
      "data.at is -004713-11-23T23:59:59.999Z, an instant before the first one of PostgreSQL, which no row holds: bound the field"
    )
    for (const kept of [
      2 ** 53 - 1,
      1.5,
      "-004713-11-24T00:00:00.000Z",
      "+275760-09-13T00:00:00.000Z",
      null,
      true
    ]) {
      assert.isUndefined(unkeptIssue({ kept }))
    }
  })
})
