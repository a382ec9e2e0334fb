/**
 * The answers of the inspector about the event types of a host.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The event types of a host, by codec.
 *
 * @category types
 * @since 0.1.0
 */
export const Catalogue = Schema.Struct({
  codecs: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      category: Schema.String,
      types: Schema.Array(
        Schema.Struct({
          type: Schema.String,
          /** Other names under which it is stored. */
          formerNames: Schema.Array(Schema.String),
          /** The newest schema version. */
          newest: Schema.Int,
          /** True if no new event has this type. */
          retired: Schema.Boolean,
          versions: Schema.Array(
            Schema.Struct({
              schemaVersion: Schema.Int,
              /** By path, such as `unitPrice.minor`, the type; `?` marks an optional field. */
              fields: Schema.Record(Schema.String, Schema.String),
              /** The paths that differ from the version before. */
              added: Schema.Array(Schema.String),
              removed: Schema.Array(Schema.String),
              changed: Schema.Array(Schema.String)
            })
          ),
          /** Those who fold it. */
          readers: Schema.Array(
            Schema.Struct({
              kind: Schema.Literals(["aggregate", "read model"]),
              name: Schema.String
            })
          )
        })
      )
    })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Catalogue = typeof Catalogue.Type
