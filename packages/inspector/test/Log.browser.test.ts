import { assert, describe, it } from "@effect/vitest"
import type { Page } from "playwright-core"
import { openedShop } from "./openedShop.ts"

const { open, shop } = openedShop()

const create = {
  at: "2026-11-30T08:00:00Z",
  by: "Priya",
  command: { _tag: "CreateOrder", customerId: "live", currency: "GBP" }
} as const

/** Holds the answers to a path of the API; the function that it returns lets them go. */
const hold = async (page: Page, path: string): Promise<() => void> => {
  const held = Promise.withResolvers<void>()
  await page.route(`**/api/${path}*`, async (route) => {
    await held.promise
    await route.continue()
  })
  return held.resolve
}

const line = (page: Page, order: string) =>
  page.locator("tr[data-index]").filter({ hasText: `order-${order}` })

describe("the log", () => {
  it("has an event that is recorded before its stream begins, once", async () => {
    const { page, faults } = await open("streams")
    const release = await hold(page, "log/live")
    const asked = page.waitForRequest("**/api/log/live*")
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await asked
    await shop().execute("between-1", [create])
    release()
    await line(page, "between-1").waitFor()
    assert.strictEqual(await line(page, "between-1").count(), 1)
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("has an event that is recorded before its first page is read, once", async () => {
    const { page, faults } = await open("streams")
    const release = await hold(page, "log?")
    const asked = page.waitForRequest("**/api/log?*")
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await asked
    await shop().execute("between-2", [create])
    release()
    await shop().execute("between-3", [create])
    await line(page, "between-3").waitFor()
    assert.strictEqual(await line(page, "between-2").count(), 1)
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("goes on where it stood after a pause of more events than it holds", async () => {
    await shop().execute("stood", [create])
    const { page, faults } = await open("log")
    await line(page, "stood").waitFor()
    await page.getByText("following").waitFor()
    await page.keyboard.press(" ")
    await page.getByText("paused").waitFor()
    await shop().createAll(Array.from({ length: 2300 }, (_, index) => `during-${index}`))
    await page.getByText("2,300 events").waitFor()
    await page.getByRole("button", { name: "Show the next 1,000 events" }).click()
    await page.getByText("1,300 events").waitFor()
    // The line at which it stood is in view, and the next event is the line above it.
    const stood = page.locator("tr.here")
    assert.include(await stood.innerText(), "order-stood")
    const box = await stood.boundingBox()
    assert.isAtMost((box?.y ?? 0) + (box?.height ?? 0), 1000)
    const above = page.locator(
      `tr[data-index="${Number(await stood.getAttribute("data-index")) - 1}"]`
    )
    const [at, next] = await Promise.all(
      [stood, above].map(async (row) =>
        Number((await row.locator("td").nth(1).textContent())?.replaceAll(",", ""))
      )
    )
    assert.strictEqual(next, (at ?? 0) + 1)
    await page.getByRole("button", { name: "Show the next 1,000 events" }).click()
    await page.getByRole("button", { name: "Show 300 events" }).click()
    await page.getByText("following").waitFor()
    await shop().execute("after-the-pause", [create])
    await line(page, "after-the-pause").waitFor()
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("reads the events of a long pause again when their connection was lost", async () => {
    const { page } = await open("log")
    await page.getByText("following").waitFor()
    await page.keyboard.press(" ")
    await page.getByText("paused").waitFor()
    await shop().createAll(Array.from({ length: 1010 }, (_, index) => `lost-${index}`))
    await page.getByText("1,010 events").waitFor()
    let isLost = false
    await page.route("**/api/log/live*", async (route) => {
      if (isLost) return route.continue()
      isLost = true
      return route.abort()
    })
    await page.getByRole("button", { name: "Show the next 1,000 events" }).click()
    await page.getByRole("button", { name: "Show 10 events" }).click()
    await page.getByText("following").waitFor()
    assert.isTrue(isLost)
    await page.close()
  })

  it("leaves a long pause for the newest events, with the others below them", async () => {
    const { page } = await open("log")
    await page.getByText("following").waitFor()
    await page.keyboard.press(" ")
    await shop().createAll(Array.from({ length: 1200 }, (_, index) => `left-${index}`))
    await page.getByText("1,200 events").waitFor()
    await page.getByRole("button", { name: "Go to the newest" }).click()
    await page.getByText("following").waitFor()
    await line(page, "left-11").first().waitFor()
    assert.strictEqual(await page.getByText("came since").count(), 0)
    await page.close()
  })

  it("stands still below a position that its address names, until it is to follow", async () => {
    const { page } = await open("log?before=20")
    await page.getByText("paused below position 20").waitFor()
    const first = page.locator("tr[data-index]:not(.day)").first()
    assert.include(await first.innerText(), "19")
    await shop().execute("later-1", [create])
    await page.getByRole("button", { name: "Follow" }).click()
    await line(page, "later-1").waitFor()
    assert.notInclude(page.url(), "before")
    await page.close()
  })

  it("counts the rate of the last minute", async () => {
    const { page } = await open("log")
    await page.getByText("following").waitFor()
    await page.getByText(/events\/s over the last \d+ s/).waitFor()
    await page.close()
  })
})

describe("a filter", () => {
  it("of the log keeps its rows while a condition is half typed, and says what it lacks", async () => {
    const { page, faults } = await open("log?q=type:OrderConfirmed")
    const lines = page.getByRole("table", { name: "Events of the log" }).locator("a.ev")
    await lines.first().waitFor()
    await page.keyboard.press("/")
    await page.keyboard.press("End")
    await page.keyboard.type(" actor:")
    await page.getByText("Not understood: actor:").waitFor()
    const types = new Set(await lines.allTextContents())
    assert.deepStrictEqual([...types], ["OrderConfirmed"])
    assert.strictEqual(await page.getByRole("searchbox").getAttribute("aria-invalid"), "true")
    await page.keyboard.type("Priya")
    await page.getByRole("button", { name: "Without actor:Priya" }).waitFor()
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("of rows keeps them while a condition is half typed or refused", async () => {
    const { page } = await open("read-models/order_summary")
    const lines = page.getByRole("table", { name: "Rows of order_summary" }).locator("a.id")
    await lines.first().waitFor()
    await page.keyboard.press("/")
    await page.keyboard.type("status:")
    await page.getByText("A value is missing after status:").waitFor()
    assert.isAbove(await lines.count(), 3)
    await page.getByRole("searchbox").fill("itemCount>many")
    await page.getByText("many is not allowed: it is a whole number from").waitFor()
    assert.isAbove(await lines.count(), 3)
    await page.getByRole("searchbox").fill("status:shipped")
    await page.getByText("A value is missing").waitFor({ state: "detached" })
    await page.close()
  })

  it("of streams keeps them while a name lacks its value", async () => {
    const { page, faults } = await open("streams")
    const lines = page.getByRole("table", { name: "Streams" }).locator("a.id")
    await lines.first().waitFor()
    await page.keyboard.press("/")
    await page.keyboard.type("actor:")
    await page.getByText("A value is missing after actor:").waitFor()
    assert.isAbove(await lines.count(), 3)
    assert.deepStrictEqual(faults, [])
    await page.close()
  })
})
