/**
 * How the old versions of a stored event become events of today: a pure step from each version to the
 * next, and a last one that gives zero, one or several events.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * A schema version that was written once, and the step that takes its data further.
 *
 * @category types
 * @since 0.1.0
 */
export interface OldVersion {
  readonly schema: Schema.Codec<unknown, unknown>
  readonly step: (data: unknown) => unknown
}

/**
 * All old versions of an event type, oldest first; they end in what {@link Out} says.
 *
 * @category types
 * @since 0.1.0
 */
export interface Upcaster<out Out> {
  readonly versions: ReadonlyArray<OldVersion>
  /** Never there; it carries the type. */
  readonly out?: Out
}

/**
 * An upcaster in the making, at the version whose data is `Data`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Builder<in out Data> {
  /** The next version, and how its data comes from that of the version before. */
  readonly to: <Next>(
    schema: Schema.Codec<Next, unknown>,
    step: (data: Data) => NoInfer<Next>
  ) => Builder<Next>
  /** The event of today, or several in their order, or none, that the version before stands for. */
  readonly into: <const Out>(step: (data: Data) => Out) => Upcaster<Elements<Out>>
}

/**
 * The events in what the last step gives: one, or the elements of an array.
 *
 * @category types
 * @since 0.1.0
 */
export type Elements<Out> = Out extends ReadonlyArray<infer Event> ? Event : Out

/**
 * Begins with schema version 1; `schema` is that of its data, without the type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const from = <Data>(schema: Schema.Codec<Data, unknown>): Builder<Data> =>
  builder([], schema)

/** The chain checks its steps by their types, which the list of versions forgets: hence the casts. */
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
