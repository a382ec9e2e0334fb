/**
 * Describes the data that a schema stores and accepts, as text that stays the same as long as the
 * same data decodes.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import * as Schema from "effect/Schema"

/** Returns the description that a lock file would hold, so that both agree on every change. */
export const describeSchema = (schema: Schema.Codec<unknown, unknown>): string =>
  SchemaLock.toText(describe(schema))

/** Returns the description in a few words, for a schema without fields. */
export const describeLeaf = (schema: Schema.Codec<unknown, unknown>): string =>
  Object.values(describe(schema).events)
    .flatMap((versions) => Object.values(versions))
    .flatMap((fields) => Object.values(fields))
    .join("; ")

const describe = (schema: Schema.Codec<unknown, unknown>) =>
  SchemaLock.describe({
    ...empty,
    // A lock omits the tag of an event, which is stored beside its data; inside a field it counts.
    versions: [{ names: ["it"], schemaVersion: 1, schema: Schema.Struct({ it: schema }) }]
  })

const empty = EventCodec.make({ name: "it", events: Schema.TaggedUnion({ It: {} }) })
