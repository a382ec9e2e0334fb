/**
 * The PostgreSQL schema that holds read models, which may differ from the log's schema.
 *
 * @since 0.1.0
 */
import { SchemaName } from "@daybook/store/PostgresSchema"
import * as Context from "effect/Context"

/**
 * The schema that the Postgres layers of this package use, `read_models` unless provided otherwise.
 *
 * **Details**
 * It holds the table of each read model, and tables of the runner whose names start with
 * `daybook__`.
 *
 * @category references
 * @since 0.1.0
 */
export const ReadModelSchema = Context.Reference<SchemaName>(
  "@daybook/projections/ReadModelSchema",
  { defaultValue: () => SchemaName.make("read_models") }
)
