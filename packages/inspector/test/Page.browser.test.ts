import { aggregate } from "@daybook/order/Order"
import { OrderSummary } from "@daybook/order/OrderSummary"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll } from "vitest"
import * as Chromium from "./browser.ts"
import { ada, NO_CARRIER, POISON, SCRIPT, start } from "./inspectedShop.ts"

let browser: Browser
let shop: Awaited<ReturnType<typeof start>>

beforeAll(async () => {
  browser = await Chromium.launch()
  shop = await start()
})

afterAll(async () => {
  await browser?.close()
  await shop?.dispose()
})

const open = (path: string, options?: Parameters<typeof Chromium.open>[2]) =>
  Chromium.open(browser, `${shop.url}/${path}`, options)

const create = (customerId: string, by = "Priya") =>
  ({
    at: "2026-11-30T08:00:00Z",
    by,
    command: { _tag: "CreateOrder", customerId, currency: "GBP" }
  }) as const

/** Waits for the state at a revision, and returns its lines as the page shows them. */
const stateShown = async (page: Page, revision: number): Promise<ReadonlyArray<string>> => {
  const sheet = page.getByRole("region", { name: "State" })
  await sheet.getByRole("heading", { name: `State at revision ${revision}`, exact: true }).waitFor()
  const rows = await sheet.locator("table.kv tbody tr:not(.del, .sum)").all()
  return Promise.all(
    rows.map(async (row) => {
      const cells = await row.locator("th, td:not(.mk)").all()
      const texts = cells.map(async (cell) => {
        const now = cell.locator("ins")
        const text = await ((await now.count()) > 0 ? now : cell).textContent()
        return (text ?? "").replace("now ", "")
      })
      return (await Promise.all(texts)).join("|")
    })
  )
}

/** Returns the lines of a state of an order as `loadAt` gives it. */
const stateLoaded = async (id: string, revision: number): Promise<ReadonlyArray<string>> => {
  const { state } = await shop.stateAt(id, revision)
  const json = Schema.encodeSync(Schema.toCodecJson(aggregate.state))(state) as Record<
    string,
    unknown
  >
  return Object.entries(json).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.map((line: Record<string, string | number>) => Object.values(line).join("|"))
      : typeof value === "object" && value !== null
        ? Object.entries(value).map(([field, text]) => `${field}|${text}`)
        : [`${name}|${String(value)}`]
  )
}

describe("a stream", () => {
  it("is found, and its state is that of loadAt at every revision", async () => {
    const { page, faults } = await open("streams")
    await page.keyboard.press("/")
    await page.keyboard.type("order-ada")
    await page.getByRole("link", { name: "order-ada-wpdh" }).click()
    const slider = page.getByRole("slider", { name: "Revision" })
    await slider.focus()
    await page.keyboard.press("Home")
    for (let revision = 1; revision <= ada.length; revision += 1) {
      await page.keyboard.press("ArrowRight")
      assert.deepStrictEqual(
        await stateShown(page, revision),
        await stateLoaded("ada-wpdh", revision),
        `revision ${revision}`
      )
    }
    assert.match(page.url(), /\/streams\/order-ada-wpdh\?rev=11$/)
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("marks what changed in its place, and tells who did it and how it is stored", async () => {
    const { page } = await open("streams/order-ada-wpdh?rev=8")
    await stateShown(page, 8)
    const removed = page.locator(".t-state tr.del")
    assert.strictEqual(await removed.count(), 1)
    assert.include(await removed.innerText(), "Hanging heart T-light holder")
    const event = page.getByRole("region", { name: "Event 8" })
    await event.getByText("out of stock until spring").first().waitFor()
    assert.include(await event.innerText(), "as stored")
    assert.include(await page.getByRole("region", { name: "Cause" }).innerText(), "Priya")
    await page.close()
  })

  it("stands between events by time, and is compared with any revision", async () => {
    const { page } = await open("streams/order-ada-wpdh?at=2026-11-26T15:00:00Z")
    await stateShown(page, 7)
    await page.getByText("as of Thu 26 Nov, 15:00:00").waitFor()
    await page.goto(`${shop.url}/streams/order-ada-wpdh?rev=11&against=2`)
    await page.getByRole("heading", { name: "State at revision 11, against 2" }).waitFor()
    await page.close()
  })

  it("takes no key while something is typed, and no single key when they are off", async () => {
    const { page } = await open("streams/order-ada-wpdh?rev=5")
    await stateShown(page, 5)
    await page.keyboard.press("]")
    await stateShown(page, 11)
    await page.keyboard.press("?")
    await page.getByLabel("Single keys act").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Home")
    assert.match(page.url(), /rev=11$/)
    await page.close()
  })
})

describe("a row", () => {
  it("is explained to the row that its projection folds", async () => {
    const { page, faults } = await open("read-models/order_summary/ada-wpdh")
    await page.locator("[data-verdict=equal]").waitFor()
    const steps = page.getByRole("table", { name: "What became of the row" })
    assert.strictEqual(await steps.locator("a.ev").count(), ada.length)
    // The words for screen readers beside the marks are no part of the row.
    await page.evaluate('for (const said of document.querySelectorAll("pre .sr")) said.remove()')
    const shown: unknown = JSON.parse((await page.getByLabel("The row after").textContent()) ?? "")
    const folded = Option.getOrThrow(await shop.rowOf("ada-wpdh"))
    const { orderId, status, createdAt } = Schema.encodeSync(Schema.toCodecJson(OrderSummary))(
      folded
    ) as Record<string, unknown>
    assert.deepInclude(shown, { orderId, status, createdAt })
    assert.deepStrictEqual(faults, [])
    await page.close()
  })
})

describe("the log", () => {
  it("shows an event when it is settled, and counts what comes while it is paused", async () => {
    const { page, faults } = await open("log")
    await page.getByText("following").waitFor()
    await shop.execute("live-1", [create("live")])
    await page.getByText("order-live-1").waitFor()
    await page.keyboard.press(" ")
    await page.getByText("paused").waitFor()
    await shop.execute("live-2", [create("live")])
    await page.getByRole("button", { name: "Show 1 event" }).click()
    await page.getByText("order-live-2").waitFor()
    assert.deepStrictEqual(faults, [])
    await page.close()
  })
})

describe("operation", () => {
  it("asks once before a rebuild, and shows its verdict", async () => {
    const { page, faults } = await open("operation#order_summary")
    await page.getByRole("button", { name: "Rebuild…" }).click()
    const dialog = page.getByRole("dialog", { name: "Rebuild order_summary?" })
    await dialog.getByLabel("Reason").fill("to see that it can be")
    await dialog.getByRole("button", { name: "Rebuild", exact: true }).click()
    await page.getByRole("region", { name: "Rebuilt lately" }).getByText("equal").waitFor()
    await page.getByText("gen 2").waitFor()
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("shows the event that stopped a read model, and skips it with a reason only", async () => {
    await shop.execute("poisoned", [create(POISON)])
    const { page } = await open("operation")
    const sheet = page.getByRole("region", { name: "fragile_counts has stopped" })
    await sheet.getByText("cannot count the orders of poison").waitFor()
    await sheet.getByText(`"${POISON}"`).waitFor()
    await sheet.getByRole("button", { name: "Skip the event…" }).click()
    const dialog = page.getByRole("dialog", { name: "Skip one event" })
    await dialog.getByRole("button", { name: "Skip the event" }).click()
    await dialog.getByText("say one").waitFor()
    await dialog.getByLabel("Reason").fill("it is a test")
    await dialog.getByRole("button", { name: "Skip the event" }).click()
    await page.getByText("Nothing has stopped").waitFor()
    await page.close()
  })
})

describe("a reactor", () => {
  it("shows the key that an event holds, and goes on without the event once that is asked", async () => {
    const by = "Priya"
    const at = "2026-11-30T09:00:00Z"
    const item = { productId: "clock", name: "Alarm clock", quantity: 1 }
    await shop.execute("held-1", [
      create("hugo"),
      {
        at,
        by,
        command: { _tag: "AddItem", ...item, unitPrice: { currency: "GBP", minor: 375 } }
      },
      {
        at,
        by,
        command: {
          _tag: "UpdateShippingAddress",
          address: {
            recipient: "Hugo",
            line1: "3 Park Row",
            city: "Leeds",
            postalCode: "LS1 5HN",
            country: "GB"
          }
        }
      },
      { at, by, command: { _tag: "ConfirmOrder" } },
      { at, by, command: { _tag: "ShipOrder", carrier: NO_CARRIER, tracking: "1" } }
    ])
    const { page, faults } = await open("operation")
    const sheet = page.getByRole("region", { name: "Keys held in parcels" })
    await sheet.getByText("no carrier takes the parcel").waitFor()
    await sheet.getByRole("button", { name: "Leave out…" }).click()
    const dialog = page.getByRole("dialog", { name: "Leave out one event for parcels?" })
    await dialog.getByLabel("Reason").fill("it is a test")
    await dialog.getByRole("button", { name: "Leave the event out" }).click()
    await sheet.waitFor({ state: "detached" })
    assert.deepStrictEqual(faults, [])
    await page.close()
  })
})

const views = [
  "streams?q=order-",
  "streams/order-ada-wpdh?rev=8",
  "read-models",
  "read-models/order_summary",
  "read-models/order_summary/ada-wpdh?step=8",
  "log",
  "operation#order_summary",
  "catalogue/order/OrderCreated"
]

const axe = Fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

interface Violations {
  readonly violations: ReadonlyArray<{
    readonly id: string
    readonly impact: string
    readonly nodes: ReadonlyArray<{ readonly html: string }>
  }>
}

describe("every view", () => {
  for (const path of views) {
    it(`passes axe in both themes, and does not scroll sideways at 360 pixels: ${path}`, async () => {
      const { page, faults } = await open(path)
      for (const { height, theme, width } of [
        { theme: "light", width: 1440, height: 1000 },
        { theme: "dark", width: 360, height: 800 }
      ] as const) {
        await page.emulateMedia({ colorScheme: theme })
        await page.setViewportSize({ width, height })
        await page.locator("main table, main pre").first().waitFor()
        await page.locator("[aria-busy=true]").waitFor({ state: "detached" })
        // By the debugger, whose scripts no policy of the page forbids.
        const { violations } = await page.evaluate<Violations>(
          `${axe}; axe.run(document, { resultTypes: ["violations"] })`
        )
        assert.deepStrictEqual(
          violations.map(({ id, impact, nodes }) => `${impact}: ${id} ${nodes[0]?.html}`),
          [],
          theme
        )
        const isWide = await page.evaluate<boolean>(
          "document.documentElement.scrollWidth > innerWidth"
        )
        assert.isFalse(isWide, `at ${width} px`)
      }
      assert.deepStrictEqual(faults, [])
      await page.close()
    })
  }

  it("shows script in stored text as text", async () => {
    const order = "hostile-1"
    await shop.execute(order, [
      create(SCRIPT, SCRIPT),
      {
        ...create("", SCRIPT),
        command: {
          _tag: "AddItem",
          productId: SCRIPT,
          name: SCRIPT,
          quantity: 1,
          unitPrice: { currency: "GBP", minor: 1 }
        }
      },
      {
        ...create("", SCRIPT),
        command: { _tag: "CancelOrder", reason: SCRIPT }
      }
    ])
    const { page } = await open("streams")
    for (const path of [
      "streams?q=*hostile*",
      `streams?q=${encodeURIComponent(SCRIPT)}`,
      `streams/order-${order}`,
      `streams/${encodeURIComponent(SCRIPT)}`,
      "read-models/order_summary?where=orderId:hostile-1",
      `read-models/order_summary/${order}`,
      `read-models/customer_orders/${order}`,
      `read-models/${encodeURIComponent(SCRIPT)}`,
      "log?data=1"
    ]) {
      await page.goto(`${shop.url}/${path}`)
      await page.getByText("onerror").first().waitFor()
      assert.strictEqual(await page.locator("img").count(), 0, path)
      assert.notStrictEqual(await page.title(), "run", path)
    }
    await page.close()
  })

  it("paints its frame before its script runs, and the same after it", async () => {
    const page = await browser.newPage()
    const held = Promise.withResolvers<void>()
    await page.route("**/assets/*.js", async (route) => {
      await held.promise
      await route.continue()
    })
    await page.goto(`${shop.url}/streams`, { waitUntil: "commit" })
    const names = () => page.getByRole("navigation", { name: "Inspector" }).innerText()
    await page.getByRole("link", { name: "Catalogue" }).waitFor()
    const before = await names()
    assert.strictEqual(await page.getByRole("heading").count(), 0)
    held.resolve()
    await page.getByRole("heading", { name: "Streams" }).waitFor()
    assert.strictEqual(await names(), before)
    await page.close()
  })

  it("says that a screen cannot be shown whose script is gone, and shows it after a load", async () => {
    const page = await browser.newPage()
    await page.route("**/assets/CataloguePage-*.js", (route) => route.abort())
    await page.goto(`${shop.url}/read-models`)
    await page.getByRole("heading", { name: "Read models" }).waitFor()
    await page.getByRole("link", { name: "Catalogue" }).click()
    const problem = page.getByRole("alert").filter({ hasText: "Cannot show this screen" })
    await problem.waitFor()
    await page.unroute("**/assets/CataloguePage-*.js")
    await problem.getByRole("button", { name: "Load the page again" }).click()
    await page.getByRole("heading", { name: "Catalogue" }).waitFor()
    await page.close()
  })

  it("is below 250 kB compressed at first", async () => {
    const page = await browser.newPage()
    let bytes = 0
    page.on("requestfinished", (request) => {
      if (!request.url().includes("/api/")) {
        void request.sizes().then(({ responseBodySize }) => {
          bytes += responseBodySize
        })
      }
    })
    await page.goto(`${shop.url}/streams`, { waitUntil: "networkidle" })
    assert.isAbove(bytes, 10_000)
    assert.isBelow(bytes, 250_000)
    await page.close()
  })
})
