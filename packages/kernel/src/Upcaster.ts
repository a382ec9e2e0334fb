/**
 * Turns the old versions of a stored event into events of today: a pure step from each version to
 * the next, and a last step that returns zero, one or several events.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * A former schema version, and the step that turns its data into the next version's.
 *
 * @category types
 * @since 0.1.0
 */
export interface OldVersion {
  readonly schema: Schema.Codec<unknown, unknown>
  readonly step: (data: unknown) => unknown
}

/**
 * All old versions of an event type, oldest first; the last step returns `Out`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Upcaster<out Out> {
  readonly versions: ReadonlyArray<OldVersion>
  /** Never set; it carries the type. */
  readonly out?: Out
}

/**
 * An upcaster under construction, at the version whose data is `Data`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Builder<in out Data> {
  /** Adds the next version; `step` derives its data from the data of the version before. */
  readonly to: <Next>(
    schema: Schema.Codec<Next, unknown>,
    step: (data: Data) => NoInfer<Next>
  ) => Builder<Next>
  /**
   * Ends the upcaster; `step` returns the event of today that the version before stands for, or an
   * array of several in their order, or of none.
   */
  readonly into: <const Out>(step: (data: Data) => Out) => Upcaster<Elements<Out>>
}

/**
 * The events that the last step returns: one, or the elements of an array.
 *
 * @category types
 * @since 0.1.0
 */
export type Elements<Out> = Out extends ReadonlyArray<infer Event> ? Event : Out

/**
 * Begins with schema version 1; `schema` describes its data, without the type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from = <Data>(schema: Schema.Codec<Data, unknown>): Builder<Data> =>
  builder([], schema)

/**
 * Builds the chain. Its types check the steps; the list of versions loses them, hence the casts.
 */
const builder = <Data>(
  before: ReadonlyArray<OldVersion>,
  schema: Schema.Codec<Data, unknown>
): Builder<Data> => {
  const ending = (step: (data: Data) => unknown): ReadonlyArray<OldVersion> => [
    ...before,
    { schema, step: step as OldVersion["step"] }
  ]
  return {
    to: (next, step) => builder(ending(step), next),
    into: (step) => ({ versions: ending(step) })
  }
}
