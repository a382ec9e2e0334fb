import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { asFetch, inShell, stepsBelow } from "./consoleSession.ts"
import { folder } from "./files.ts"
import { serving } from "./serving.ts"

const readme = Fs.readFileSync(Path.resolve(import.meta.dirname, "../../../README.md"), "utf8")
const steps = stepsBelow(readme, "A shop that serves")

/** The shown times are those of another day. */
const timeless = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")

const positionsIn = (text: string) =>
  Array.from(text.matchAll(/"position":"(\d+)"/g), ([, position = ""]) => position)

const hasCurl = (await inShell("command -v curl || true")) !== ""

describe("the session of the README", () => {
  it.live("prints word for word what is shown", () =>
    Effect.gen(function* () {
      assert.isAbove(steps.length, 5)
      const shop = yield* serving(["--data", yield* folder])
      // Positions depend on what the processes record in between: each shown one is one of here.
      const positions = new Map<string, string>()
      const asHere = (text: string) =>
        text.replaceAll(/(?<="position":"|after=)\d+/g, (shown) => positions.get(shown) ?? shown)
      for (const { command, output } of steps) {
        const here = asHere(command).replaceAll("localhost:3000", `127.0.0.1:${shop.port}`)
        const printed = yield* Effect.promise(() => (hasCurl ? inShell : asFetch)(here))
        const found = positionsIn(printed)
        positionsIn(output).forEach((shown, index) => {
          if (!positions.has(shown)) positions.set(shown, found[index] ?? "")
        })
        assert.strictEqual(timeless(printed), timeless(asHere(output)), command)
      }
      assert.strictEqual(positions.size, 2)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it("is understood where there is no curl", async () => {
    const requests: Array<string> = []
    const present = globalThis.fetch
    globalThis.fetch = async (input, init) => {
      const headers = new Headers(init?.headers)
      requests.push(
        [
          init?.method ?? "GET",
          new Request(input).url,
          ...Array.from(headers, (pair) => pair.join(": "))
        ].join("\n")
      )
      return new Response(typeof init?.body === "string" ? init.body : "")
    }
    try {
      assert.strictEqual(
        await asFetch(
          `curl host/a -H 'If-Match: "1"' -H 'Idempotency-Key: k' --json '{"a":"b c"}'`
        ),
        '{"a":"b c"}'
      )
      assert.strictEqual(await asFetch("curl 'host/a?b=c&d=e'"), "")
    } finally {
      globalThis.fetch = present
    }
    assert.deepStrictEqual(requests, [
      'POST\nhttp://host/a\ncontent-type: application/json\nidempotency-key: k\nif-match: "1"',
      "GET\nhttp://host/a?b=c&d=e"
    ])
  })
})
