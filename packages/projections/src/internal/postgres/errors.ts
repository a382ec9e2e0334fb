/**
 * Causes of a `ReadModelStoreError` for which a store in PostgreSQL refuses an operation, beside
 * the errors of the server.
 *
 * @since 0.1.0
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import * as Data from "effect/Data"

/**
 * The table of a read model can't be created: a relation of its name exists and is not a Daybook
 * read model. That relation was left alone.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignRelation extends Data.TaggedError("ForeignRelation")<{
  readonly schema: string
  readonly relation: string
}> {
  override get message() {
    return `Cannot create ${this.schema}.${this.relation}: it exists and is not a Daybook read model`
  }
}

/**
 * The tables that an append was to maintain carry foreign code: a trigger, a rule, a default, a
 * constraint, an index of an expression, row security, a type, or something else in the place of a
 * table. The append would have run that code with the right to append, so nothing was appended.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignCode extends Data.TaggedError("ForeignCode")<{
  /** Each by its kind, its name and its table, such as `trigger t of read_models.counts`. */
  readonly found: ReadonlyArray<string>
}> {
  override get message() {
    return printableLine(
      `Cannot append: tables of read models would run foreign code: ${Listed.text(Listed.make(this.found))}`
    )
  }
}

/**
 * The table of a read model has dependents that can't follow its name to another table, or would be
 * dropped with it: nothing was changed. Remove them, and put them back afterwards.
 *
 * @category errors
 * @since 0.1.0
 */
export class DependentRefused extends Data.TaggedError("DependentRefused")<{
  readonly schema: string
  readonly relation: string
  /**
   * Each by its kind and name, such as `materialized view reports.sales`, `trigger t`, `policy p`;
   * and by its owner, if that is another role.
   */
  readonly dependents: readonly [string, ...Array<string>]
}> {
  override get message() {
    return printableLine(
      `Cannot change ${this.schema}.${this.relation} with its dependents: ${Listed.text(Listed.make(this.dependents))}`
    )
  }
}
