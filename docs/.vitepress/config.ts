/**
 * The documentation's site: the Markdown of the repository as it is, with a search index, offline.
 *
 * The source is the whole repository, so that READMEs are pages too. {@link pages} says which file
 * is which page; links between files stay as they read on a forge, and are turned here.
 */
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitepress"
import { links } from "./links.ts"
import { rewrites } from "./pages.ts"
import { nav, sidebar } from "./contents.ts"

export default defineConfig({
  title: "Daybook",
  description: "Event sourcing for TypeScript on Effect and PostgreSQL",
  lang: "en",
  srcDir: "..",
  srcExclude: ["**/node_modules/**", ".ci/**", ".changeset/**", "packages/*/{src,test,dist}/**"],
  rewrites,
  // Addresses of a shop that the reader runs.
  ignoreDeadLinks: "localhostLinks",
  cleanUrls: false,
  lastUpdated: false,
  metaChunk: true,
  head: [["link", { rel: "icon", href: "/favicon.svg", type: "image/svg+xml" }]],
  vite: { publicDir: fileURLToPath(new URL("public", import.meta.url)) },
  markdown: {
    // The fences of examples that run, as `ts test`, are TypeScript.
    languageAlias: { "ts test": "ts" },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: (markdown) => void markdown.use(links)
  },
  themeConfig: {
    logo: "/favicon.svg",
    nav,
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
    docFooter: { prev: false, next: false },
    footer: {
      message: "Daybook, MIT. A daybook is the merchant's book of original entry."
    }
  }
})
