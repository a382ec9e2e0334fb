/**
 * The JSON that every store keeps exactly, and the values that every store refuses with the same
 * reason.
 */
import {
  AppendRefused,
  EventStore,
  MAX_DATA_BYTES,
  MAX_JSON_DEPTH,
  MAX_METADATA_BYTES,
  type RefusalReason
} from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  fill,
  freshStream,
  newEvent,
  readFirst,
  readStream,
  refusalOf
} from "./fixture.ts"
import { nested, notJson, roundTrips } from "./jsonValues.ts"

/** The edge cases of JSON come back exactly, down to the order of keys. */
const jsonRoundTrips = Effect.gen(function* () {
  const store = yield* EventStore
  for (const [name, value] of roundTrips) {
    const streamId = freshStream()
    const event = newEvent({ data: value, metadata: { custom: { own: value } } })
    yield* store.append({ streamId, expected: any, events: [event] })
    const stored = yield* readFirst(streamId)
    for (const [before, after] of [
      [event.data, stored.data],
      [event.metadata, stored.metadata]
    ]) {
      assert.deepStrictEqual(after, before, name)
      // Deep equality does not see the order of keys, nor every key named `__proto__`.
      assert.strictEqual(JSON.stringify(after), JSON.stringify(before), name)
    }
  }
})

/** A value that JSON cannot hold is refused rather than changed. */
const jsonIsExactOrRefused = Effect.gen(function* () {
  const store = yield* EventStore
  for (const { name, value } of notJson) {
    const streamId = freshStream()
    // The types refuse most of these values; data from outside is not checked by types.
    const event = newEvent({ data: value as Schema.Json })
    const answer = yield* Effect.result(store.append({ streamId, expected: any, events: [event] }))
    const stored = yield* readStream(streamId)
    if (Result.isSuccess(answer)) {
      assert.deepStrictEqual<unknown>(stored[0]?.data, value, name)
    } else {
      assert.instanceOf(answer.failure, AppendRefused, name)
      assert.lengthOf(stored, 0)
    }
  }
})

export const jsonCases: Cases = {
  "comes back unchanged, down to the order of keys": jsonRoundTrips,

  "is refused when it can't come back unchanged": jsonIsExactOrRefused,

  ...each(notJson, ({ found, name, path, value }) => ({
    [`refuses ${name}`]: Effect.gen(function* () {
      // The types refuse most of these values; data from outside is not checked by types.
      const json = value as Schema.Json
      const at = (...prefix: ReadonlyArray<string>): RefusalReason => ({
        _tag: "NotJson",
        index: 1,
        path: [...prefix, ...path].join("."),
        found
      })
      assert.deepStrictEqual(yield* refusalOf(newEvent({ data: json })), at("data"))
      assert.deepStrictEqual(
        yield* refusalOf(newEvent({ data: { deep: [json] } })),
        at("data", "deep", "0")
      )
      assert.deepStrictEqual(
        yield* refusalOf(newEvent({ metadata: { custom: { own: json } } })),
        at("metadata", "custom", "own")
      )
    })
  })),

  [`nests at most ${MAX_JSON_DEPTH} deep`]: Effect.gen(function* () {
    const streamId = freshStream()
    const deepest = nested(MAX_JSON_DEPTH)
    yield* fill(streamId, [newEvent({ data: deepest })])
    const stored = yield* readFirst(streamId)
    assert.deepStrictEqual(stored.data, deepest)
    const tooDeep = { _tag: "NotJson", found: "deeper nesting than allowed" } as const
    const data = yield* refusalOf(newEvent({ data: nested(MAX_JSON_DEPTH + 1) }))
    assert.deepInclude(data, tooDeep)
    // `metadata` and `custom` are two of the levels.
    yield* fill(streamId, [newEvent({ metadata: { custom: { a: nested(MAX_JSON_DEPTH - 2) } } })])
    const metadata = yield* refusalOf(
      newEvent({ metadata: { custom: { a: nested(MAX_JSON_DEPTH - 1) } } })
    )
    assert.deepInclude(metadata, tooDeep)
  }),

  "refuses a value that contains itself": Effect.gen(function* () {
    const cycle: Record<string, Schema.Json> = {}
    cycle["self"] = cycle
    const reason = yield* refusalOf(newEvent({ data: cycle }))
    assert.deepInclude(reason, { _tag: "NotJson", found: "deeper nesting than allowed" })
  }),

  ...each(
    [
      ["data", MAX_DATA_BYTES, (text: string) => newEvent({ data: text })],
      [
        "metadata",
        MAX_METADATA_BYTES,
        (text: string) => newEvent({ metadata: { custom: { text } } })
      ]
    ] as const,
    ([field, limit, event]) =>
      each(
        [
          ["1", "x", 1],
          ["2 in UTF-8", "é", 2],
          ["4 in UTF-8", "🧾", 4],
          ["6 in JSON", "\u0001", 6]
        ] as const,
        ([name, character, bytes]) => ({
          [`allows ${limit} bytes of ${field} and no more, in characters of ${name}`]: Effect.gen(
            function* () {
              const streamId = freshStream()
              const frame = JSON.stringify(event("")[field]).length
              const room = limit - frame
              const text = character.repeat(Math.floor(room / bytes)) + "x".repeat(room % bytes)
              yield* fill(streamId, [event(text)])
              const stored = yield* readFirst(streamId)
              // Compares the texts first, because a reported difference would print a megabyte.
              assert.isTrue(
                (field === "data" ? stored.data : stored.metadata.custom?.["text"]) === text
              )
              assert.deepStrictEqual(yield* refusalOf(event(`${text}x`)), {
                _tag: "TooLarge",
                index: 1,
                field,
                bytes: limit + 1,
                limit
              })
            }
          )
        })
      )
  )
}
