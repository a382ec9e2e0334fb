import { globSync } from "node:fs"
import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

// What runs on message brokers: scripts/test-brokers.ts installs them.
export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One after the other: each file starts a broker, which takes memory and two cores.
    maxWorkers: 1,
    projects: globSync("packages/*/package.json")
      .map(dirname)
      .map((root) => ({
        extends: true,
        test: { name: root, root, include: ["test/**/*.brokers.test.ts"] }
      }))
  }
})
