import { assert, describe, it } from "vitest"
import { newest } from "./test-server.ts"

describe("test-server", () => {
  it("takes the newest version that is installed", () => {
    assert.strictEqual(newest(["9", "18", "15", "common"]), "18")
    assert.strictEqual(newest(["common"]), undefined)
    assert.strictEqual(newest([]), undefined)
  })
})
