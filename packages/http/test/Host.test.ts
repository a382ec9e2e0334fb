import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Away, book, Command } from "./library.ts"
import { memory, serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const api = HttpApi.make("library").add(books.group)
const library = serve(Host.layer(api, [books]).pipe(Layer.provide(memory)))

describe("the host", () => {
  it.effect("answers paths that it does not have with a problem", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const answer = yield* send("GET", "/nothing")
      assert.strictEqual(answer.status, 404)
      assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(answer.headers.get("x-content-type-options"), "nosniff")
    })
  )

  it.effect("serves a reference page that needs no other host", () =>
    Effect.gen(function* () {
      const { send } = yield* library
      const { headers, status, text } = yield* send("GET", "/docs")
      assert.strictEqual(status, 200)
      assert.notMatch(text.slice(0, 2_000), /<script[^>]*src=/)
      assert.include(text, "/books/{id}/commands")
      assert.strictEqual(
        headers.get("content-security-policy"),
        "default-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
      )
      const configured = text.slice(text.lastIndexOf("createApiReference(document"))
      assert.include(configured, '"withDefaultFonts":false')
      assert.notMatch(configured, /\/\/[a-z0-9]/)
      assert.isNull((yield* send("GET", "/books/1")).headers.get("content-security-policy"))
    })
  )

  it.effect("answers faults of requests to a group of the user, and keeps its own answers", () =>
    Effect.gen(function* () {
      const own = HttpApiGroup.make("own").add(
        HttpApiEndpoint.get("count", "/count", {
          query: { to: Schema.FiniteFromString },
          success: Schema.Finite
        }),
        HttpApiEndpoint.get("tea", "/tea"),
        HttpApiEndpoint.get("fault", "/fault")
      )
      const mixed = HttpApi.make("library").add(books.group, own)
      const handlers = HttpApiBuilder.group(mixed, "own", (group) =>
        group
          .handle("count", ({ query }) => Effect.succeed(query.to))
          .handle("tea", () => Effect.die(HttpServerResponse.text("a teapot", { status: 418 })))
          .handle("fault", () => Effect.die(new Error("a fault")))
      )
      const { send } = yield* serve(
        Host.layer(mixed, [books]).pipe(Layer.provide(handlers), Layer.provide(memory))
      )
      assert.strictEqual((yield* send("GET", "/count?to=7")).json, 7)
      const refused = yield* send("GET", "/count?to=many")
      assert.strictEqual(refused.status, 400)
      assert.include(refused.text, '"path":["query","to"]')
      const tea = yield* send("GET", "/tea")
      assert.deepStrictEqual([tea.status, tea.text], [418, "a teapot"])
      const fault = yield* send("GET", "/fault")
      assert.strictEqual(fault.status, 500)
      assert.propertyVal(fault.json, "type", "urn:daybook:problem:broken")
    })
  )
})
