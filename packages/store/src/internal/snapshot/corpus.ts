/**
 * Generates values to run a fold on: the same ones on every machine and in every run.
 *
 * Text and numbers come from `effect/Arbitrary`, by the schema of each field. A kind of field has
 * few values, the same in every event, so that events refer to one another: a removed item was
 * added before. Fields are generated in the order of their names, not in that of the source.
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
  /** True to draw, now and then, values that folds often have special rules for, such as 0. */
  readonly edges: boolean
}

/** Makes a source of numbers that is the same each time. */
export const makeDraw = (options: { readonly edges: boolean }): Effect.Effect<Draw> =>
  Effect.map(Random.Random, (random): Draw =>
    Object.assign((below: number) => Math.floor(random.nextDoubleUnsafe() * below), options)
  ).pipe(Random.withSeed("daybook"))

/** There is no generator: `effect/Arbitrary` can't derive values of a field, or finds none. */
export class NotGenerated extends Data.TaggedError("NotGenerated")<{
  /** The events or states, in words. */
  readonly of: string
  /** The path inside them, such as `unitPrice.minor`; empty for the whole. */
  readonly path: string
  readonly schema: string
  readonly reason: string
}> {
  override get message() {
    const value = this.path === "" ? "no value" : `no value of ${this.path}`
    return `of ${this.of} ${value} could be generated (${this.schema}): ${this.reason}`
  }
}

/** Makes a generator of values of the type of `schema`. `of`: its name in errors. */
export const generator = <A>(
  schema: Schema.Codec<A, unknown>,
  of: string
): Effect.Effect<(draw: Draw) => A, NotGenerated> =>
  // A value built from the parts of a schema, and checked by it, has its type.
  Effect.map(
    build(Schema.toType(schema).ast, { of, path: "" }),
    (generate) => generate as (draw: Draw) => A
  )

/** Returns the members of a union, ordered by their descriptions, or a schema that is no union. */
export const members = <A>(
  schema: Schema.Codec<A, unknown>
): ReadonlyArray<Schema.Codec<A, unknown>> => {
  const { ast } = Schema.toType(schema)
  return SchemaAST.isUnion(ast) && ast.checks === undefined
    ? inOrder(ast.types).map((type) => Schema.make<Schema.Codec<A, unknown>>(type))
    : [schema]
}

type Generate = (draw: Draw) => unknown

/** The size of values whose schema sets none, see `SampleOptions` of `effect/Arbitrary`. */
const SIZE = 8
/** The number of values of one kind of field: enough to differ, few enough to recur. */
const VALUES = 3
/** The number of samples that are drawn to find that many different values. */
const SAMPLES = 24
/**
 * One in `RARE` values is an edge case where these are drawn: with more, fewer values would recur.
 */
const RARE = 4
/** The maximum number of elements of an array of any length: more would show no more. */
const MAX_ELEMENTS = 2
/** The number of tries to build a value that passes the checks of its own schema. */
const TRIES = 8

/** The part that is being built, for errors. */
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

/** Generates a composite from its parts; undefined for a schema without parts. */
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

/** Generates one of a few values, which depend only on the description of the schema. */
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
  // Mostly the first value, so that several fields of two events can be equal at once. Numbers vary
  // more: many are quantities, whose order matters.
  const likelihood = typeof values[0] === "number" ? 2 : 4
  return (draw: Draw) => {
    if (draw.edges && special.length > 0 && draw(RARE) === 0) return special[draw(special.length)]
    return values[draw(likelihood) === 0 ? draw(values.length) : 0]
  }
})

/** Returns values that folds often have special rules for, and that are hardly ever drawn. */
const edges = (ast: SchemaAST.AST, first: unknown): ReadonlyArray<unknown> => {
  // The first text with spaces around it shows whether the fold trims.
  if (SchemaAST.isString(ast)) return ["", ` ${String(first)} `]
  if (SchemaAST.isNumber(ast)) return [0, 1, ...bounds(ast.checks)]
  if (SchemaAST.isBigInt(ast)) return [0n, 1n, ...bounds(ast.checks)]
  return []
}

/** Returns the bounds that checks declare. */
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
