/**
 * The filters of rows as parameters of a query: `status=draft`, `total.atLeast=100`.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** The words of filters that compare with one value. */
const WORDS = ["not", "below", "atMost", "above", "atLeast"] as const

type Word = (typeof WORDS)[number]

/** The parameters of a page of rows, which no filter can be named as. */
export type Reserved = "order" | "cursor" | "limit" | "after"

const RESERVED: ReadonlyArray<string> = [
  "order",
  "cursor",
  "limit",
  "after"
] satisfies ReadonlyArray<Reserved>

/** Returns the fields that have the name of a parameter of a page. */
export const reservedOf = (fields: ReadonlyArray<string>): ReadonlyArray<string> =>
  fields.filter((field) => RESERVED.includes(field))

/** The parameters by which rows are filtered. */
export type Filters<Row, Field extends keyof Row & string> = {
  readonly [P in Field]?: NonNullable<Row[P]>
} & {
  readonly [P in Field as `${P}.${Word}`]?: NonNullable<Row[P]>
} & {
  readonly [P in Field as `${P}.oneOf`]?: ReadonlyArray<NonNullable<Row[P]>>
} & {
  readonly [P in Field as `${P}.isNull`]?: boolean
}

/** The most values of `oneOf`. */
const MAX_VALUES = 100

/** Returns the parameters of each field. */
export const fieldsOf = (
  row: Projection.RowSchema<unknown>,
  fields: ReadonlyArray<string>
): Record<string, Schema.Top> =>
  Object.fromEntries<Schema.Top>(
    fields.flatMap((field): ReadonlyArray<readonly [string, Schema.Top]> => {
      const whole = row.fields[field]
      // The type of `where` allows fields of the row only.
      if (whole === undefined) return []
      const value = withoutNull(whole as Schema.Top)
      const several = Schema.Array(value).check(Schema.isMaxLength(MAX_VALUES))
      return [
        [field, Schema.optionalKey(value)],
        ...WORDS.map((word) => [`${field}.${word}`, Schema.optionalKey(value)] as const),
        [`${field}.oneOf`, Schema.optionalKey(several)],
        ...(value === whole
          ? []
          : [[`${field}.isNull`, Schema.optionalKey(Schema.Boolean)] as const])
      ]
    })
  )

/** A parameter has no form for null: `isNull` asks for it. */
const withoutNull = (schema: Schema.Top): Schema.Top => {
  if (Predicate.hasProperty(schema, "members") && Array.isArray(schema.members)) {
    const members = (schema.members as ReadonlyArray<Schema.Top>).filter(
      ({ ast }) => !SchemaAST.isNull(ast) && !SchemaAST.isUndefined(ast)
    )
    const [only] = members
    if (members.length === schema.members.length) return schema
    return members.length === 1 && only !== undefined ? withoutNull(only) : Schema.Union(members)
  }
  return SchemaAST.isOptional(schema.ast) && Predicate.hasProperty(schema, "schema")
    ? withoutNull(schema.schema as Schema.Top)
    : schema
}

/** Returns the conditions on `fields` of the decoded parameters of a query; others are left out. */
export const whereOf = (
  query: object,
  fields: ReadonlySet<string>
): Readonly<Record<string, object>> => {
  const where: Record<string, Record<string, unknown>> = {}
  for (const [parameter, value] of Object.entries(query)) {
    const dot = parameter.indexOf(".")
    const field = dot < 0 ? parameter : parameter.slice(0, dot)
    if (!fields.has(field) || value === undefined) continue
    const word = dot < 0 ? "equal" : parameter.slice(dot + 1)
    where[field] ??= {}
    if (word === "isNull") where[field][value === true ? "equal" : "not"] = null
    else where[field][word] = value
  }
  return where
}
