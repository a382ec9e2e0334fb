/**
 * The PostgreSQL schema that holds the progress of consumer groups.
 *
 * @since 0.1.0
 */
import { SchemaName } from "@daybook/store/PostgresSchema"
import * as Context from "effect/Context"

/**
 * The schema that the Postgres layers of this package use, `reactors` unless provided otherwise. It
 * belongs to them alone.
 *
 * @category references
 * @since 0.1.0
 */
export const ReactorSchema = Context.Reference<SchemaName>("@daybook/reactors/ReactorSchema", {
  defaultValue: () => SchemaName.make("reactors")
})
