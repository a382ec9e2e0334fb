/**
 * The catalogue of a host: its event types and their versions, from the codecs that it runs.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import type { Catalogue } from "../CatalogueAnswer.ts"
import type { Presented } from "../Presenter.ts"

type Type = Catalogue["codecs"][number]["types"][number]
type Version = Type["versions"][number]

export const make = (
  aggregates: ReadonlyArray<Presented>,
  projections: ReadonlyArray<Projection.Any>
): Catalogue => ({
  codecs: aggregates.map(({ category, codec }) => ({
    name: codec.name,
    category,
    types: typesOf(codec, [
      { kind: "aggregate", name: category },
      ...projections
        .filter(({ from }) => from.some((source) => source.category === category))
        .map(({ name }) => ({ kind: "read model" as const, name }))
    ])
  }))
})

const typesOf = (codec: Presented["codec"], readers: Type["readers"]): ReadonlyArray<Type> => {
  const { events } = SchemaLock.describe(codec)
  const byType = Map.groupBy(codec.versions, ({ names: [type] }) => type)
  return Array.from(byType, ([type, versions]) => {
    const newest = Math.max(...versions.map(({ schemaVersion }) => schemaVersion))
    let before: Version["fields"] | undefined
    return {
      type,
      formerNames: versions[0]?.names.slice(1) ?? [],
      newest,
      // The newest version of a type of today leads nowhere.
      retired: versions.every(({ step }) => step !== undefined),
      versions: versions.map(({ schemaVersion }): Version => {
        const fields = events[type]?.[String(schemaVersion)] ?? {}
        const version = { schemaVersion, fields, ...changesOf(before, fields) }
        before = fields
        return version
      }),
      readers
    }
  })
}

const changesOf = (
  before: Version["fields"] | undefined,
  after: Version["fields"]
): Pick<Version, "added" | "removed" | "changed"> => {
  if (before === undefined) return { added: [], removed: [], changed: [] }
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return {
    added: paths.filter((path) => before[path] === undefined),
    removed: paths.filter((path) => after[path] === undefined),
    changed: paths.filter(
      (path) =>
        before[path] !== undefined && after[path] !== undefined && before[path] !== after[path]
    )
  }
}
