/**
 * Why a store of read models in PostgreSQL does not do what it was asked, where that is not the server's fault: causes
 * of a `ReadModelStoreError`.
 *
 * @since 0.1.0
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as Data from "effect/Data"

/**
 * The name that the table of a read model should have is taken by something that Daybook did not make: it was left
 * alone.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignRelation extends Data.TaggedError("ForeignRelation")<{
  readonly schema: string
  readonly relation: string
}> {
  override get message() {
    return `${this.schema}.${this.relation} is there already, and no table of a read model`
  }
}

/**
 * Somebody has put code of theirs on the tables that an append was to keep: a trigger, a rule, a default, a constraint, an index of an expression,
 * row security, a type, or something else in the place of a table. The append would have run it with the right to append, so nothing
 * was appended.
 *
 * **Details**
 * `found`: each by its kind, its name and its table, such as `trigger t of read_models.counts`.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignCode extends Data.TaggedError("ForeignCode")<{
  readonly found: ReadonlyArray<string>
}> {
  override get message() {
    return printableLine(
      `Appends don't write to tables that run code of others: ${this.found.join(", ")}`
    )
  }
}

/**
 * Something hangs on the table of a read model that can't go with its name to another table, or would be dropped with it: nothing was
 * changed. Take it away, and put it back afterwards.
 *
 * **Details**
 * `dependents`: each by its kind and name, such as `materialized view reports.sales`, `trigger t`, `policy p`, and its owner where that is
 * another.
 *
 * @category errors
 * @since 0.1.0
 */
export class DependentRefused extends Data.TaggedError("DependentRefused")<{
  readonly schema: string
  readonly relation: string
  readonly dependents: readonly [string, ...Array<string>]
}> {
  override get message() {
    return printableLine(
      `${this.schema}.${this.relation} can't be changed with what hangs on it: ${this.dependents.join(", ")}`
    )
  }
}
