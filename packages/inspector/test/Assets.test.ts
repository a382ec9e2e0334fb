import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { gunzipSync } from "node:zlib"
import * as Assets from "../src/internal/assets.ts"
import { ORIGIN } from "./inspected.ts"

const page = Effect.gen(function* () {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-page-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
  Fs.mkdirSync(Path.join(folder, "assets"))
  Fs.writeFileSync(
    Path.join(folder, "index.html"),
    '<!doctype html><head><base href="/" /><script src="./theme.js"></script></head>'
  )
  Fs.writeFileSync(Path.join(folder, "theme.js"), "'use strict'")
  Fs.writeFileSync(Path.join(folder, "assets", "index-AbC123.js"), "export {}".repeat(500))
  const { dispose, handler } = HttpRouter.toWebHandler(
    Layer.provide(Assets.layer("/inspector", folder), HttpServer.layerServices),
    { disableLogger: true }
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))
  return (path: string, headers: Record<string, string> = {}) =>
    Effect.promise(async () => {
      const answer = await handler(new Request(`${ORIGIN}${path}`, { headers }))
      return {
        status: answer.status,
        headers: answer.headers,
        bytes: new Uint8Array(await answer.arrayBuffer())
      }
    })
})

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("the files of the page", () => {
  it.effect("lead every address to the page, relative to its path", () =>
    Effect.gen(function* () {
      const get = yield* page
      for (const path of ["", "/", "/streams", "/streams/order-1?rev=8", "/read-models/a/b"]) {
        const { bytes, headers, status } = yield* get(`/inspector${path}`)
        assert.strictEqual(status, 200, path)
        assert.include(textOf(bytes), '<base href="/inspector/" />')
        assert.strictEqual(headers.get("cache-control"), "no-cache")
      }
    })
  )

  it.effect("S61: let nothing in from elsewhere, and run nothing inline", () =>
    Effect.gen(function* () {
      const get = yield* page
      const policy = (yield* get("/inspector")).headers.get("content-security-policy") ?? ""
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/)
      assert.notInclude(policy, "unsafe")
      assert.include(policy, "frame-ancestors 'none'")
    })
  )

  it.effect("are cached for ever under a name that changes, and compressed", () =>
    Effect.gen(function* () {
      const get = yield* page
      const path = "/inspector/assets/index-AbC123.js"
      const plain = yield* get(path)
      assert.include(plain.headers.get("cache-control") ?? "", "immutable")
      assert.isNull(plain.headers.get("content-encoding"))
      const zipped = yield* get(path, { "accept-encoding": "gzip;q=1, br;q=0" })
      assert.strictEqual(zipped.headers.get("content-encoding"), "gzip")
      assert.deepStrictEqual(new Uint8Array(gunzipSync(zipped.bytes)), plain.bytes)
      const brotli = yield* get(path, { "accept-encoding": "gzip, deflate, br" })
      assert.strictEqual(brotli.headers.get("content-encoding"), "br")
      assert.isBelow(brotli.bytes.length, plain.bytes.length / 10)
      assert.match(plain.headers.get("content-type") ?? "", /^text\/javascript/)
    })
  )

  it.effect("are not sent again to a browser that has them", () =>
    Effect.gen(function* () {
      const get = yield* page
      const { headers } = yield* get("/inspector/theme.js")
      const again = yield* get("/inspector/theme.js", {
        "if-none-match": headers.get("etag") ?? ""
      })
      assert.strictEqual(again.status, 304)
      assert.lengthOf(again.bytes, 0)
    })
  )

  it.effect("S61: are nothing else of the host's disk", () =>
    Effect.gen(function* () {
      const get = yield* page
      for (const path of ["/inspector/assets/gone.js", "/inspector/api/nothing"]) {
        assert.strictEqual((yield* get(path)).status, 404, path)
      }
      for (const path of [
        "/inspector/..%2f..%2fpackage.json",
        "/inspector/%2e%2e/%2e%2e/etc/passwd",
        "/inspector/assets/..%2findex.html",
        "/inspector/%E0%A4%A"
      ]) {
        const { bytes } = yield* get(path)
        assert.notInclude(textOf(bytes), "root:")
        assert.notInclude(textOf(bytes), '"name"')
      }
    })
  )
})
