import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import * as ServedShop from "../src/ServedShop.ts"

const address = { url: "https://shop.example", token: Option.none() }

/** Reads an order of a shop that answers so, and returns the seconds at which it was asked. */
const asked = (answer: (attempt: number) => Response, within: number) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const seconds: Array<number> = []
    const fetch = async () => {
      seconds.push(clock.currentTimeMillisUnsafe() / 1_000)
      return answer(seconds.length)
    }
    const reading = yield* ServedShop.client(address).pipe(
      Effect.flatMap(({ orders }) => orders.state({ params: { id: "1" }, query: {} })),
      Effect.provideService(FetchHttpClient.Fetch, fetch),
      Effect.exit,
      Effect.forkChild
    )
    for (let second = 0; second < within; second++) yield* TestClock.adjust("1 second")
    yield* Fiber.join(reading)
    return seconds
  })

const failing = (status: number, headers = {}) => new Response("", { status, headers })

describe("ServedShop", () => {
  it.effect("asks again for 30 seconds, less and less often", () =>
    Effect.gen(function* () {
      for (const status of [429, 502, 503, 504]) {
        const seconds = yield* asked(() => failing(status), 60)
        const first = seconds[0] ?? 0
        assert.isAtLeast(seconds.length, 8)
        assert.isAtMost(seconds.length, 20)
        assert.isAbove((seconds.at(-1) ?? 0) - first, 20)
        assert.isAtMost((seconds.at(-1) ?? 0) - first, 37)
      }
    })
  )

  it.effect("asks once where an answer is final", () =>
    Effect.gen(function* () {
      for (const status of [400, 401, 403, 404, 408, 409, 412, 422, 500]) {
        assert.lengthOf(yield* asked(() => failing(status), 60), 1, String(status))
      }
    })
  )

  it.effect("waits as long as Retry-After says, and not at all for longer than it asks", () =>
    Effect.gen(function* () {
      const [first = 0, second = 0] = yield* asked(
        (attempt) => (attempt === 1 ? failing(503, { "retry-after": "20" }) : failing(404)),
        60
      )
      assert.strictEqual(second - first, 20)
      assert.lengthOf(yield* asked(() => failing(429, { "retry-after": "3600" }), 60), 1)
    })
  )
})
