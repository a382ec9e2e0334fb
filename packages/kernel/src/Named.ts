/**
 * Types of schemas under names that an editor shows: it prints `OrderEvent`, where it would list
 * all cases and fields of `typeof OrderEvent.Type`.
 *
 * **Example**
 *
 * ```ts
 * import type * as Named from "@daybook/kernel/Named"
 * import { Schema } from "effect"
 *
 * const LampEvent = Schema.TaggedUnion({ SwitchedOn: {}, SwitchedOff: {} })
 * export type LampEvent = Named.Union<typeof LampEvent>
 * ```
 *
 * @since 0.1.0
 */

/**
 * The type of a tagged union, such as the commands, events, states or rejections of a decider.
 *
 * @category types
 * @since 0.1.0
 */
export type Union<
  Of extends { readonly cases: { readonly [Tag: string]: { readonly Type: unknown } } }
> = { [Tag in keyof Of["cases"]]: Of["cases"][Tag]["Type"] }[keyof Of["cases"]]

/**
 * The type of a struct, such as the row of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export type Struct<Of extends { readonly Type: object }> = {
  readonly [Field in keyof Of["Type"]]: Of["Type"][Field]
}
