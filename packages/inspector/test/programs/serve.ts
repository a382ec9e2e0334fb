/** Serves the shop of the browser tests, so that a person can look at its inspector. */
import { start } from "../inspectedShop.ts"

const shop = await start({ port: 4711, orders: 400 })
process.stdout.write(`${shop.url}\n`)
