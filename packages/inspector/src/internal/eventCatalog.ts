/**
 * The catalogue as the files of an EventCatalog project (eventcatalog.dev, version 3): a folder for
 * each event with its newest version, and one for each earlier version.
 */
import type { Catalogue } from "../CatalogueAnswer.ts"

export interface File {
  readonly path: string
  readonly content: string
}

type Type = Catalogue["codecs"][number]["types"][number]
type Version = Type["versions"][number]

export const files = ({ codecs }: Catalogue): ReadonlyArray<File> =>
  codecs.flatMap(({ category, types }) => [
    {
      path: `services/${category}/index.mdx`,
      content: page(
        [
          `id: ${text(category)}`,
          `name: ${text(category)}`,
          "version: 1.0.0",
          "sends:",
          ...types.flatMap(({ newest, retired, type }) =>
            retired ? [] : [`  - id: ${text(type)}`, `    version: ${newest}.0.0`]
          )
        ],
        `Streams of the category ${category}.`
      )
    },
    ...types.flatMap((type) => type.versions.map((version) => event(type, version)))
  ])

const event = ({ newest, readers, type }: Type, version: Version): File => {
  const { schemaVersion } = version
  const folder = schemaVersion === newest ? "" : `versioned/${schemaVersion}.0.0/`
  return {
    path: `events/${folderOf(type)}/${folder}index.mdx`,
    content: page(
      [
        `id: ${text(type)}`,
        `name: ${text(type)}`,
        `version: ${schemaVersion}.0.0`,
        `summary: ${text(`Schema version ${schemaVersion} of ${newest}`)}`
      ],
      [
        "| Field | Type |",
        "| --- | --- |",
        ...Object.entries(version.fields).map(
          ([path, kind]) => `| ${cell(path === "" ? "(data)" : path)} | ${cell(kind)} |`
        ),
        "",
        `Folded by ${readers.map(({ kind, name }) => `the ${kind} ${name}`).join(", ")}.`
      ].join("\n")
    )
  }
}

/** A type may have slashes and dots, and an archive has at most 100 bytes for a path. */
const folderOf = (type: string): string => type.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 60)

const page = (head: ReadonlyArray<string>, body: string): string =>
  ["---", ...head, "---", "", body, ""].join("\n")

/** A YAML text in quotes is a JSON string. */
const text = (value: string): string => JSON.stringify(value)

/** MDX reads braces and angle brackets as code, and a bar ends a cell. */
const cell = (value: string): string =>
  value.replace(/[\\|{}<>`]/g, (character) => `&#${character.codePointAt(0) ?? 0};`)
