/**
 * The type of a schema that commands are generated from, with a readable compile error for other
 * schemas.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * The schema `S` when all the commands that it gives are of type `Command`; otherwise a type that
 * no schema has, whose property names state the mistake.
 *
 * **Details**
 * A union is compared command by command, so the compile error names only the commands that the
 * decider does not take.
 *
 * @category types
 * @since 0.1.0
 */
export type CommandSchema<S, Command> =
  S extends Schema.Codec<infer Given, infer _Encoded>
    ? [Given] extends [Command]
      ? S
      : {
          readonly "this schema gives commands that are not decided": Exclude<Given, Command>
          readonly "commands that are decided": Command
        }
    : { readonly "this is no schema that needs no services": S }
