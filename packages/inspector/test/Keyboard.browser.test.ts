import { assert, describe, it } from "@effect/vitest"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import { openedShop } from "./openedShop.ts"

const { open, shop } = openedShop()

const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
  )

const isInDialog = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>("document.activeElement.closest('dialog') !== null")

describe("a dialog", () => {
  it("takes a reason with blanks that is typed at once", async () => {
    const { page, faults } = await open("operation#order_summary")
    await page.getByRole("button", { name: "Pause…" }).click()
    const dialog = page.getByRole("dialog", { name: "Pause order_summary?" })
    await dialog.waitFor()
    await page.keyboard.type("to look at it")
    assert.strictEqual(await dialog.getByLabel("Reason").inputValue(), "to look at it")
    await page.keyboard.press("Escape")
    await dialog.waitFor({ state: "detached" })
    assert.strictEqual(await focused(page), "Pause…")
    assert.deepStrictEqual(faults, [])
    await page.close()
  })

  it("keeps the focus until it is left, and gives it back after an act", async () => {
    const { page } = await open("operation#customer_orders")
    const opener = page.getByRole("button", { name: "Pause…" })
    await opener.click()
    await page.getByRole("dialog").waitFor()
    for (const key of ["Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"]) {
      await page.keyboard.press(key)
      assert.isTrue(await isInDialog(page), key)
    }
    await page.getByRole("dialog").getByRole("button", { name: "Pause", exact: true }).click()
    await page.getByText("customer_orders is paused").waitFor()
    assert.strictEqual(await focused(page), "Let it go on…")
    await page.keyboard.press("Enter")
    await page.getByRole("dialog").getByRole("button", { name: "Let it go on" }).click()
    await page.getByText("customer_orders goes on").waitFor()
    await page.close()
  })

  it("of the keys gives the focus back to its button", async () => {
    const { page } = await open("streams")
    await page.getByRole("button", { name: "Keys" }).click()
    await page.getByRole("dialog", { name: "Keys" }).waitFor()
    assert.strictEqual(await focused(page), "Close")
    await page.keyboard.press("u")
    await page.keyboard.press("Enter")
    await page.getByRole("dialog").waitFor({ state: "detached" })
    assert.strictEqual(await focused(page), "Keys")
    assert.strictEqual(await page.getByRole("button", { name: "Times: Europe/London" }).count(), 1)
    await page.close()
  })
})

describe("a single key", () => {
  it("does not act while a field has the focus", async () => {
    const { page } = await open("streams")
    await page.getByRole("searchbox").focus()
    await page.keyboard.type("u?tgl ")
    assert.strictEqual(await page.getByRole("dialog").count(), 0)
    assert.match(page.url(), /\/streams/)
    assert.strictEqual(await page.getByRole("button", { name: "Times: Europe/London" }).count(), 1)
    await page.getByLabel("Order by").focus()
    await page.keyboard.press("u")
    assert.strictEqual(await page.getByRole("button", { name: "Times: Europe/London" }).count(), 1)
    await page.close()
  })

  it("does not pause the log when it presses a control", async () => {
    const { page } = await open("log")
    await page.getByText("following").waitFor()
    await page.getByLabel("data in a line").focus()
    await page.keyboard.press(" ")
    assert.isTrue(await page.getByLabel("data in a line").isChecked())
    assert.strictEqual(await page.getByText("paused").count(), 0)
    await page.close()
  })

  for (const [screen, ready] of [
    ["streams", "order-ada-wpdh"],
    ["log", "OrderCreated"],
    ["read-models", "order_summary"],
    ["read-models/order_summary", "ada-wpdh"],
    ["read-models/order_summary/ada-wpdh", "ItemAdded"],
    ["streams/order-ada-wpdh", "ItemAdded"],
    ["operation", "order_summary"],
    ["catalogue", "ItemAdded"]
  ] as const) {
    it(`moves from line to line: ${screen}`, async () => {
      const { page, faults } = await open(screen)
      await page.locator("main").getByText(ready, { exact: true }).first().waitFor()
      const line = () =>
        page.evaluate<number>(
          "[...document.querySelectorAll('main tbody tr, main ul.types li')].findIndex((line) => line.contains(document.activeElement))"
        )
      await page.keyboard.press("j")
      await expect.poll(line).toBeGreaterThanOrEqual(0)
      const [first, name] = [await line(), await focused(page)]
      await page.keyboard.press("j")
      await expect.poll(line).toBeGreaterThan(first)
      await page.keyboard.press("k")
      await expect.poll(line).toBe(first)
      assert.strictEqual(await focused(page), name)
      assert.deepStrictEqual(faults, [])
      await page.close()
    })
  }
})

describe("a narrow page", () => {
  it("turns to UTC by a button", async () => {
    const { page } = await open("streams/order-ada-wpdh", { width: 360, height: 740 })
    await page.getByRole("button", { name: "Times: London" }).click()
    await page.getByRole("button", { name: "Times: UTC" }).waitFor()
    await page.close()
  })

  it("keeps the place in a stream while another tab is shown, and on the way back", async () => {
    await shop().executeAll(
      "long",
      Array.from({ length: 120 }, (_, index) => ({
        at: new Date(Date.UTC(2026, 10, 26, 8, index)).toISOString(),
        by: "Priya",
        command:
          index === 0
            ? ({ _tag: "CreateOrder", customerId: "felix", currency: "GBP" } as const)
            : ({
                _tag: "AddItem",
                productId: `product-${index}`,
                name: `Product ${index}`,
                quantity: 1,
                unitPrice: { currency: "GBP", minor: 100 }
              } as const)
      }))
    )
    const { page } = await open("streams/order-long?rev=100", { width: 360, height: 740 })
    const list = page.getByRole("group", { name: "Events of the stream" })
    await list.getByText("Product 99", { exact: false }).first().waitFor()
    const top = () =>
      page.evaluate<string | undefined>(
        "[...document.querySelectorAll('.view tr[data-index]')].find((line) => line.getBoundingClientRect().bottom > document.querySelector('.view').getBoundingClientRect().top + 1)?.dataset.index"
      )
    await page.evaluate("document.querySelector('.view').scrollTo(0, 2400)")
    let before = await top()
    // Lines get their heights as they come into view, until none moves any more.
    await expect
      .poll(async () => {
        const last = before
        before = await top()
        return before === last
      })
      .toBe(true)
    await page.getByRole("button", { name: "State", exact: true }).click()
    await list.waitFor({ state: "hidden" })
    await page.getByRole("button", { name: "Events", exact: true }).click()
    await expect.poll(top).toBe(before)
    await page.getByRole("link", { name: "Read models" }).click()
    await page.getByRole("heading", { name: "Read models" }).waitFor()
    await page.goBack()
    // It returns to the beginning of the line that was cut at the top.
    const away = async () => Math.abs(Number(await top()) - Number(before))
    await expect.poll(away).toBeLessThanOrEqual(1)
    await page.close()
  })
})

describe("the foot", () => {
  it("says the settled position as it grows", async () => {
    const { page } = await open("read-models")
    const foot = page.locator(".foot")
    await foot.getByText("settled to position").waitFor()
    const before = await foot.innerText()
    await shop().execute("settled-1", [
      {
        at: "2026-11-30T08:00:00Z",
        by: "Priya",
        command: { _tag: "CreateOrder", customerId: "felix", currency: "GBP" }
      }
    ])
    await expect.poll(() => foot.innerText()).not.toBe(before)
    await page.close()
  })
})
