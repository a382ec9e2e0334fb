/**
 * Schemas that commands are generated from, and what the compiler says of one that gives other commands.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * The schema `S` where it gives commands of type `Command`, some of them or all; else a type that no schema
 * is of, whose names say what is wrong.
 *
 * **Details**
 * A schema of a union is compared command by command, so the message names only the commands that the decider does not take.
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
