/**
 * The catalogue as the files of an EventCatalog project (eventcatalog.dev, version 3): a folder for
 * each category, in it one for each event with its newest version, and one for each earlier one.
 *
 * The path and the id of an event depend on its category and type alone, so other event types never
 * change them.
 */
import { createHash } from "node:crypto"
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
            retired ? [] : [`  - id: ${text(idOf(category, type))}`, `    version: ${newest}.0.0`]
          )
        ],
        `Streams of the category ${category}.`
      )
    },
    ...types.flatMap((type) => type.versions.map((version) => event(category, type, version)))
  ])

const event = (category: string, { newest, readers, type }: Type, version: Version): File => {
  const { schemaVersion } = version
  const folder = schemaVersion === newest ? "" : `versioned/${schemaVersion}.0.0/`
  return {
    path: `services/${category}/events/${folderOf(type)}/${folder}index.mdx`,
    content: page(
      [
        `id: ${text(idOf(category, type))}`,
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

/** Two categories may have an event type of one name, and an id is of the whole project. */
const idOf = (category: string, type: string): string => `${category}.${type}`

/** The most characters of a type in the name of its folder. */
const MAX_NAME = 60

/**
 * Returns the name of the folder of a type. A type may have slashes and dots, and up to 200
 * characters: where the name is not the whole type, a hash keeps it apart from others.
 */
const folderOf = (type: string): string => {
  const name = type.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, MAX_NAME)
  return name === type
    ? type
    : `${name}-${createHash("sha256").update(type).digest("hex").slice(0, 12)}`
}

const page = (head: ReadonlyArray<string>, body: string): string =>
  ["---", ...head, "---", "", body, ""].join("\n")

/** A YAML text in quotes is a JSON string. */
const text = (value: string): string => JSON.stringify(value)

/** MDX reads braces and angle brackets as code, and a bar ends a cell. */
const cell = (value: string): string =>
  value.replace(/[\\|{}<>`]/g, (character) => `&#${character.codePointAt(0) ?? 0};`)
