import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { configDefaults, defineConfig } from "vitest/config"
import { LongestFirst } from "./scripts/longestFirst.ts"

const folders = ["scripts", ...globSync("packages/*/package.json").map(dirname)]

export default defineConfig({
  test: {
    // A loaded machine is slow and not wrong: no test measures time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Tests start many processes with the same modules.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/compiled") },
    // More than there are cores: a test file often waits for a server or for a process.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    sequence: { sequencer: LongestFirst },
    // They need a pooler, brokers and a browser that npm does not have, or the registry of npm:
    // vitest.pooler.ts, vitest.brokers.ts, vitest.browser.ts, vitest.packages.ts.
    exclude: [...configDefaults.exclude, "**/*.{pooler,brokers,browser,packages}.test.ts"],
    projects: folders.map((root) => ({ extends: true, test: { name: root, root } }))
  }
})
