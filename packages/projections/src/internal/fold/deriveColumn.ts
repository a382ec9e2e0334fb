/**
 * The column that a field of a row gets, from what the schema of the field decodes to and from its JSON form.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Column, ColumnType } from "../../StoredRow.ts"

/** A node of the representation that `effect` gives of a schema, as far as it is looked at here. */
interface Node {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  /** Of a union. */
  readonly types?: ReadonlyArray<Node>
  /** Of a literal. */
  readonly literal?: unknown
  readonly representation?: { readonly id: string }
  readonly propertySignatures?: ReadonlyArray<{
    readonly type: Node
    readonly isOptional: boolean
  }>
}

interface Check {
  readonly checks?: ReadonlyArray<Check>
  readonly representation?: { readonly id: string }
}

/** PostgreSQL cuts longer identifiers. */
const MAX_NAME_BYTES = 63

/** Columns that every table of PostgreSQL has ("System Columns"), which no other may be named as. */
const SYSTEM_COLUMNS = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"])

export const deriveColumn = (
  field: string,
  schema: Schema.Constraint
): Result.Result<{ readonly column: Column; readonly isOptional: boolean }, string> => {
  const name = columnName(field)
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    return Result.fail("has no column: names are letters, digits and _, and begin with a letter")
  }
  if (name.length > MAX_NAME_BYTES) {
    return Result.fail(`has no column: ${name} is longer than ${MAX_NAME_BYTES} characters`)
  }
  if (SYSTEM_COLUMNS.has(name)) return Result.fail(`has no column: PostgreSQL has its own ${name}`)
  // In a struct of its own, an optional field says that it is one.
  const alone = Schema.Struct({ it: schema }) as Schema.Top as Schema.Codec<unknown, unknown>
  const form = Schema.toEncoded(Schema.toCodecJson(alone))
  const decoded = property(Schema.toType(alone))
  const stored = property(form)
  if (decoded === undefined || stored === undefined) return Result.fail("has no column")
  // Asked of the schema, since not all that takes `null` shows it, as any JSON.
  const nullable = Schema.is(form)({ it: null })
  const isOptional = decoded.isOptional || stored.isOptional
  if (nullable && isOptional) {
    return Result.fail("may be null and may be absent, which a column can't tell apart")
  }
  return Result.succeed({
    column: {
      field,
      name,
      type: columnType(decoded.type, stored.type),
      nullable: nullable || isOptional
    },
    isOptional
  })
}

/** `customerId` is `customer_id`, `totalGBP` is `total_gbp`. */
const columnName = (field: string): string =>
  field
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()

const property = (schema: Schema.Codec<unknown, unknown>) => {
  // The representation is data of this shape; see effect/SchemaRepresentation.
  const node = Schema.toRepresentation(schema).representation as unknown as Node
  return node.propertySignatures?.[0]
}

/** The alternatives of a union, those of unions in it too. */
const members = (node: Node): ReadonlyArray<Node> =>
  node.types === undefined ? [node] : node.types.flatMap(members)

const columnType = (decoded: Node, stored: Node): ColumnType => {
  const types = members(decoded).filter(isSomething)
  const forms = members(stored).filter(isSomething)
  const all = (nodes: ReadonlyArray<Node>, is: (node: Node) => boolean) =>
    nodes.length > 0 && nodes.every(is)
  if (all(forms, isNumber)) {
    return all(types, isWhole) && all(forms, isWhole)
      ? "bigint"
      : all(types, isNumber)
        ? "double precision"
        : "jsonb"
  }
  if (all(forms, isBoolean) && all(types, isBoolean)) return "boolean"
  if (!all(forms, isText)) return "jsonb"
  if (all(types, ({ _tag }) => _tag === "BigInt")) return "numeric"
  if (all(types, isInstant)) return "timestamptz"
  if (!all(types, isText)) return "jsonb"
  return all(types, isUuid) ? "uuid" : "text"
}

const isSomething = ({ _tag }: Node): boolean => _tag !== "Null" && _tag !== "Undefined"

const isLiteral = ({ literal }: Node, type: string): boolean => typeof literal === type

const isNumber = (node: Node): boolean => node._tag === "Number" || isLiteral(node, "number")

const isWhole = (node: Node): boolean =>
  node._tag === "Number"
    ? checks(node).includes("effect/schema/isInt")
    : Number.isSafeInteger(node.literal)

const isBoolean = (node: Node): boolean => node._tag === "Boolean" || isLiteral(node, "boolean")

const isText = (node: Node): boolean =>
  node._tag === "String" || node._tag === "TemplateLiteral" || isLiteral(node, "string")

/** PostgreSQL takes a UUID of any version. */
const isUuid = (node: Node): boolean =>
  checks(node).some((id) => id === "effect/schema/isUUID" || id === "effect/schema/isGUID")

const isInstant = ({ representation }: Node): boolean =>
  representation?.id === "effect/schema/DateTimeUtc" || representation?.id === "effect/schema/Date"

/** The ids of the checks of a node, those of groups too. */
const checks = (node: { readonly checks?: ReadonlyArray<Check> }): ReadonlyArray<string> =>
  (node.checks ?? []).flatMap((check) => [
    ...(check.representation === undefined ? [] : [check.representation.id]),
    ...checks(check)
  ])
