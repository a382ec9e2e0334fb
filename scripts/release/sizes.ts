/**
 * The sizes of what is published, beside those that `sizes.json` records: `pnpm sizes` writes it.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"
import { install, locked, make, OLDEST_NODE } from "./project.ts"
import { build, pack, type Tarball } from "./tarballs.ts"

/** Bytes by the name of what was measured. */
export type Sizes = Readonly<Record<string, number>>

/** The growth beyond the recorded size that has to be accepted, in per cent. */
const TOLERANCE_PERCENT = 5

const RECORDED = Path.join(import.meta.dirname, "sizes.json")

/** Returns the recorded sizes. */
export const recorded = (): Sizes => JSON.parse(Fs.readFileSync(RECORDED, "utf8")) as Sizes

/** Returns a line for each thing that has grown too much, or was never recorded. */
export const grown = (before: Sizes, now: Sizes): ReadonlyArray<string> =>
  Object.entries(now).flatMap(([name, bytes]) => {
    const old = before[name]
    const accept = "accept it by `pnpm sizes`, and commit scripts/release/sizes.json"
    if (old === undefined) return [`${name}: ${bytes} bytes, not recorded: ${accept}`]
    if (bytes * 100 <= old * (100 + TOLERANCE_PERCENT)) return []
    const percent = ((bytes / old - 1) * 100).toFixed(1)
    return [`${name}: ${bytes} bytes, ${percent} % more than ${old}: ${accept}`]
  })

/** A program for a browser, by the name of its bundle. */
export const browserPrograms: Readonly<Record<string, string>> = {
  "kernel and a domain in a browser": `
    import * as Decider from "@daybook/kernel/Decider"
    import { aggregate } from "@daybook/order/Order"
    import * as OrderSummary from "@daybook/order/OrderSummary"
    export const state = (commands) => Decider.run(aggregate.decider, commands)
    export const rows = OrderSummary.projection`,
  "a client of the HTTP API in a browser": `
    import * as AggregateApi from "@daybook/http/AggregateApi"
    import { aggregate } from "@daybook/order/Order"
    import { OrderCommand } from "@daybook/order/OrderCommand"
    import { OrderRejection } from "@daybook/order/OrderRejection"
    import * as FetchHttpClient from "effect/http/FetchHttpClient"
    import * as HttpApi from "effect/http-api/HttpApi"
    import * as HttpApiClient from "effect/http-api/HttpApiClient"
    const { group } = AggregateApi.make(aggregate, {
      name: "orders", command: OrderCommand, rejection: OrderRejection
    })
    export const client = HttpApiClient.make(HttpApi.make("shop").add(group), { baseUrl: "/" })
    export const layer = FetchHttpClient.layer`
}

/**
 * Bundles a program for a browser, from what is installed in a folder. Fails if it imports anything
 * that is not installed, such as a module of Node. `iife` gives a script without imports and
 * exports.
 */
export const bundle = async (
  folder: string,
  program: string,
  format: "esm" | "iife" = "esm"
): Promise<string> => {
  const entry = Path.join(folder, "entry.js")
  Fs.writeFileSync(entry, program)
  const missing: Array<string> = []
  const bundled = await rolldown({
    input: entry,
    cwd: folder,
    platform: "browser",
    logLevel: "silent",
    onLog: (_level, { code, message }) => {
      if (code === "UNRESOLVED_IMPORT") missing.push(message)
    },
    external: (id) => {
      if (id.startsWith("node:")) missing.push(id)
      return false
    }
  })
  const { output } = await bundled.generate({
    format,
    name: "bundle",
    minify: true,
    codeSplitting: false
  })
  await bundled.close()
  if (missing.length > 0)
    throw new Error(`it is not for browsers: it imports ${missing.join(", ")}`)
  return output.map((chunk) => (chunk.type === "chunk" ? chunk.code : "")).join("")
}

/** Measures tarballs, and the bundles of what is installed in a folder, compressed by gzip. */
export const measure = async (folder: string, tarballs: ReadonlyArray<Tarball>): Promise<Sizes> => {
  const sizes: Record<string, number> = {}
  for (const { bytes, name } of tarballs) sizes[`${name}, its tarball`] = bytes
  for (const [name, program] of Object.entries(browserPrograms)) {
    sizes[`${name}, with effect, minified and gzipped`] = gzipSync(
      await bundle(folder, program)
    ).byteLength
  }
  return sizes
}

if (import.meta.main) {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-tarballs-"))
  const project = make(OLDEST_NODE)
  try {
    build()
    const tarballs = pack(folder)
    install(project, tarballs, [locked("effect")])
    const sizes = await measure(project.folder, tarballs)
    Fs.writeFileSync(RECORDED, `${JSON.stringify(sizes, null, 2)}\n`)
  } finally {
    project.remove()
    Fs.rmSync(folder, { recursive: true })
  }
}
