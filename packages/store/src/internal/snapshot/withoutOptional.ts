/**
 * Leaving out of a value what its schema says may be absent.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** The value without those optional keys, at any depth, that `leavesOut` chooses; it is asked of each. */
export const withoutOptional = (
  ast: SchemaAST.AST,
  value: unknown,
  leavesOut: () => boolean
): unknown => {
  if (SchemaAST.isSuspend(ast)) return withoutOptional(ast.thunk(), value, leavesOut)
  if (SchemaAST.isUnion(ast)) {
    const type = ast.types.find((member) =>
      Schema.is(Schema.make<Schema.Codec<unknown>>(member))(value)
    )
    return type === undefined ? value : withoutOptional(type, value, leavesOut)
  }
  if (SchemaAST.isArrays(ast) && Array.isArray(value)) {
    const [repeated] = ast.rest
    return value.map((element: unknown, index) => {
      const type = ast.elements[index] ?? repeated
      return type === undefined ? element : withoutOptional(type, element, leavesOut)
    })
  }
  if (SchemaAST.isObjects(ast) && Predicate.isObject(value)) {
    const properties = new Map(ast.propertySignatures.map(({ name, type }) => [name, type]))
    const [index] = ast.indexSignatures
    // In the order of their names: the same ones are left out wherever they are in the source.
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(
      entries.flatMap(([key, inner]: [string, unknown]) => {
        const type = properties.get(key) ?? index?.type
        if (type === undefined) return [[key, inner]]
        return SchemaAST.isOptional(type) && leavesOut()
          ? []
          : [[key, withoutOptional(type, inner, leavesOut)]]
      })
    )
  }
  return value
}
