import { assert, it } from "vitest"
import { grown } from "./sizes.ts"

const accept = "accept it by `pnpm sizes`, and commit scripts/release/sizes.json"

it("accepts what shrinks, and what grows by 5 per cent", () => {
  assert.deepStrictEqual(grown({ a: 1000, b: 1000 }, { a: 1050, b: 10 }), [])
})

it("names what has grown more or is new in one line each, and says how to accept it", () => {
  assert.deepStrictEqual(grown({ a: 1000 }, { a: 1051, b: 7 }), [
    `a: 1051 bytes, 5.1 % more than 1000: ${accept}`,
    `b: 7 bytes, not recorded: ${accept}`
  ])
})
