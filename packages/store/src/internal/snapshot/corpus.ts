/**
 * Generated values to try a fold on: the same ones wherever and whenever they are generated.
 *
 * Text and numbers come from `effect/Arbitrary`, by the schema of each field. Here is what makes events
 * meet: a kind of field has few values, the same in every event, so that an item is removed that was
 * added before. And fields are generated in the order of their names, whatever that in the source is.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { describeLeaf, describeSchema } from "./describeSchema.ts"

/** Draws a whole number from 0 up to `below`, which is excluded. */
export interface Draw {
  (below: number): number
  /** Whether values are drawn now and then that folds often have rules of their own for, such as 0. */
  readonly edges: boolean
}

/** Draws the same numbers each time that it is made. */
export const makeDraw = (options: { readonly edges: boolean }): Effect.Effect<Draw> =>
  Effect.map(Random.Random, (random): Draw =>
    Object.assign((below: number) => Math.floor(random.nextDoubleUnsafe() * below), options)
  ).pipe(Random.withSeed("daybook"))

/** There is no generator: `effect/Arbitrary` can't derive values of a field, or finds none. */
export class NotGenerated extends Data.TaggedError("NotGenerated")<{
  /** Of which events or states, in words. */
  readonly of: string
  /** Where in them, such as `unitPrice.minor`; empty for the whole. */
  readonly path: string
  readonly schema: string
  readonly reason: string
}> {
  override get message() {
    const value = this.path === "" ? "no value" : `no value of ${this.path}`
    return `of ${this.of} ${value} could be generated (${this.schema}): ${this.reason}`
  }
}

/** Generates values of the type of `schema`, which is that `of` something that errors name. */
export const generator = <A>(
  schema: Schema.Codec<A, unknown>,
  of: string
): Effect.Effect<(draw: Draw) => A, NotGenerated> =>
  // What is built from the parts of a schema, and checked by it, is of its type.
  Effect.map(
    build(Schema.toType(schema).ast, { of, path: "" }),
    (generate) => generate as (draw: Draw) => A
  )

/** The members of a union, in the order of what they describe; of another schema that schema. */
export const members = <A>(
  schema: Schema.Codec<A, unknown>
): ReadonlyArray<Schema.Codec<A, unknown>> => {
  const { ast } = Schema.toType(schema)
  return SchemaAST.isUnion(ast) && ast.checks === undefined
    ? inOrder(ast.types).map((type) => Schema.make<Schema.Codec<A, unknown>>(type))
    : [schema]
}

type Generate = (draw: Draw) => unknown

/** How large values are where their schema does not say, see `SampleOptions` of `effect/Arbitrary`. */
const SIZE = 8
/** How many values one kind of field has: enough to differ, few enough to meet again. */
const VALUES = 3
/** How many are sampled to find so many that differ. */
const SAMPLES = 24
/** One of how many values of a field is an edge where they are drawn: with more, fewer events would meet. */
const RARE = 4
/** How many elements an array of any length gets at most: more would show no more. */
const MAX_ELEMENTS = 2
/** How often a value is built until it passes the checks of its own schema. */
const TRIES = 8

/** What is being built, for errors. */
interface Place {
  readonly of: string
  readonly path: string
}

const inside = ({ of, path }: Place, step: string): Place => ({
  of,
  path: path === "" || step.startsWith("[") ? `${path}${step}` : `${path}.${step}`
})

const build: (ast: SchemaAST.AST, place: Place) => Effect.Effect<Generate, NotGenerated> =
  Effect.fnUntraced(function* (ast, place) {
    const parts = yield* buildParts(ast, place)
    if (parts === undefined) return yield* leaf(ast, place)
    if (ast.checks === undefined) return parts
    const passes = Schema.is(Schema.make<Schema.Codec<unknown>>(ast))
    const whole = yield* leaf(ast, place)
    return (draw) => {
      for (let tried = 0; tried < TRIES; tried++) {
        const value = parts(draw)
        if (passes(value)) return value
      }
      return whole(draw)
    }
  })

/** Generates a composite from its parts; a schema without parts has none. */
const buildParts = (
  ast: SchemaAST.AST,
  place: Place
): Effect.Effect<Generate | undefined, NotGenerated> => {
  if (SchemaAST.isObjects(ast)) return buildObject(ast, place)
  if (SchemaAST.isArrays(ast)) return buildArray(ast, place)
  if (SchemaAST.isUnion(ast)) {
    return Effect.map(
      Effect.forEach(inOrder(ast.types), (type) => build(type, place)),
      (types) => (draw: Draw) => types[draw(types.length)]?.(draw)
    )
  }
  return Effect.undefined
}

const buildObject = Effect.fnUntraced(function* (
  { indexSignatures, propertySignatures }: SchemaAST.Objects,
  place: Place
) {
  const properties = yield* Effect.forEach(
    propertySignatures.toSorted((a, b) => compare(String(a.name), String(b.name))),
    ({ name, type }) =>
      Effect.map(build(type, inside(place, String(name))), (value) => ({
        name,
        value,
        optional: SchemaAST.isOptional(type)
      }))
  )
  const indexes = yield* Effect.forEach(indexSignatures, ({ parameter, type }) =>
    Effect.all({
      key: build(parameter, inside(place, "[key]")),
      value: build(type, inside(place, "[*]"))
    })
  )
  return (draw: Draw) => {
    const object: Record<PropertyKey, unknown> = {}
    for (const { name, optional, value } of properties) {
      if (!optional || draw(2) === 0) object[name] = value(draw)
    }
    for (const { key, value } of indexes) {
      for (let left = draw(MAX_ELEMENTS + 1); left > 0; left--) {
        object[String(key(draw))] = value(draw)
      }
    }
    return object
  }
})

const buildArray = Effect.fnUntraced(function* (
  { elements, rest }: SchemaAST.Arrays,
  place: Place
) {
  const first = yield* Effect.forEach(elements, (element, index) =>
    Effect.map(build(element, inside(place, `[${index}]`)), (value) => ({
      value,
      optional: SchemaAST.isOptional(element)
    }))
  )
  const [repeated, ...last] = yield* Effect.forEach(rest, (type) =>
    build(type, inside(place, "[]"))
  )
  return (draw: Draw) => {
    const array: Array<unknown> = []
    for (const { optional, value } of first) {
      if (optional && draw(2) === 0) return array
      array.push(value(draw))
    }
    if (repeated === undefined) return array
    for (let left = draw(MAX_ELEMENTS + 1); left > 0; left--) array.push(repeated(draw))
    for (const value of last) array.push(value(draw))
    return array
  }
})

/** Generates one of a few values, which depend on nothing but what the schema describes. */
const leaf = Effect.fnUntraced(function* (ast: SchemaAST.AST, place: Place) {
  const schema = Schema.make<Schema.Codec<unknown>>(ast)
  const failed = (reason: string) =>
    new NotGenerated({ ...place, schema: describeLeaf(schema), reason })
  const arbitrary = yield* Effect.try({
    try: () => Arbitrary.schema(schema),
    catch: (cause) => failed(cause instanceof Error ? cause.message : String(cause))
  })
  const samples = yield* Arbitrary.sampleEffect(arbitrary, {
    count: SAMPLES,
    size: SIZE,
    seed: describeSchema(schema)
  }).pipe(Effect.mapError(() => failed("random values do not pass its checks")))
  const values = Arr.dedupe(samples).slice(0, VALUES)
  const special = Arr.dedupe(edges(ast, values[0])).filter(Schema.is(schema))
  // Mostly the first one, so that several fields of two events can be alike at once. Numbers differ more:
  // many are quantities, which matter by being less or more.
  const likelihood = typeof values[0] === "number" ? 2 : 4
  return (draw: Draw) => {
    if (draw.edges && special.length > 0 && draw(RARE) === 0) return special[draw(special.length)]
    return values[draw(likelihood) === 0 ? draw(values.length) : 0]
  }
})

/** Values that folds often have a rule of their own for, and that are hardly ever drawn. */
const edges = (ast: SchemaAST.AST, first: unknown): ReadonlyArray<unknown> => {
  // Beside the same text without spaces, so that it shows whether they are trimmed.
  if (SchemaAST.isString(ast)) return ["", ` ${String(first)} `]
  if (SchemaAST.isNumber(ast)) return [0, 1, ...bounds(ast.checks)]
  if (SchemaAST.isBigInt(ast)) return [0n, 1n, ...bounds(ast.checks)]
  return []
}

/** The bounds that checks say they have. */
const bounds = (checks: SchemaAST.Checks | undefined): ReadonlyArray<unknown> =>
  (checks ?? []).flatMap((check) => {
    const constraint: { readonly minimum?: unknown; readonly maximum?: unknown } =
      check.annotations?.arbitraryConstraint ?? {}
    return [
      constraint.minimum,
      constraint.maximum,
      ...(check._tag === "FilterGroup" ? bounds(check.checks) : [])
    ]
  })

const inOrder = (types: ReadonlyArray<SchemaAST.AST>): ReadonlyArray<SchemaAST.AST> =>
  types
    .map((type) => ({ type, text: describeSchema(Schema.make(type)) }))
    .toSorted((a, b) => compare(a.text, b.text))
    .map(({ type }) => type)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
