/** A shop and a browser for the tests of a file. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll } from "vitest"
import * as Chromium from "./browser.ts"
import { start } from "./inspectedShop.ts"

/** Starts a shop and a browser before the tests of a file, and ends them after these. */
export const openedShop = (options?: Parameters<typeof start>[0]) => {
  let browser: Browser | undefined
  let shop: Awaited<ReturnType<typeof start>> | undefined
  beforeAll(async () => {
    browser = await Chromium.launch()
    shop = await start(options)
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.dispose()
  })
  const started = () => {
    if (browser === undefined || shop === undefined) throw new Error("The shop is not open")
    return { browser, shop }
  }
  return {
    shop: () => started().shop,
    open: (path: string, how?: Parameters<typeof Chromium.open>[2]) =>
      Chromium.open(started().browser, `${started().shop.url}/${path}`, how)
  }
}
