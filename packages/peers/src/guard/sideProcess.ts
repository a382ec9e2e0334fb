/**
 * The process of a side: it opens one row with the packages of one checkout, and takes a turn for
 * each line of its input, the seconds of the turn.
 *
 * Arguments: the root of the checkout, and the title of the row. `DATABASE_URL` names an empty
 * database.
 */
import { registerHooks } from "node:module"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import type { Message } from "./Message.ts"
import { importer } from "./resolution.ts"
import * as Row from "./Row.ts"

const [, , root = "", title = ""] = process.argv

const packagesOf = (checkout: string) => pathToFileURL(Path.join(checkout, "packages", "/")).href
const driver = packagesOf(Path.join(import.meta.dirname, "../../../.."))
const side = packagesOf(root)

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier, {
      ...context,
      parentURL: importer(specifier, context.parentURL, driver, side)
    })
})

const say = (message: Message) => process.stdout.write(`${JSON.stringify(message)}\n`)

// From here on packages are those of the side. One that lacks what a row imports does not offer it.
const load = async () => {
  const { run } = await import("./turns.ts")
  const row = Row.all.find((row) => Row.title(row) === title)
  if (row === undefined) throw new Error(`No row is named ${title}`)
  const { open } =
    row.module === "store" ? await import("./storeWork.ts") : await import("./readModelWork.ts")
  return run(open(row), say)
}

await load().catch((error: unknown) => {
  say({ _tag: "NotOffered", reason: error instanceof Error ? error.message : String(error) })
})
