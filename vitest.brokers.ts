import { globSync } from "node:fs"
import { dirname } from "node:path"
import { configDefaults, defineConfig } from "vitest/config"

// What runs on message brokers: scripts/with-brokers.ts installs them.
// Brokers that somebody else runs are not killed.
const exclude =
  process.env["DAYBOOK_BROKERS"] === "given"
    ? [...configDefaults.exclude, "**/*Faults.brokers.test.ts"]
    : configDefaults.exclude

export default defineConfig({
  test: {
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One after the other: each file starts a broker, which takes memory and two cores.
    maxWorkers: 1,
    projects: globSync("packages/*/package.json")
      .map(dirname)
      .map((root) => ({
        extends: true,
        test: { name: root, root, include: ["test/**/*.brokers.test.ts"], exclude }
      }))
  }
})
