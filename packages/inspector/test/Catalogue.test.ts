import * as Inspector from "@daybook/inspector/Inspector"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { inspected, options } from "./inspected.ts"

describe("the catalogue", () => {
  it.effect("has every event type, its versions and who folds it", () =>
    Effect.gen(function* () {
      const { client } = yield* inspected()
      const { codecs } = yield* client.catalogue.types()
      const [order] = codecs
      assert.strictEqual(order?.category, "order")
      const created = order?.types.find(({ type }) => type === "OrderCreated")
      assert.strictEqual(created?.newest, 3)
      assert.isFalse(created?.retired)
      const [, second, third] = created?.versions ?? []
      assert.include([...(second?.added ?? [])], "customerId")
      assert.include([...(second?.removed ?? [])], "customer_id")
      assert.isAbove((third?.added.length ?? 0) + (third?.removed.length ?? 0), 0)
      assert.deepStrictEqual(
        created?.readers.map(({ kind, name }) => `${kind} ${name}`),
        ["aggregate order", "read model order_summary", "read model product_demand"]
      )
    })
  )

  it.effect("is exported as an archive of an EventCatalog project", () =>
    Effect.gen(function* () {
      const { client } = yield* inspected()
      const archive = yield* client.catalogue.export()
      const tar = (...args: ReadonlyArray<string>) =>
        execFileSync("tar", args, { input: archive, encoding: "utf8" })
      const names = tar("-t").trim().split("\n")
      assert.include(names, "services/order/index.mdx")
      assert.include(names, "events/OrderCreated/index.mdx")
      assert.include(names, "events/OrderCreated/versioned/1.0.0/index.mdx")
      const newest = tar("-x", "-O", "events/OrderCreated/index.mdx")
      assert.match(newest, /^---\nid: "OrderCreated"\nname: "OrderCreated"\nversion: 3\.0\.0\n/)
      assert.include(newest, "| customerId |")
      const service = tar("-x", "-O", "services/order/index.mdx")
      assert.include(service, '  - id: "OrderCreated"\n    version: 3.0.0')
    })
  )
})

describe("an inspector", () => {
  it("has a path of plain segments", () => {
    for (const path of ["", "/", "inspector", "/a b", "/a/", '/"><script>']) {
      assert.throws(() => Inspector.layerUnprotected({ ...options, path }), "not a path")
    }
  })
})
