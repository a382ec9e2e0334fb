/**
 * Schemas that are compiled to functions at their first use, as `EventCodec` does for events, since
 * the row of each event is checked.
 *
 * Where functions can't be made from a text, as under a Content Security Policy, they are
 * interpreted as other schemas are.
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

export const compiled = <S extends Schema.Codec<unknown, unknown>>(schema: S): S => {
  SchemaJITCompiler.enable(schema.ast)
  SchemaJITCompiler.enable(Schema.flip(schema).ast)
  return schema
}
