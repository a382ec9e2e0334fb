import * as Inspector from "@daybook/inspector/Inspector"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import type { Catalogue } from "../src/CatalogueAnswer.ts"
import * as EventCatalog from "../src/internal/eventCatalog.ts"
import * as Tar from "../src/internal/tar.ts"
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
      const folder = "services/order/events/OrderCreated"
      assert.include(names, `${folder}/index.mdx`)
      assert.include(names, `${folder}/versioned/1.0.0/index.mdx`)
      const newest = tar("-x", "-O", `${folder}/index.mdx`)
      assert.match(
        newest,
        /^---\nid: "order\.OrderCreated"\nname: "OrderCreated"\nversion: 3\.0\.0\n/
      )
      assert.include(newest, "| customerId |")
      const service = tar("-x", "-O", "services/order/index.mdx")
      assert.include(service, '  - id: "order.OrderCreated"\n    version: 3.0.0')
    })
  )

  it("gives every event type a path and an id of its own, whatever other types there are", () => {
    const long = "T".repeat(199)
    const types = ["a.b", "a/b", "a:b", "a_b", `${long}1`, `${long}2`, "Seen"]
    const category = `c${"a".repeat(63)}`
    const codec = (of: string, some: ReadonlyArray<string>): Catalogue["codecs"][number] => ({
      name: of,
      category: of,
      types: some.map((type) => ({
        type,
        formerNames: [],
        newest: 2,
        retired: false,
        versions: [1, 2].map((schemaVersion) => ({
          schemaVersion,
          fields: {},
          added: [],
          removed: [],
          changed: []
        })),
        readers: []
      }))
    })
    const files = EventCatalog.files({ codecs: [codec(category, types), codec("b", types)] })
    const archive = Tar.write(files, 0)
    const paths = execFileSync("tar", ["-t"], { input: archive, encoding: "utf8" })
      .trim()
      .split("\n")
    assert.lengthOf(new Set(paths), 2 * (1 + 2 * types.length))
    const ids = files.map(({ content }) => content.split("\n").slice(1, 4).join())
    assert.lengthOf(new Set(ids), files.length)
    // The files of a type are the same when it stands alone.
    const [, ...alone] = EventCatalog.files({ codecs: [codec("b", ["a.b"])] })
    assert.includeDeepMembers([...files], alone)
  })
})

describe("an inspector", () => {
  it("has a path of plain segments", () => {
    for (const path of ["", "/", "inspector", "/a b", "/a/", '/"><script>']) {
      assert.throws(() => Inspector.layerUnprotected({ ...options, path }), "not a path")
    }
  })
})
