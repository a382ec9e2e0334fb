import { assert, describe, it } from "vitest"
import { newest, unmatched } from "./test-server.ts"

describe("test-server", () => {
  it("takes the newest version that is installed", () => {
    assert.strictEqual(newest(["9", "18", "15", "common"]), "18")
    assert.strictEqual(newest(["common"]), undefined)
    assert.strictEqual(newest([]), undefined)
  })

  it("finds the beginnings of paths that no test file has", () => {
    const tests = ["packages/store/test/PostgresPlans.integration.test.ts"]
    assert.deepStrictEqual(unmatched(["packages/store/test/PostgresPlans"], tests), [])
    assert.deepStrictEqual(unmatched(["packages/store/test/PostgresPlan.", "x"], tests), [
      "packages/store/test/PostgresPlan.",
      "x"
    ])
  })
})
