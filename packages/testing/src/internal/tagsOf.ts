/**
 * Lists the tags of a tagged union.
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** Lists the tags of the values that a schema of tagged structs accepts, each once. */
export const tagsOf = <A>(schema: Schema.Codec<A, unknown>): ReadonlyArray<string> =>
  Array.from(new Set(tags(Schema.toType(schema).ast)))

const tags = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  if (SchemaAST.isUnion(ast)) return ast.types.flatMap(tags)
  if (!SchemaAST.isObjects(ast)) return []
  return ast.propertySignatures.flatMap(({ name, type }) =>
    name === "_tag" && SchemaAST.isLiteral(type) ? [String(type.literal)] : []
  )
}
