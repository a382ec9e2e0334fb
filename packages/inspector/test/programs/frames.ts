/**
 * Reports the frames of the page on many streams and on a stream of many events: how long each took
 * while it is scrolled and while its slider moves, and how many lines are in the page.
 *
 *     node frames.ts [streams] [events]
 */
import type { Page } from "playwright-core"
import { launch, open } from "../browser.ts"
import { start } from "../inspectedShop.ts"

const [, , STREAMS = 100_000, EVENTS = 10_000] = process.argv.map(Number)
/** The commands of one append. */
const BATCH = 500

const shop = await start({ orders: 0 })
const at = "2026-11-26T08:00:00Z"
const create = { _tag: "CreateOrder", customerId: "felix", currency: "GBP" } as const

await shop.executeAll("long", [{ at, by: "Priya", command: create }])
for (let index = 0; index < EVENTS; index += BATCH) {
  await shop.executeAll(
    "long",
    Array.from({ length: BATCH }, (_, offset) => ({
      at: new Date(Date.parse(at) + 1000 * (index + offset)).toISOString(),
      by: "Priya",
      command: {
        _tag: "AddItem",
        productId: `product-${(index + offset) % 50}`,
        name: `Product ${(index + offset) % 50}`,
        quantity: 1,
        unitPrice: { currency: "GBP", minor: 100 }
      }
    }))
  )
}
await shop.createAll(Array.from({ length: STREAMS }, (_, index) => `s${index}`))

const browser = await launch()

/** Collects the times of frames while `act` runs, and says them. */
const frames = async (page: Page, name: string, act: () => Promise<void>): Promise<void> => {
  await page.evaluate(`
    globalThis.frames = []
    let last = performance.now()
    const next = (now) => { globalThis.frames.push(now - last); last = now; requestAnimationFrame(next) }
    requestAnimationFrame(next)
  `)
  await act()
  const times = (await page.evaluate<Array<number>>("globalThis.frames")).toSorted(
    (one, other) => one - other
  )
  const lines = await page.evaluate<number>('document.querySelectorAll("tr[data-index]").length')
  const quantile = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0).toFixed(1)
  process.stdout.write(
    `${name}: ${times.length} frames, ms at p50 ${quantile(0.5)}, p95 ${quantile(0.95)}, ` +
      `p99 ${quantile(0.99)}, most ${quantile(1)}; ${lines} lines in the page\n`
  )
}

const streams = await open(browser, `${shop.url}/streams?q=order-s&by=id`)
await streams.page.getByText("streams begin with").waitFor({ timeout: 120_000 })
await frames(streams.page, `scrolling ${STREAMS} streams`, async () => {
  for (let step = 0; step < 100; step += 1) await streams.page.mouse.wheel(0, 400)
})

const long = await open(browser, `${shop.url}/streams/order-long?rev=${EVENTS / 2}`)
await long.page.getByRole("heading", { name: `State at revision ${EVENTS / 2}` }).waitFor()
await frames(long.page, `sliding through ${EVENTS} events`, async () => {
  for (let step = 0; step < 100; step += 1) await long.page.keyboard.press("ArrowRight")
})
await long.page.getByRole("heading", { name: `State at revision ${EVENTS / 2 + 100}` }).waitFor()
await frames(long.page, `jumping through ${EVENTS} events`, async () => {
  for (let step = 0; step < 20; step += 1) {
    await long.page.keyboard.press(step % 2 === 0 ? "Home" : "End")
  }
})
await browser.close()
await shop.dispose()
