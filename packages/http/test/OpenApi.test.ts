import { Authentication } from "@daybook/http/Authenticator"
import { assert, it } from "@effect/vitest"
import { createConfig, lintFromString } from "@redocly/openapi-core"
import * as Effect from "effect/Effect"
import * as OpenApi from "effect/http-api/OpenApi"
import { shop } from "./shop.ts"

const api = shop.middleware(Authentication).annotateMerge(
  OpenApi.annotations({
    title: "The shop",
    servers: [{ url: "/" }],
    license: { name: "MIT", url: "https://opensource.org/license/mit" }
  })
)

it.effect("describes itself in OpenAPI 3.1 without a fault that the linter finds", () =>
  Effect.gen(function* () {
    const document = OpenApi.fromApi(api)
    assert.strictEqual(document.openapi, "3.1.0")
    const problems = yield* Effect.promise(async () =>
      lintFromString({
        source: JSON.stringify(document),
        absoluteRef: "openapi.json",
        config: await createConfig({ extends: ["recommended"] })
      })
    )
    assert.deepStrictEqual(
      problems.map(({ location, message, ruleId }) => [ruleId, message, location[0]?.pointer]),
      []
    )
  })
)
