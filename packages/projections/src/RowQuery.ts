/**
 * Which rows of a read model to read, in their stored form.
 *
 * @since 0.1.0
 */
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { StoredRow } from "./StoredRow.ts"

/**
 * Which rows of a read model to read, and in which order: that of the primary key, unless said otherwise.
 *
 * **Details**
 * `where`: conditions that all hold. `orderBy`: fields that are never `null`, none of them JSON; the primary
 * key decides between equals. `after`: rows behind this one in that order. Text is compared by its bytes in UTF-8.
 *
 * @category types
 * @since 0.1.0
 */
export interface RowQuery {
  readonly where: ReadonlyArray<Condition>
  readonly orderBy: ReadonlyArray<{ readonly field: string; readonly direction: "asc" | "desc" }>
  readonly after: Option.Option<StoredRow>
  readonly limit: Option.Option<number>
}

/**
 * What must hold of a field; values are in their stored form. `null` is equal to `null` here, and neither
 * below nor above anything.
 *
 * @category types
 * @since 0.1.0
 */
export interface Condition {
  readonly field: string
  readonly is: "equal" | "notEqual" | "below" | "atMost" | "above" | "atLeast" | "oneOf"
  /** One value, and any number for `oneOf`. */
  readonly values: ReadonlyArray<Schema.Json>
}
