import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

// What runs through PgBouncer, which npm does not have: Debian's package `pgbouncer`.
export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // More than there are cores: a test file often waits for a server or for a process.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    projects: globSync("packages/*/package.json")
      .map(dirname)
      .map((root) => ({
        extends: true,
        test: { name: root, root, include: ["test/**/*.pooler.test.ts"] }
      }))
  }
})
