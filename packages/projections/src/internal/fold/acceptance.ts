/**
 * Checks that the schema of a row accepts a row that a fold made from an accepted row.
 *
 * A fold makes a new row after each event, and each is checked. A row with a list of 10,000
 * elements would cost a check of 10,000 elements for each event, of which one is new. So values
 * that are the same as before are not checked again.
 */
import * as CompiledSchema from "@daybook/kernel/CompiledSchema"
import type { RowSchema } from "@daybook/kernel/Projection"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { added } from "./listChange.ts"

/** Returns true if a row is of its schema; `before` is an accepted row that it was made from. */
export type Accepts<Row> = (row: Row, before?: Row) => boolean

/** Below this length, checking an element again costs no more than remembering it. */
const MANY = 32

export const make = <Row>(schema: RowSchema<Row>): Accepts<Row> => {
  const type = Schema.toType(schema)
  const is = Schema.is(CompiledSchema.make(type))
  // A check of the whole row may read any field.
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
      const was = known[field.name]
      return Object.is(value, was) || field.accepts(value, was)
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
  const isElement = elementOf(ast)
  const isKnownElement = isElement === undefined ? undefined : remembering(isElement)
  return {
    name,
    isOptional: SchemaAST.isOptional(ast),
    accepts: (value, before) => {
      if (isElement === undefined || isKnownElement === undefined || !Array.isArray(value)) {
        return is(value)
      }
      if (value.length >= MANY) return added(value, before).every(isKnownElement)
      return Array.isArray(before) ? added(value, before).every(isElement) : is(value)
    }
  }
}

const isOf = (ast: SchemaAST.AST) =>
  Schema.is(CompiledSchema.make(Schema.make<Schema.Codec<unknown, unknown>>(ast)))

/** Returns the check of a list's elements, unless the schema also checks the list as a whole. */
const elementOf = (ast: SchemaAST.AST): ((value: unknown) => boolean) | undefined => {
  if (!SchemaAST.isArrays(ast) || ast.checks !== undefined || ast.elements.length > 0)
    return undefined
  const [element, ...after] = ast.rest
  if (element === undefined || after.length > 0) return undefined
  return isOf(element)
}

/** Remembers accepted objects: objects are never changed, so they are accepted anywhere. */
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
