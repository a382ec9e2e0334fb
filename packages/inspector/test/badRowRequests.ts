/**
 * Requests for rows that no store may be asked: each is malformed, on every store.
 */
import type { InspectorApi } from "@daybook/inspector/InspectorApi"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import type * as HttpApiClient from "effect/http-api/HttpApiClient"

type Client = HttpApiClient.ForApi<typeof InspectorApi>

const params = { model: "order_summary" }

const cursor = (row: object) => Base64Url.encode(JSON.stringify(row))

/** Checks that each is answered with 400, and with the field at fault. */
export const refuseBadRowRequests = Effect.fnUntraced(function* (client: Client) {
  for (const [where, field] of [
    ["status:a\u0000b", "status"],
    ['orderId>"\\ud800"', "orderId"],
    ["itemCount>9007199254740992", "itemCount"],
    ["updatedAt>-100000-01-01", "updatedAt"],
    ["updatedAt>2026-02-40", "updatedAt"]
  ] as const) {
    const error = yield* Effect.flip(client.readModels.rows({ params, query: { where: [where] } }))
    assert(error._tag === "Malformed", where)
    assert.deepStrictEqual(error.errors[0]?.path, ["query", "where", field])
    assert.include(error.errors[0]?.message, "is not allowed: it is")
  }
  for (const [by, row] of [
    ["orderId", {}],
    ["orderId", { orderId: 5 }],
    ["orderId", { orderId: "a\u0000" }],
    ["itemCount", { orderId: "ada", itemCount: "many" }],
    ["itemCount", { orderId: "ada", itemCount: 1.5 }],
    ["-updatedAt", { orderId: "ada", updatedAt: "soon" }],
    ["-updatedAt", { orderId: "ada", updatedAt: null }]
  ] as const) {
    const query = { by, cursor: cursor(row) }
    const error = yield* Effect.flip(client.readModels.rows({ params, query }))
    assert.strictEqual(error._tag, "Malformed", JSON.stringify(row))
  }
  const key = JSON.stringify(["a\u0000b"])
  const error = yield* Effect.flip(client.readModels.explain({ params, query: { key } }))
  assert.strictEqual(error._tag, "Malformed")
})
