/**
 * Prints the addresses of a served shop.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Output from "./Output.ts"
import type { Settings } from "./Settings.ts"
import * as Stores from "./Stores.ts"

/**
 * Prints the addresses; the first line has the one that clients need.
 *
 * @category operations
 * @since 0.1.0
 */
export const print = Effect.fnUntraced(function* (
  { store, tokens }: Settings,
  address: HttpServer.HttpServer["Service"]["address"]
) {
  const style = yield* Output.style
  const url = HttpServer.formatAddress(address)
  const facts = [
    ["store", Stores.describe(store)],
    [
      "callers",
      tokens === undefined
        ? "all on this machine may do everything"
        : Output.count(tokens.length, "token")
    ],
    ["orders", `${url}/orders/{id}`],
    ["reference", `${url}/docs`]
  ] as const
  yield* Console.log(`${style.bold("The shop serves on")} ${style.cyan(url)}`)
  yield* Effect.forEach(facts, ([name, fact]) =>
    Console.log(`  ${style.dim(Output.pad(name, 9))}  ${fact}`)
  )
  yield* Console.log(style.dim("Ctrl-C ends it."))
})
