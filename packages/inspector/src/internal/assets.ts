/**
 * The files of the page: read once, compressed once, and served from memory.
 */
import { Unknown } from "@daybook/http/Problem"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"

/** The folder into which the page is built, beside `src` or `dist`. */
const BUILT = fileURLToPath(new URL("../../dist-app", import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2"
}

/** Nothing comes from elsewhere, nothing inline runs, and no other page frames it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const SAFE = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
}

/** The name of a file below `assets/` changes with its content. */
const HASHED = /^assets\//

interface Asset {
  readonly type: string
  readonly etag: string
  readonly isHashed: boolean
  readonly bodies: Readonly<Record<"br" | "gzip" | "identity", Uint8Array>>
}

/** Serves the page at `path` and every address below it, but those of the API. */
export const layer = (
  path: `/${string}`,
  folder: string = BUILT
): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const assets = readAssets(folder, path)
      const answer = Effect.map(HttpServerRequest, (request) => {
        const name = decodedPath(request.url).slice(path.length + 1)
        const found = assets.get(name)
        // An address of the page leads to the page, and that of a file that is gone to nothing.
        const asset = found ?? (isOfPage(name) ? assets.get("index.html") : undefined)
        return asset === undefined ? undefined : respond(asset, request.headers)
      }).pipe(
        Effect.flatMap((response) =>
          response === undefined
            ? HttpServerRespondable.toResponse(new Unknown({ detail: "There is no such path" }))
            : Effect.succeed(response)
        )
      )
      // The router answers the path itself by this route too.
      yield* router.add("GET", `${path}/*`, answer)
    })
  )

const isOfPage = (name: string): boolean => name !== "api" && !/^(?:api|assets)\//.test(name)

const decodedPath = (url: string): string => {
  const [path = ""] = url.split("?")
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const readAssets = (folder: string, path: string): ReadonlyMap<string, Asset> => {
  if (!Fs.existsSync(Path.join(folder, "index.html"))) {
    return new Map([["index.html", assetOf("index.html", encoder.encode(NOT_BUILT))]])
  }
  const names = Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.relative(folder, Path.join(entry.parentPath, entry.name)))
  return new Map(
    names.map((name) => {
      const content = Fs.readFileSync(Path.join(folder, name))
      const at = name.split(Path.sep).join("/")
      return [at, assetOf(at, at === "index.html" ? based(content, path) : content)]
    })
  )
}

/** Relative addresses of the page begin at the path on which it is mounted. */
const based = (html: Uint8Array, path: string): Uint8Array =>
  encoder.encode(
    new TextDecoder().decode(html).replace(/<base href="[^"]*"\s*\/?>/, `<base href="${path}/" />`)
  )

const encoder = new TextEncoder()

const NOT_BUILT =
  '<!doctype html><html lang="en"><title>Daybook</title><p>The page of the inspector is not built: run <code>pnpm build</code> and start the host again.</p></html>'

const assetOf = (name: string, content: Uint8Array): Asset => ({
  type: TYPES[Path.extname(name)] ?? "application/octet-stream",
  etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
  isHashed: HASHED.test(name),
  bodies: {
    identity: content,
    gzip: gzipSync(content),
    br: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } })
  }
})

const respond = (
  { bodies, etag, isHashed, type }: Asset,
  headers: Readonly<Record<string, string | undefined>>
): HttpServerResponse.HttpServerResponse => {
  const common = {
    ...SAFE,
    etag,
    vary: "accept-encoding",
    "cache-control": isHashed ? "public, max-age=31536000, immutable" : "no-cache"
  }
  if (headers["if-none-match"]?.split(",").some((tag) => tag.trim() === etag) === true) {
    return HttpServerResponse.empty({ status: 304, headers: common })
  }
  const encoding = encodingOf(headers["accept-encoding"] ?? "")
  return HttpServerResponse.uint8Array(bodies[encoding], {
    contentType: type,
    headers: { ...common, ...(encoding === "identity" ? {} : { "content-encoding": encoding }) }
  })
}

/** Returns the best encoding that a client accepts; one with `q=0` is not. */
const encodingOf = (accepted: string): keyof Asset["bodies"] => {
  const codings = accepted.split(",").map((coding) => coding.trim().toLowerCase())
  const accepts = (name: string) =>
    codings.some((coding) => {
      const [given = "", ...parameters] = coding.split(";").map((part) => part.trim())
      return given === name && !parameters.some((part) => /^q=0(?:\.0*)?$/.test(part))
    })
  return accepts("br") ? "br" : accepts("gzip") ? "gzip" : "identity"
}
