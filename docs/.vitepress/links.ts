/**
 * Turns the links between files of the repository into links between pages of the site.
 */
import * as Path from "node:path"
import type { MarkdownRenderer } from "vitepress"
import { addressOf } from "./pages.ts"

const repository = Path.resolve(import.meta.dirname, "../..")

/** A plugin of the renderer. It runs before VitePress's own treatment of links. */
export const links = (markdown: MarkdownRenderer): void => {
  markdown.core.ruler.push("daybook-links", ({ env, tokens }) => {
    // The title of a page is rendered without its file.
    const { path } = env as { readonly path?: string }
    if (path === undefined) return
    const from = Path.relative(repository, path)
    for (const { children } of tokens) {
      for (const token of children ?? []) {
        const link = token.type === "link_open" ? token.attrGet("href") : null
        if (link !== null) token.attrSet("href", addressOf(link, from))
      }
    }
  })
}
