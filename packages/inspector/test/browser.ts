/** A Chromium of this machine, driven by `playwright-core`, which brings none of its own. */
import * as Fs from "node:fs"
import { chromium, type Browser, type Page } from "playwright-core"

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
]

/** Starts a browser. */
export const launch = async (): Promise<Browser> => {
  const executablePath = places.find((place) => Fs.existsSync(place))
  if (executablePath === undefined) {
    throw new Error(
      `There is no Chromium at ${places.join(" or ")}: install one (Debian: apt-get install chromium)`
    )
  }
  // As root, as in most containers, Chromium has no sandbox.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] })
}

export interface Opened {
  readonly page: Page
  /** What went wrong in the page: errors, refusals of its content security policy, and answers. */
  readonly faults: ReadonlyArray<string>
}

/** Opens a page in a zone and a theme of its own. */
export const open = async (
  browser: Browser,
  url: string,
  {
    height = 1000,
    theme = "light",
    width = 1440
  }: {
    readonly height?: number
    readonly theme?: "light" | "dark"
    readonly width?: number
  } = {}
): Promise<Opened> => {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: theme,
    timezoneId: "Europe/London",
    locale: "en-GB"
  })
  const faults: Array<string> = []
  page.on("pageerror", (error) => faults.push(String(error)))
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text())
  })
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`)
  })
  await page.goto(url)
  return { page, faults }
}
