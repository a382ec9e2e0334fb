/**
 * Schemas that are compiled to functions at their first use, which halves the time of decoding.
 *
 * Where functions can't be made from text, as under a Content Security Policy, they are
 * interpreted as other schemas are.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

/**
 * Returns the schema, whose decoder and encoder will be compiled.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <S extends Schema.Codec<unknown, unknown>>(schema: S): S => {
  SchemaJITCompiler.enable(schema.ast)
  SchemaJITCompiler.enable(Schema.flip(schema).ast)
  return schema
}
