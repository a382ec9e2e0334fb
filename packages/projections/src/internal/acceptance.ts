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
  const lists = new Map<string, (element: unknown) => boolean>()
  // A check of the whole row may be about a list.
  if (type.ast.checks === undefined) {
    for (const [field, of] of Object.entries(schema.fields)) {
      const element = elementOf(Schema.toType(of).ast)
      if (element !== undefined) lists.set(field, remembering(element))
    }
  }
  return (row, before) => {
    if (before === undefined || lists.size === 0) return is(row)
    // Most rows have no long list, and are checked as they are.
    let short: object | undefined
    for (const [field, isElement] of lists) {
      const list = fieldOf(row, field)
      if (!Array.isArray(list) || list.length < MANY) continue
      if (!between(list, fieldOf(before, field)).every(isElement)) return false
      short = { ...(short ?? row), [field]: [] }
    }
    return is(short ?? row)
  }
}

const fieldOf = (row: unknown, field: string): unknown =>
  Predicate.hasProperty(row, field) ? row[field] : undefined

/** The schema of the elements of a list of any length, unless something is checked of the list as a whole. */
const elementOf = (ast: SchemaAST.AST): ((value: unknown) => boolean) | undefined => {
  if (!SchemaAST.isArrays(ast) || ast.checks !== undefined || ast.elements.length > 0)
    return undefined
  const [element, ...after] = ast.rest
  if (element === undefined || after.length > 0) return undefined
  return Schema.is(compiled(Schema.make<Schema.Codec<unknown, unknown>>(element)))
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
