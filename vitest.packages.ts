import { defineConfig } from "vitest/config"

// What installs the packages as tarballs, from the registry of npm.
export default defineConfig({
  test: {
    testTimeout: 300_000,
    hookTimeout: 600_000,
    // They share the tarballs and two cores.
    maxWorkers: 1,
    root: "scripts/release",
    include: ["*.packages.test.ts"]
  }
})
