import { defineConfig } from "vitest/config"

// What runs in a browser, which npm does not have: Debian's package `chromium`.
export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    // One browser and one host for a file.
    maxWorkers: 1,
    root: "packages/inspector",
    include: ["test/**/*.browser.test.ts"]
  }
})
