/**
 * Tells the addresses of a served shop: to a person at a terminal, or in the log.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import process from "node:process"
import * as Output from "./Output.ts"
import type { Settings } from "./Settings.ts"
import * as ShopInspector from "./ShopInspector.ts"
import * as Stores from "./Stores.ts"

/**
 * Tells the address of the shop: as a page at a terminal, and elsewhere as one record of the log,
 * so that programs can read all of standard output.
 *
 * @category operations
 * @since 0.1.0
 */
export const tell = (settings: Settings, address: HttpServer.HttpServer["Service"]["address"]) =>
  Effect.suspend(() => {
    const url = HttpServer.formatAddress(address)
    return process.stdout.isTTY
      ? print(settings, url)
      : Effect.logInfo(`The shop serves on ${url} from ${Stores.describe(settings.store)}`)
  })

/**
 * Prints the page.
 *
 * @category operations
 * @since 0.1.0
 */
export const print = Effect.fnUntraced(function* ({ store, tokens }: Settings, url: string) {
  const style = yield* Output.style
  const facts = [
    ["store", Stores.describe(store)],
    [
      "callers",
      tokens === undefined
        ? "all on this machine may do everything"
        : Output.count(tokens.length, "token")
    ],
    ["orders", `${url}/orders/{id}`],
    ["inspector", `${url}${ShopInspector.PATH}`],
    ["reference", `${url}/docs`],
    ["health", `${url}/health/ready`],
    ["metrics", `${url}/metrics`]
  ] as const
  yield* Console.log(`${style.bold("The shop serves on")} ${style.cyan(url)}`)
  yield* Effect.forEach(facts, ([name, fact]) =>
    Console.log(`  ${style.dim(Output.pad(name, 9))}  ${fact}`)
  )
  yield* Console.log(style.dim("Ctrl-C ends it."))
})
