/**
 * Makes generated values meet: it limits each kind of field to few values, so that a command refers
 * to the results of other commands.
 *
 * A kind is the set of values that one leaf of a schema accepts, wherever it stands. An id that two
 * commands share is one kind, and so are two amounts with the same bounds.
 */
import * as Hash from "effect/Hash"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** The number of values of a kind: enough to differ, few enough to meet again. */
const VALUES = 3
/**
 * The number of choices for a value of a kind: one keeps the drawn value, two take the second or
 * the third value of the pool, and the rest take the first, so that several fields can be alike at
 * once.
 */
const CHOICES = 10

/** Replaces a leaf by another one of its kind. */
type Visit = (kind: string, leaf: unknown) => unknown

type Walk = (value: unknown, visit: Visit) => unknown

/**
 * Builds a function that makes values of `schema` meet. A value that would then break a check
 * across its fields stays as it was.
 */
export const make = <A>(
  schema: Schema.Codec<A, unknown>
): ((values: ReadonlyArray<A>) => ReadonlyArray<A>) => {
  const type = Schema.toType(schema)
  const walk = compile(type.ast, new Map())
  const fits = Schema.is(type)
  return (values) => {
    const drawn = new Map<string, Set<unknown>>()
    for (const value of values) {
      walk(value, (kind, leaf) => {
        drawn.set(kind, (drawn.get(kind) ?? new Set()).add(leaf))
        return leaf
      })
    }
    const pools = new Map(Array.from(drawn, ([kind, leaves]) => [kind, poolOf([...leaves])]))
    return values.map((value) => {
      const met = walk(value, (kind, leaf) => {
        const pool = pools.get(kind) ?? []
        // The choice depends on the value itself, so that the same draw gives the same history
        // again.
        const choice = Math.abs(Hash.hash(leaf)) % CHOICES
        return choice === 0 ? leaf : (pool[choice] ?? pool[0])
      })
      return fits(met) ? met : value
    })
  }
}

/**
 * Picks the few values that stand for all drawn ones: of numbers two small ones and the largest, of
 * others the first ones.
 */
const poolOf = (drawn: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const numbers = drawn.filter((leaf) => typeof leaf === "number" || typeof leaf === "bigint")
  if (numbers.length < drawn.length || numbers.length <= VALUES) return drawn.slice(0, VALUES)
  const magnitude = (n: number | bigint) => (n < 0 ? -n : n)
  const ascending = numbers.toSorted((a, b) => (magnitude(a) < magnitude(b) ? -1 : 1))
  return [...ascending.slice(0, VALUES - 1), ...ascending.slice(-1)]
}

const compile = (ast: SchemaAST.AST, known: Map<SchemaAST.AST, Walk>): Walk => {
  const before = known.get(ast)
  if (before !== undefined) return before
  // A schema may contain itself. A nested occurrence gets this function while `walk` is compiled.
  let walk: Walk | undefined
  known.set(ast, (value, visit) => (walk === undefined ? value : walk(value, visit)))
  walk = compileNew(ast, known)
  known.set(ast, walk)
  return walk
}

const compileNew = (ast: SchemaAST.AST, known: Map<SchemaAST.AST, Walk>): Walk => {
  if (SchemaAST.isSuspend(ast)) {
    let inner: Walk | undefined
    return (value, visit) => (inner ??= compile(ast.thunk(), known))(value, visit)
  }
  if (SchemaAST.isObjects(ast)) {
    const properties = ast.propertySignatures.map(
      ({ name, type }) => [name, compile(type, known)] as const
    )
    return (value, visit) => {
      if (!Predicate.isObject(value)) return value
      const object: Record<PropertyKey, unknown> = { ...value }
      for (const [name, walk] of properties) {
        if (Object.hasOwn(value, name)) object[name] = walk(object[name], visit)
      }
      return object
    }
  }
  if (SchemaAST.isArrays(ast)) {
    const elements = ast.elements.map((element) => compile(element, known))
    const rest = ast.rest.map((element) => compile(element, known))
    return (value, visit) =>
      Array.isArray(value)
        ? value.map((element: unknown, index) =>
            (elements[index] ?? rest[0] ?? unchanged)(element, visit)
          )
        : value
  }
  if (SchemaAST.isUnion(ast)) {
    const members = ast.types.map((type) => ({
      fits: Schema.is(Schema.make<Schema.Codec<unknown>>(type)),
      walk: compile(type, known)
    }))
    return (value, visit) =>
      (members.find(({ fits }) => fits(value))?.walk ?? unchanged)(value, visit)
  }
  if (SchemaAST.isLiteral(ast) || SchemaAST.isUniqueSymbol(ast)) return unchanged
  const kind = kindOf(ast)
  return (value, visit) => visit(kind, value)
}

const unchanged: Walk = (value) => value

/**
 * Describes a schema, with the same text for schemas that accept the same values. Schemas without a
 * description share a kind by their tag.
 */
const kindOf = (ast: SchemaAST.AST): string =>
  Result.getOrElse(
    Result.try(() =>
      JSON.stringify(
        Schema.toRepresentation(Schema.make<Schema.Top>(ast)).representation,
        (_, value: unknown) =>
          value instanceof RegExp || typeof value === "bigint" ? String(value) : value
      )
    ),
    () => ast._tag
  )
