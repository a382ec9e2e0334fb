/**
 * Whether the schema of a row accepts what a fold made of a row that it accepted already.
 *
 * A fold makes a new row after each event, and each is checked. A row with a list of 10,000 elements would cost a check of
 * 10,000 elements an event, of which one is new. So what is the same value as before is not checked again.
 */
import type { RowSchema } from "@daybook/kernel/Projection"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { compiled } from "./compiled.ts"
import { between } from "./listChange.ts"

/** Whether a row is of its schema; `before`: a row that is, which the row was made from. */
export type Accepts<Row> = (row: Row, before?: Row) => boolean

/** Below it, a check of every element costs no more than a look at which are new. */
const MANY = 32

export const make = <Row>(schema: RowSchema<Row>): Accepts<Row> => {
  const type = Schema.toType(schema)
  const is = Schema.is(compiled(type))
  // A check of the whole row may be about any field.
  const fields =
    type.ast.checks === undefined ? Object.entries(schema.fields).map(fieldOf) : undefined
  return (row, before) => {
    if (fields === undefined || before === undefined || !Predicate.isObject(row)) return is(row)
    const values: { readonly [field: string]: unknown } = row
    const known = before as { readonly [field: string]: unknown }
    return fields.every((field) => {
      const value = values[field.name]
      if (value === undefined) {
        return field.name in values ? field.accepts(value, undefined) : field.isOptional
      }
      return value === known[field.name] || field.accepts(value, known[field.name])
    })
  }
}

interface Field {
  readonly name: string
  readonly isOptional: boolean
  readonly accepts: (value: unknown, before: unknown) => boolean
}

const fieldOf = ([name, schema]: readonly [string, Schema.Constraint]): Field => {
  const { ast } = Schema.toType(schema)
  const is = isOf(ast)
  const element = elementOf(ast)
  const isElement = element === undefined ? undefined : remembering(element)
  return {
    name,
    isOptional: SchemaAST.isOptional(ast),
    accepts: (value, before) =>
      // Most rows have no long list, and are checked as they are.
      isElement === undefined || !Array.isArray(value) || value.length < MANY
        ? is(value)
        : between(value, before).every(isElement)
  }
}

const isOf = (ast: SchemaAST.AST) =>
  Schema.is(compiled(Schema.make<Schema.Codec<unknown, unknown>>(ast)))

/** The schema of the elements of a list of any length, unless something is checked of the list as a whole. */
const elementOf = (ast: SchemaAST.AST): ((value: unknown) => boolean) | undefined => {
  if (!SchemaAST.isArrays(ast) || ast.checks !== undefined || ast.elements.length > 0)
    return undefined
  const [element, ...after] = ast.rest
  if (element === undefined || after.length > 0) return undefined
  return isOf(element)
}

/** Objects are never changed, so one that was accepted is accepted wherever it stands. */
const remembering = (is: (value: unknown) => boolean): ((value: unknown) => boolean) => {
  const accepted = new WeakSet<object>()
  return (value) => {
    if (typeof value !== "object" || value === null) return is(value)
    if (accepted.has(value)) return true
    if (!is(value)) return false
    accepted.add(value)
    return true
  }
}
