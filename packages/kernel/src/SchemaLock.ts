/**
 * A lock file of a codec: describes every schema version that it ever stored, to be committed and
 * compared with the code of today.
 *
 * A released version never changes, because events in that shape are stored for ever. The
 * description covers the data that decodes, so it does not depend on names in the source, on the
 * order of fields, or on formatting. It does not cover functions: name your own checks with
 * `expected`, and test transformations with golden samples.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { EventCodec } from "./EventCodec.ts"
import { describeFields, optionalFields } from "./internal/describeFields.ts"
import type * as Named from "./Named.ts"

/**
 * The type stored at each path of the data, such as `unitPrice.minor`; `?` marks an optional one.
 */
const Fields = Schema.Record(Schema.String, Schema.String)

/**
 * The content of a lock file: by stored type, by schema version, the fields of its data.
 *
 * @category types
 * @since 0.1.0
 */
export const SchemaLock = Schema.Struct({
  codec: Schema.String,
  events: Schema.Record(Schema.String, Schema.Record(Schema.String, Fields))
})

/**
 * The content of a lock file.
 *
 * @category types
 * @since 0.1.0
 */
export type SchemaLock = Named.Struct<typeof SchemaLock>

/**
 * A way in which a codec differs from its lock.
 *
 * **Details**
 * `FieldChanged` and `VersionGone` break stored events. `VersionAdded` and `OptionalAdded` do not;
 * the lock does not have them yet.
 *
 * @category types
 * @since 0.1.0
 */
export const Difference = Schema.TaggedUnion({
  FieldChanged: {
    type: Schema.String,
    schemaVersion: Schema.String,
    path: Schema.String,
    /** Absent for a new field. */
    locked: Schema.optionalKey(Schema.String),
    /** Absent for a removed field. */
    current: Schema.optionalKey(Schema.String)
  },
  VersionGone: { type: Schema.String, schemaVersion: Schema.String },
  VersionAdded: { type: Schema.String, schemaVersion: Schema.String },
  OptionalAdded: { type: Schema.String, schemaVersion: Schema.String, path: Schema.String }
})

/**
 * A way in which a codec differs from its lock.
 *
 * @category types
 * @since 0.1.0
 */
export type Difference = Named.Union<typeof Difference>

/**
 * The codec differs from its lock.
 *
 * @category errors
 * @since 0.1.0
 */
export class SchemaLockBroken extends Schema.TaggedError<SchemaLockBroken>()("SchemaLockBroken", {
  codec: Schema.String,
  differences: Schema.Array(Difference)
}) {
  override get message() {
    return explain(this.codec, this.differences)
  }
}

/**
 * Describes every version of a codec.
 *
 * @category constructors
 * @since 0.1.0
 */
export const describe = <Event>(
  codec: Pick<EventCodec<Event>, "name" | "versions">
): SchemaLock => {
  const events: Record<string, Record<string, Record<string, string>>> = {}
  for (const { names, schema, schemaVersion } of codec.versions) {
    const fields = describeFields(schema)
    for (const type of names) {
      events[type] = { ...events[type], [String(schemaVersion)]: fields }
    }
  }
  return { codec: codec.name, events }
}

/**
 * Returns the differences of `current` from the lock, by type, version and field.
 *
 * @category operations
 * @since 0.1.0
 */
export const compare = (locked: SchemaLock, current: SchemaLock): ReadonlyArray<Difference> =>
  sortedKeys(locked.events, current.events).flatMap((type) => {
    const [was, is] = [locked.events[type] ?? {}, current.events[type] ?? {}]
    return sortedKeys(was, is).flatMap((schemaVersion): ReadonlyArray<Difference> => {
      const [old, now] = [was[schemaVersion], is[schemaVersion]]
      if (old === undefined) return [{ _tag: "VersionAdded", type, schemaVersion }]
      if (now === undefined) return [{ _tag: "VersionGone", type, schemaVersion }]
      return compareFields(old, now).map((difference) => ({ ...difference, type, schemaVersion }))
    })
  })

/**
 * Extends the lock by the additions of `current`.
 *
 * **Details**
 * Errors: `SchemaLockBroken`, a released version changed or is gone; nothing is added.
 *
 * @category operations
 * @since 0.1.0
 */
export const extend = (
  locked: SchemaLock,
  current: SchemaLock
): Result.Result<SchemaLock, SchemaLockBroken> => {
  const breaking = compare(locked, current).filter(
    Difference.isAnyOf(["FieldChanged", "VersionGone"])
  )
  return breaking.length > 0
    ? Result.fail(new SchemaLockBroken({ codec: current.codec, differences: breaking }))
    : Result.succeed(current)
}

/**
 * Writes the text of a lock file in a canonical form, so that equal locks have equal texts.
 *
 * @category destructors
 * @since 0.1.0
 */
export const toText = (lock: SchemaLock): string => `${JSON.stringify(sorted(lock), null, 2)}\n`

/**
 * Reads the text of a lock file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromText: (text: string) => Result.Result<SchemaLock, Schema.SchemaError> =
  Schema.decodeResult(Schema.fromJsonString(SchemaLock))

type FieldDifference =
  | {
      readonly _tag: "FieldChanged"
      readonly path: string
      readonly locked?: string
      readonly current?: string
    }
  | { readonly _tag: "OptionalAdded"; readonly path: string }

const compareFields = (
  old: typeof Fields.Type,
  now: typeof Fields.Type
): ReadonlyArray<FieldDifference> =>
  sortedKeys(old, now).flatMap((path): ReadonlyArray<FieldDifference> => {
    const [locked, current] = [old[path], now[path]]
    if (locked === current) return []
    // Data without the field decodes as before, so old events are safe.
    if (isOptional(path, old)) return [{ _tag: "OptionalAdded", path }]
    return [
      {
        _tag: "FieldChanged",
        path,
        ...(locked === undefined ? {} : { locked }),
        ...(current === undefined ? {} : { current })
      }
    ]
  })

/** Tests if a path leads through an optional field that was absent, as optional and as required. */
const isOptional = (path: string, old: typeof Fields.Type): boolean =>
  optionalFields(path).some(
    (field) =>
      !Object.keys(old).some(
        (key) => key === field || (/^[.[<?]/.test(key.slice(field.length)) && key.startsWith(field))
      )
  )

const explain = (codec: string, differences: ReadonlyArray<Difference>): string => {
  const lines = differences.map((difference) =>
    Difference.match(difference, {
      FieldChanged: ({ current, locked, path, schemaVersion, type }) =>
        `  ${type} version ${schemaVersion}, ${path === "" ? "the data" : path}: ` +
        `was ${locked ?? "not there"}, is ${current ?? "not there"}`,
      VersionGone: ({ schemaVersion, type }) => `  ${type} version ${schemaVersion}: is gone`,
      VersionAdded: ({ schemaVersion, type }) =>
        `  ${type} version ${schemaVersion}: is not in the lock yet`,
      OptionalAdded: ({ path, schemaVersion, type }) =>
        `  ${type} version ${schemaVersion}, ${path}: is not in the lock yet`
    })
  )
  const broken = differences.some(Difference.isAnyOf(["FieldChanged", "VersionGone"]))
  const todo = broken
    ? "Events in these shapes are stored: put the schema back, and add a new version with an upcaster."
    : "Write the lock again: nothing that is stored is affected."
  return [`The stored contract of ${codec} differs from its lock:`, ...lines, todo].join("\n")
}

const sortedKeys = (...records: ReadonlyArray<object>): ReadonlyArray<string> =>
  Array.from(new Set(records.flatMap((record) => Object.keys(record)))).toSorted(
    // Versions by number: 10 comes after 9.
    (a, b) => (/^\d+$/.test(a) && /^\d+$/.test(b) ? Number(a) - Number(b) : a < b ? -1 : 1)
  )

/** Returns the same JSON with its keys in order at every depth. */
const sorted = (value: unknown): unknown =>
  Predicate.isObject(value)
    ? Object.fromEntries(sortedKeys(value).map((key) => [key, sorted(value[key])]))
    : value
