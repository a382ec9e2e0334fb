/**
 * The PostgreSQL schema that holds a log: one database may hold several logs.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

/**
 * The name of a schema: a lower-case letter or `_`, then letters, digits and `_`.
 *
 * **Details**
 * Shape: at most 63 characters, since PostgreSQL cuts longer identifiers; neither
 * `information_schema` nor a name that starts with `pg_`, which it reserves.
 *
 * @category types
 * @since 0.1.0
 */
export const SchemaName = Schema.String.check(
  Schema.isPattern(/^(?!pg_|information_schema$)[a-z_][a-z0-9_]{0,62}$/, {
    expected:
      "a schema name: a lower-case letter or _, then letters, digits or _, at most 63 characters, not starting with pg_, not information_schema"
  })
).pipe(Schema.brand("SchemaName"))

/**
 * @category types
 * @since 0.1.0
 */
export type SchemaName = typeof SchemaName.Type

/**
 * The schema that the Postgres layers of this package use, `daybook` unless provided otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const PostgresSchema = Context.Reference<SchemaName>("@daybook/store/PostgresSchema", {
  defaultValue: () => SchemaName.make("daybook")
})
