import { assert, describe, it } from "@effect/vitest"
import type { Page } from "playwright-core"
import { openedShop } from "./openedShop.ts"

const { open } = openedShop({ asksForToken: true })

const signIn = async (page: Page, token: string): Promise<void> => {
  await page.getByLabel("Token").fill(token)
  await page.getByRole("button", { name: "Open the log" }).click()
}

describe("a host that asks for a token", () => {
  for (const [path, ready] of [
    ["streams", "order-ada-wpdh"],
    ["read-models", "order_summary"],
    ["log", "OrderCreated"],
    ["catalogue", "ItemAdded"]
  ] as const) {
    it(`shows what was asked for once it has one: ${path}`, async () => {
      const { page } = await open(path)
      await page.getByRole("heading", { name: "Who are you?" }).waitFor()
      await signIn(page, "token-of-Priya")
      await page.locator("main").getByText(ready).first().waitFor()
      assert.strictEqual(await page.getByRole("alert").count(), 0)
      await page.locator(".foot").getByText("Priya").waitFor()
      // The tab keeps it.
      await page.reload()
      await page.locator("main").getByText(ready).first().waitFor()
      await page.close()
    })
  }

  it("refuses a wrong token, and takes the next one", async () => {
    const { page } = await open("streams")
    await signIn(page, "a wrong token")
    await page.getByText("The host does not know this token.").waitFor()
    assert.strictEqual(await page.getByLabel("Token").inputValue(), "")
    assert.strictEqual(await page.locator("main").getByText("order-").count(), 0)
    // Twice the same is refused twice.
    await signIn(page, "a wrong token")
    await page.getByText("The host does not know this token.").waitFor()
    await signIn(page, "token-of-Priya")
    await page.getByText("order-ada-wpdh").waitFor()
    await page.close()
  })

  it("withholds values from a caller without the right to them, until they are shown", async () => {
    const { page, faults } = await open("streams/order-ada-wpdh?rev=8")
    await signIn(page, "token-of-Ines")
    await page.getByText("Values are withheld from you here").first().waitFor()
    const main = page.locator("main")
    await main.getByText("ItemRemoved").first().waitFor()
    assert.strictEqual(await main.getByText("out of stock until spring").count(), 0)
    assert.strictEqual(await main.getByText("Hanging heart").count(), 0)
    await page.getByRole("button", { name: "Show values" }).first().click()
    await main.getByText("out of stock until spring").first().waitFor()
    await page.getByText("Values are withheld from you here").first().waitFor({ state: "detached" })
    // No act is offered to a caller without the permission.
    await page.keyboard.press("g")
    await page.keyboard.press("o")
    await page.getByRole("link", { name: "order_summary" }).click()
    await page.getByRole("region", { name: "order_summary" }).waitFor()
    assert.strictEqual(await page.getByRole("button", { name: "Pause…" }).count(), 0)
    assert.deepStrictEqual(
      faults.filter((fault) => !fault.includes("401")),
      []
    )
    await page.close()
  })
})
