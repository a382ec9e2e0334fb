/**
 * The page of each Markdown file of the repository.
 */

/** By a file's path in the repository, the path of its page. Files of `docs/` lose the folder. */
export const rewrites = {
  "docs/ARCHITECTURE.md": "explanation/architecture.md",
  "docs/CONTRIBUTING.md": "contributing.md",
  "docs/GLOSSARY.md": "reference/glossary.md",
  "docs/benchmarks.md": "explanation/benchmarks.md",
  "docs/:path*": ":path*",
  "packages/:name/README.md": "packages/:name.md",
  "README.md": "readme.md",
  "SECURITY.md": "security.md"
}

/** Where files that are no pages can be read. */
const FORGE = "https://github.com/daybook-es/daybook/blob/main"

/**
 * Returns the address on the site of what `link` names in the Markdown file `from`, both relative
 * to the repository.
 */
export const addressOf = (link: string, from: string): string => {
  const url = new URL(link, `file:///${from}`)
  // Another scheme than that of files, or another page's part.
  if (url.protocol !== "file:" || link.startsWith("#") || link.startsWith("/")) return link
  const file = decodeURIComponent(url.pathname.slice(1))
  if (/\.(png|svg)$/.test(file)) return link
  if (file === "docs/adr/") return "/adr/0001-effect-4.md"
  const page = file.endsWith(".md") ? pageOf(file) : undefined
  return page === undefined ? `${FORGE}/${file}${url.hash}` : `/${page}${url.hash}`
}

/** Returns the page of a Markdown file, or nothing if it has none. */
const pageOf = (file: string): string | undefined => {
  const named = Object.entries(rewrites).find(([source]) => source === file)
  if (named !== undefined) return named[1]
  const [, name] = /^packages\/([^/]+)\/README\.md$/.exec(file) ?? []
  if (name !== undefined) return `packages/${name}.md`
  return file.startsWith("docs/") ? file.slice("docs/".length) : undefined
}
