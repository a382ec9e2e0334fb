/**
 * Removes the optional keys of a value's schema from the value.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/**
 * Returns the value without the optional keys, at any depth, for which `leavesOut` returns true.
 */
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
    // Sorted by name, so that the same keys are removed in whatever order the source has them.
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
