/**
 * Schemas that are compiled to functions when they are first used, as those of events are by `EventCodec`: each event has its row checked.
 *
 * Where no function may be made of a text, as under a Content Security Policy, they are interpreted as others are.
 */
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

export const compiled = <S extends Schema.Codec<unknown, unknown>>(schema: S): S => {
  SchemaJITCompiler.enable(schema.ast)
  SchemaJITCompiler.enable(Schema.flip(schema).ast)
  return schema
}
