/**
 * Why a store of read models in PostgreSQL does not do what it was asked, where that is not the server's fault: causes
 * of a `ReadModelStoreError`.
 *
 * @since 0.1.0
 */
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
 * A materialized view reads the table of a read model, and would go on reading the one that is retired: nothing was
 * switched. Drop it, and make it anew afterwards.
 *
 * @category errors
 * @since 0.1.0
 */
export class DependentView extends Data.TaggedError("DependentView")<{
  readonly schema: string
  readonly relation: string
  readonly view: string
}> {
  override get message() {
    return `The materialized view ${this.view} reads ${this.schema}.${this.relation}, and can't follow it`
  }
}
