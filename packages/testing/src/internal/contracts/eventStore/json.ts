/**
 * The JSON that every store keeps exactly, and the values that every store refuses with the same
 * reason.
 */
import { MAX_DATA_BYTES, MAX_JSON_DEPTH, MAX_METADATA_BYTES } from "@daybook/store/EventStore"
import type { RefusalReason } from "@daybook/store/RefusalReason"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as EventStoreLaws from "../../../EventStoreLaws.ts"
import {
  fill,
  freshStream,
  type It,
  newEvent,
  readFirst,
  refusalOf,
  TIMEOUT_MILLIS
} from "./fixture.ts"
import { nested, notJson } from "./jsonValues.ts"

export const jsonCases = (it: It): void => {
  describe("JSON", { timeout: TIMEOUT_MILLIS }, () => {
    it.effect("comes back as it went in", () => EventStoreLaws.jsonRoundTrips)

    it.effect("is refused where it could not come back", () => EventStoreLaws.jsonIsExactOrRefused)

    for (const { found, name, path, value } of notJson) {
      it.effect(`does not hold ${name}`, () =>
        Effect.gen(function* () {
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
      )
    }

    it.effect(`nests at most ${MAX_JSON_DEPTH} deep`, () =>
      Effect.gen(function* () {
        const streamId = freshStream()
        const deepest = nested(MAX_JSON_DEPTH)
        yield* fill(streamId, [newEvent({ data: deepest })])
        const stored = yield* readFirst(streamId)
        assert.deepStrictEqual(stored.data, deepest)
        const tooDeep = { _tag: "NotJson", found: "deeper nesting than allowed" } as const
        const data = yield* refusalOf(newEvent({ data: nested(MAX_JSON_DEPTH + 1) }))
        assert.deepInclude(data, tooDeep)
        // `metadata` and `custom` are two of the levels.
        yield* fill(streamId, [
          newEvent({ metadata: { custom: { a: nested(MAX_JSON_DEPTH - 2) } } })
        ])
        const metadata = yield* refusalOf(
          newEvent({ metadata: { custom: { a: nested(MAX_JSON_DEPTH - 1) } } })
        )
        assert.deepInclude(metadata, tooDeep)
      })
    )

    it.effect("that holds itself is refused", () =>
      Effect.gen(function* () {
        const cycle: Record<string, Schema.Json> = {}
        cycle["self"] = cycle
        const reason = yield* refusalOf(newEvent({ data: cycle }))
        assert.deepInclude(reason, { _tag: "NotJson", found: "deeper nesting than allowed" })
      })
    )

    for (const [field, limit, event] of [
      ["data", MAX_DATA_BYTES, (text: string) => newEvent({ data: text })],
      [
        "metadata",
        MAX_METADATA_BYTES,
        (text: string) => newEvent({ metadata: { custom: { text } } })
      ]
    ] as const) {
      for (const [name, character, bytes] of [
        ["1", "x", 1],
        ["2 in UTF-8", "é", 2],
        ["4 in UTF-8", "🧾", 4],
        ["6 in JSON", "\u0001", 6]
      ] as const) {
        it.effect(`of ${limit} bytes is the largest ${field}, of characters of ${name}`, () =>
          Effect.gen(function* () {
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
          })
        )
      }
    }
  })
}
