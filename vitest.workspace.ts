import { globSync } from "node:fs"
import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

const folders = ["scripts", ...globSync("packages/*/package.json").map(dirname)]

export default defineConfig({
  test: {
    // A loaded machine is slow and not wrong: no test measures time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: folders.map((root) => ({ extends: true, test: { name: root, root } }))
  }
})
