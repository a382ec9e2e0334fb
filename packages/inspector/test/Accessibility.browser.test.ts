import { assert, describe, it } from "@effect/vitest"
import type { Page } from "playwright-core"
import { beforeAll } from "vitest"
import { POISON } from "./inspectedShop.ts"
import { openedShop } from "./openedShop.ts"

const { open, shop } = openedShop({ orders: 6 })

beforeAll(() =>
  shop().execute("poisoned", [
    {
      at: "2026-11-26T17:13:01Z",
      by: "web",
      command: { _tag: "CreateOrder", customerId: POISON, currency: "GBP" }
    }
  ])
)

interface Node {
  readonly role: string
  readonly name: string
}

/** Returns the nodes of the accessibility tree that have a role, in their order. */
const treeOf = async (page: Page): Promise<ReadonlyArray<Node>> =>
  (await page.locator("body").ariaSnapshot()).split("\n").flatMap((line) => {
    const [, role = "", quoted = '""'] =
      /^\s*- '?([a-z]+)(?: ("(?:[^"\\]|\\.)*"))?/.exec(line) ?? []
    return role === "" ? [] : [{ role, name: String(JSON.parse(quoted)) }]
  })

const operated = new Set([
  "button",
  "checkbox",
  "combobox",
  "progressbar",
  "searchbox",
  "slider",
  "spinbutton",
  "textbox"
])

/** What a person who does not see the page moves between, or is told the name of. */
const named = new Set([...operated, "dialog", "img", "link", "navigation", "region", "table"])

const landmarks = ["banner", "main", "contentinfo"]

const tools = ["button Times: Europe/London", "button Light or dark", "button Keys"]

const copy = "button Copy link"

const views: ReadonlyArray<{
  readonly path: string
  /** A text that stands there once the view is whole. */
  readonly ready: string
  readonly controls: ReadonlyArray<string>
  readonly tables: ReadonlyArray<string>
  /** What the live regions of the view say. */
  readonly says: ReadonlyArray<string>
}> = [
  {
    path: "streams?q=order-",
    ready: "order-ada-wpdh",
    controls: ["searchbox Find a stream", "combobox Changed since", "combobox Order by"],
    tables: ["Streams"],
    says: ["8 streams begin with order-"]
  },
  {
    path: "streams/order-ada-wpdh?rev=8",
    ready: "out of stock until spring",
    controls: [
      copy,
      "button Print extract",
      "button A revision back",
      "button A revision on",
      "button occurred",
      "button recorded",
      "combobox Compare with",
      "slider Revision",
      "slider Time"
    ],
    tables: [
      "Events of the stream",
      "Values of the state",
      "lines [3, was 4]",
      "address",
      "Order after",
      "What it came of"
    ],
    says: ["Revision 8 of 11"]
  },
  {
    path: "read-models",
    ready: "order_summary",
    controls: [],
    tables: ["Read models"],
    says: []
  },
  {
    path: "read-models/order_summary",
    ready: "ada-wpdh",
    controls: ["textbox as of", copy, "searchbox Filter rows", "textbox differences since"],
    tables: ["Rows of order_summary"],
    says: ["8 rows as of position"]
  },
  {
    path: "read-models/order_summary/ada-wpdh?step=8",
    ready: "Step 8: ItemRemoved",
    controls: ["textbox as of", copy, "button A step back", "button A step on"],
    tables: ["The row", "What became of the row, event by event"],
    says: []
  },
  {
    path: "log",
    ready: "order-ada-wpdh",
    controls: ["button Pause", "searchbox Filter the log", "checkbox data in a line"],
    tables: ["Events of the log"],
    says: ["following, a line as it is settled"]
  },
  {
    path: "operation#order_summary",
    ready: "cannot count the orders of poison",
    controls: [
      "button Stop looking",
      "button Retry…",
      "button Skip the event…",
      "button Pause…",
      "button Rebuild…",
      "button Close"
    ],
    tables: ["Read models", "Reactors", "Generations and the last act"],
    says: ["4 read models and 1 reactor, 1 stopped"]
  },
  {
    path: "catalogue/order/OrderCreated",
    ready: "streams with it",
    controls: ["button Export for EventCatalog", "searchbox Find a type or a field"],
    tables: ["Fields by version", "What folds it"],
    says: []
  }
]

describe("the accessibility tree", () => {
  for (const { controls, path, ready, says, tables } of views) {
    it(`has each landmark, control and table with its name: ${path}`, async () => {
      const { page } = await open(path)
      await page.locator("main").getByText(ready).first().waitFor()
      for (const text of says) {
        await page.getByRole("status").filter({ hasText: text }).first().waitFor()
      }
      const tree = await treeOf(page)
      assert.deepStrictEqual(
        tree.filter(({ name, role }) => named.has(role) && name === ""),
        []
      )
      const count = (wanted: string) => tree.filter(({ role }) => role === wanted).length
      assert.deepStrictEqual(landmarks.map(count), [1, 1, 1])
      assert.strictEqual(await page.getByRole("heading", { level: 1 }).count(), 1)
      assert.deepStrictEqual(
        tree.filter(({ role }) => operated.has(role)).map(({ name, role }) => `${role} ${name}`),
        [...tools, ...controls]
      )
      assert.deepStrictEqual(
        tree.filter(({ role }) => role === "table").map(({ name }) => name),
        tables
      )
      const current = await page
        .getByRole("navigation", { name: "Inspector" })
        .locator("[aria-current=page]")
        .allTextContents()
      assert.strictEqual(current.length, 1)
      await page.close()
    })
  }

  it("has a dialog with its name, its field and what is wrong with it", async () => {
    const { page } = await open("operation")
    await page.getByRole("button", { name: "Skip the event…" }).click()
    const dialog = page.getByRole("dialog", { name: "Skip one event for fragile_counts?" })
    await dialog.getByRole("button", { name: "Skip the event" }).click()
    await page.getByRole("alert").filter({ hasText: "say one" }).waitFor()
    const reason = dialog.getByRole("textbox", { name: "Reason" })
    assert.strictEqual(await reason.getAttribute("aria-invalid"), "true")
    const inDialog = await dialog.ariaSnapshot()
    assert.match(inDialog, /button "Leave it stopped"/)
    await page.close()
  })

  it("says an act that was done, and a host that is gone", async () => {
    const { page } = await open("operation#order_summary")
    await page.getByRole("button", { name: "Pause…" }).click()
    await page.getByRole("dialog").getByRole("button", { name: "Pause", exact: true }).click()
    await page.getByRole("status").filter({ hasText: "order_summary is paused" }).waitFor()
    await page.route("**/api/operation*", (route) => route.abort())
    await page.getByRole("alert").filter({ hasText: "Cannot read the operation" }).waitFor()
    await page.close()
  })

  it("has the ruler of streams as a slider that keys move", async () => {
    // The ruler has a bucket for each hour in which streams changed.
    await shop().executeAhead(3_600_000 * 5, "ahead-1", [
      {
        at: "2026-11-26T17:13:01Z",
        by: "web",
        command: { _tag: "CreateOrder", customerId: "felix", currency: "GBP" }
      }
    ])
    const { page } = await open("streams")
    const ruler = page.getByRole("slider", { name: "All of them by their last change" })
    await ruler.focus()
    assert.strictEqual(await ruler.getAttribute("aria-valuenow"), "1")
    await page.keyboard.press("ArrowDown")
    await page.getByText("from 2 on").waitFor()
    assert.strictEqual(await ruler.getAttribute("aria-valuenow"), "2")
    await page.close()
  })
})
