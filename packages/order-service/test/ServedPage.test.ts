import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ServedPage from "../src/ServedPage.ts"
import { captured } from "./captured.ts"

const settings = {
  store: { _tag: "memory" },
  host: "0.0.0.0",
  port: 3000,
  readyLag: undefined
} as const

describe("ServedPage", () => {
  it.effect("has the addresses in lines that fit a terminal", () =>
    Effect.gen(function* () {
      const page = ServedPage.print({ ...settings, tokens: undefined }, "http://localhost:3000")
      const { lines } = yield* captured(page)
      assert.deepStrictEqual(lines, [
        "The shop serves on http://localhost:3000",
        "  store      a store in memory",
        "  callers    all on this machine may do everything",
        "  orders     http://localhost:3000/orders/{id}",
        "  inspector  http://localhost:3000/inspector",
        "  reference  http://localhost:3000/docs",
        "  health     http://localhost:3000/health/ready",
        "  metrics    http://localhost:3000/metrics",
        "Ctrl-C ends it."
      ])
    })
  )
})
