/**
 * The contents of the site, in the order in which to read them.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { DefaultTheme } from "vitepress"

const docs = Path.resolve(import.meta.dirname, "..")

/** The pages of a part of the site; by group where there are many. */
interface Part {
  readonly title: string
  /** The folder in `docs`, whose every page stands in one of the groups. */
  readonly folder: string
  readonly groups: ReadonlyArray<readonly [title: string, pages: ReadonlyArray<string>]>
}

const guides: Part = {
  title: "Guides",
  folder: "guide",
  groups: [
    [
      "Building",
      [
        "commands",
        "several-streams",
        "changing-an-event",
        "snapshots",
        "subscribing",
        "read-models"
      ]
    ],
    ["Reacting", ["reacting-to-events", "processes-and-timers", "publishing"]],
    ["Hosting", ["a-host-of-your-own", "http", "inspector", "importing"]],
    ["Testing", ["testing", "laws", "simulation", "a-store-of-your-own"]],
    [
      "Operating",
      [
        "command-line",
        "deploying",
        "connecting-to-postgres",
        "least-privilege",
        "poolers",
        "monitoring",
        "when-something-goes-wrong",
        "high-availability",
        "backup-and-restore",
        "upgrading",
        "tuning",
        "partitions"
      ]
    ]
  ]
}

const explanations: Part = {
  title: "Explanation",
  folder: "explanation",
  groups: [
    [
      "Explanation",
      [
        "ordering",
        "consistency",
        "keyed-folds",
        "when-not-to",
        "comparison",
        "sizes",
        "threat-model"
      ]
    ]
  ]
}

const references: Part = {
  title: "Reference",
  folder: "reference",
  groups: [["Contracts", ["appending", "stored-events", "snapshots", "compatibility"]]]
}

/** The pages of a folder in the order of their names. */
const allOf = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(Path.join(docs, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.slice(0, -".md".length))
    .toSorted()

/** Returns the heading of a page, which is its name in the contents. */
const heading = (file: string): string => {
  const [, text] = /^# (.*)$/m.exec(Fs.readFileSync(Path.join(docs, file), "utf8")) ?? []
  if (text === undefined) throw new Error(`docs/${file} has no heading of the first level`)
  const short = text.replace(/^Reference: /, "").replaceAll("`", "")
  return short.slice(0, 1).toUpperCase() + short.slice(1)
}

const item = (path: string): DefaultTheme.SidebarItem => ({
  text: heading(`${path}.md`),
  link: `/${path}`
})

/** Throws when a page of the folder is in no group, because nobody would find it. */
const itemsOf = ({ folder, groups, title }: Part): Array<DefaultTheme.SidebarItem> => {
  const listed = groups.flatMap(([, pages]) => pages)
  const missing = allOf(folder).filter((page) => !listed.includes(page))
  if (missing.length > 0) {
    throw new Error(`${title} in docs/.vitepress/contents.ts lacks ${missing.join(", ")}`)
  }
  return groups.map(([text, pages]) => ({
    text,
    items: pages.map((page) => item(`${folder}/${page}`))
  }))
}

/** The packages that are published, each with its README and its doors. */
const packages: ReadonlyArray<string> = Fs.readdirSync(Path.join(docs, "../packages")).filter(
  (name) => {
    const manifest = Path.join(docs, "../packages", name, "package.json")
    return Fs.existsSync(manifest) && !/"private": true/.test(Fs.readFileSync(manifest, "utf8"))
  }
)

/** The public modules of a package, whose pages `reference.ts` wrote before. */
const modulesOf = (name: string): Array<DefaultTheme.SidebarItem> => {
  const root = Path.join(docs, "reference/api", name, "src")
  return Fs.globSync("**/*.md", { cwd: root })
    .map((file) => file.slice(0, -".md".length))
    .toSorted()
    .map((module) => ({ text: module, link: `/reference/api/${name}/src/${module}` }))
}

const start: DefaultTheme.SidebarItem = {
  text: "Start",
  items: [
    { text: "Daybook", link: "/readme" },
    ...["tutorial/your-first-aggregate", "tutorial/effect-in-five"].map(item)
  ]
}

const reference = (): Array<DefaultTheme.SidebarItem> => [
  ...itemsOf(references),
  {
    text: "Packages",
    items: packages.map((name) => ({
      text: `@daybook/${name}`,
      link: `/packages/${name}`,
      collapsed: true,
      items: modulesOf(name)
    }))
  },
  {
    text: "Words",
    items: [
      { text: "Glossary", link: "/reference/glossary" },
      { text: "Contributing", link: "/contributing" }
    ]
  }
]

/** The contents at the side of a page, by its part of the site. */
export const sidebar: DefaultTheme.SidebarMulti = {
  "/readme": [start],
  "/tutorial/": [start, ...itemsOf(guides)],
  "/guide/": [start, ...itemsOf(guides)],
  "/explanation/": [
    ...itemsOf(explanations),
    {
      text: "Inside",
      items: [
        { text: "Architecture", link: "/explanation/architecture" },
        { text: "Benchmarks", link: "/explanation/benchmarks" }
      ]
    }
  ],
  "/reference/": reference(),
  "/packages/": reference(),
  "/contributing": reference(),
  "/adr/": [{ text: "Decisions", items: allOf("adr").map((name) => item(`adr/${name}`)) }]
}

/** The parts of the site, at the head of each page. */
export const nav: Array<DefaultTheme.NavItem> = [
  { text: "Tutorial", link: "/tutorial/your-first-aggregate", activeMatch: "^/tutorial/" },
  { text: "Guides", link: "/guide/commands", activeMatch: "^/guide/" },
  { text: "Explanation", link: "/explanation/ordering", activeMatch: "^/explanation/" },
  { text: "Reference", link: "/reference/appending", activeMatch: "^/(reference|packages)/" },
  { text: "Decisions", link: "/adr/0001-effect-4", activeMatch: "^/adr/" }
]
