/**
 * Makes the pictures of the guide from the real page, in both themes. Debian has the fonts that
 * the page asks for in `fonts-urw-base35` and `fonts-noto-core`.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { launch, open } from "../browser.ts"
import { POISON, start } from "../inspectedShop.ts"

const folder = Path.resolve(import.meta.dirname, "../../../../docs/guide/inspector")

const views = [
  { name: "stream", path: "streams/order-ada-wpdh?rev=8", ready: "out of stock until spring" },
  {
    name: "row",
    path: "read-models/order_summary/ada-wpdh?step=8",
    ready: "equal to this fold"
  },
  { name: "operation", path: "operation", ready: "cannot count the orders of poison" }
] as const

const shop = await start()
await shop.execute("poisoned-1", [
  {
    at: "2026-11-26T17:13:01Z",
    by: "web",
    command: { _tag: "CreateOrder", customerId: POISON, currency: "GBP" }
  }
])
const browser = await launch()
Fs.mkdirSync(folder, { recursive: true })
for (const { name, path, ready } of views) {
  const { page } = await open(browser, `${shop.url}/${path}`, { width: 1280, height: 860 })
  await page.getByText(ready).first().waitFor()
  // Two samples of lags make a plot.
  if (name === "operation") await page.locator(".lag").waitFor()
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await page.screenshot({ path: Path.join(folder, `${name}-${theme}.png`) })
  }
  await page.close()
}
await browser.close()
await shop.dispose()
