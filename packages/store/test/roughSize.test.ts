import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Budget from "../src/internal/batch/budget.ts"
import { roughSize } from "../src/internal/command/request.ts"

it("The size of a value grows with its text, its bytes and its parts, wherever they are", () => {
  const text = "x".repeat(1_000)
  const holders: ReadonlyArray<(part: unknown) => unknown> = [
    (part) => part,
    (part) => ({ part }),
    (part) => [part],
    (part) => [{ deep: [[{ part }]] }],
    (part) => new Map([["key", part]]),
    (part) => new Map([[part, "value"]]),
    (part) => new Set([part])
  ]
  for (const holder of holders) {
    assert.isAtLeast(roughSize(holder(text)), 2_000)
    assert.isAtMost(roughSize(holder(text)), 2_400)
    assert.isAtLeast(roughSize(holder(new Uint8Array(5_000))), 5_000)
    assert.isAtLeast(roughSize(holder(Array.from({ length: 1_000 }, (_, n) => n))), 8_000)
  }
  assert.isAtLeast(roughSize({ [text]: 1 }), 2_000)
  assert.isAtMost(roughSize({ _tag: "Deposit", amount: 1 }), 200)
})

it("The size of a value that holds itself is finite, and what it holds twice counts once", () => {
  const self: Array<unknown> = [1]
  self.push(self)
  assert.isAtMost(roughSize(self), 200)
  const shared = { text: "x".repeat(1_000) }
  assert.isAtMost(roughSize([shared, shared, shared]), 2_400)
})

it("A budget is of whole numbers, 1 or more", () => {
  for (const wrong of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.throws(
      () => Budget.make("store", { calls: wrong, bytes: 1 }),
      `calls of MaxHeld is ${wrong}, allowed is a whole number, 1 or more`
    )
    assert.throws(() => Budget.make("store", { calls: 1, bytes: wrong }), `bytes of MaxHeld is`)
  }
})

it.effect("A budget is whole again when what it held has failed or died", () =>
  Effect.gen(function* () {
    const { hold } = Budget.make("store", { calls: 1, bytes: 1 })
    for (const one of [Effect.void, Effect.fail("no"), Effect.die("a bug"), Effect.interrupt]) {
      yield* Effect.exit(hold({ calls: 1, bytes: 1 }, one))
    }
    const error = yield* Effect.flip(
      hold({ calls: 1, bytes: 1 }, hold({ calls: 1, bytes: 1 }, Effect.void))
    )
    assert.deepStrictEqual(error.held, { calls: 1, bytes: 1 })
    assert.strictEqual(
      error.message,
      "The store holds 1 calls of 1 bytes, at most 1 of 1 are allowed"
    )
  })
)
