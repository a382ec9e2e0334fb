import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
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

const SECRET = "kV3mT9xQ2bL7cR5nW8pZ4sD6fG1hJ0yA"

describe("ServedShop", () => {
  for (const url of [
    "http://localhost:3000/",
    "http://127.0.0.1",
    "http://127.1:80",
    "http://[::1]:3000",
    "https://shop.example",
    "https://shop.example:8443/"
  ]) {
    it(`sends a token to ${url}`, () => {
      const token = Option.some(Redacted.make(SECRET))
      assert.deepStrictEqual(
        ServedShop.addressOf(new URL(url), token),
        Result.succeed({ url: new URL(url).origin, token })
      )
    })
  }

  it("keeps a path", () => {
    assert.deepStrictEqual(
      ServedShop.addressOf(new URL("https://h/a/shop//"), Option.none()),
      Result.succeed({ url: "https://h/a/shop", token: Option.none() })
    )
  })

  it("needs no TLS where there is no token", () => {
    assert.deepStrictEqual(
      ServedShop.addressOf(new URL("http://shop.example"), Option.none()),
      Result.succeed({ url: "http://shop.example", token: Option.none() })
    )
  })

  for (const [url, problem] of [
    [
      "http://shop.example",
      "would send DAYBOOK_TOKEN in clear to shop.example: give an https: URL, or leave DAYBOOK_TOKEN out"
    ],
    [
      "http://localhost.example:3000",
      "would send DAYBOOK_TOKEN in clear to localhost.example:3000: give an https: URL, or leave DAYBOOK_TOKEN out"
    ],
    [
      "http://10.127.0.1",
      "would send DAYBOOK_TOKEN in clear to 10.127.0.1: give an https: URL, or leave DAYBOOK_TOKEN out"
    ],
    [
      "localhost:3000",
      "has the scheme localhost: and needs http: or https:, as in http://localhost:3000"
    ],
    [
      "ftp://shop.example",
      "has the scheme ftp: and needs http: or https:, as in http://localhost:3000"
    ],
    ["https://h/?a", "has a query or a fragment: give https://h"],
    ["https://h/shop#a", "has a query or a fragment: give https://h/shop"],
    ["https://anna@h", "has a user: give https://h, and the token in DAYBOOK_TOKEN"],
    [`https://:${SECRET}@h`, "has a user: give https://h, and the token in DAYBOOK_TOKEN"]
  ] as const) {
    it(`refuses ${url.replace(SECRET, "TOKEN")}`, () => {
      const refused = ServedShop.addressOf(new URL(url), Option.some(Redacted.make(SECRET)))
      assert(Result.isFailure(refused))
      assert.strictEqual(refused.failure.message, `--url ${problem}`)
    })
  }

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
