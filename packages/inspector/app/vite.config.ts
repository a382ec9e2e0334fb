/** Builds the page into `packages/inspector/dist-app`, with names that change with their content. */
import { defineConfig } from "vite"

export default defineConfig({
  // Both are relative to the folder of the package, in which vite runs.
  root: "app",
  // Relative to the `<base>` that the host sets to the path of the inspector.
  base: "./",
  build: {
    outDir: "../dist-app",
    emptyOutDir: true,
    // Data in a style sheet or a script would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    // The first view is below 250 kB compressed: a test measures that.
    chunkSizeWarningLimit: 1000
  }
})
