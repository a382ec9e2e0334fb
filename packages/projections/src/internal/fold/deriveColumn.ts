/**
 * Derives the column of a field from the type that its schema decodes to and from its JSON form.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Column, ColumnType } from "../../driver/StoredRow.ts"

/** A node of Effect's representation of a schema, with the parts that are read here. */
interface Node {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  /** The alternatives of a union. */
  readonly types?: ReadonlyArray<Node>
  /** The value of a literal. */
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

/** The maximum bytes of an identifier: PostgreSQL truncates longer ones. */
const MAX_NAME_BYTES = 63

/** The reserved names of the columns of every PostgreSQL table ("System Columns"). */
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
  // Only in a struct does the representation show that a field is optional.
  const alone = Schema.Struct({ it: schema }) as Schema.Top as Schema.Codec<unknown, unknown>
  const form = Schema.toEncoded(Schema.toCodecJson(alone))
  const decoded = property(Schema.toType(alone))
  const stored = property(form)
  if (decoded === undefined || stored === undefined) return Result.fail("has no column")
  // Tested with the schema, since not every schema that takes `null` shows it, such as any JSON.
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

/** Returns the column of a field: `customerId` is `customer_id`, `totalGBP` is `total_gbp`. */
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

/** Returns the alternatives of a union, also those of nested unions. */
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

/** Returns true for UUIDs and GUIDs: PostgreSQL takes a UUID of any version. */
const isUuid = (node: Node): boolean =>
  checks(node).some((id) => id === "effect/schema/isUUID" || id === "effect/schema/isGUID")

const isInstant = ({ representation }: Node): boolean =>
  representation?.id === "effect/schema/DateTimeUtc" || representation?.id === "effect/schema/Date"

/** Returns the ids of the checks of a node, also those in groups. */
const checks = (node: { readonly checks?: ReadonlyArray<Check> }): ReadonlyArray<string> =>
  (node.checks ?? []).flatMap((check) => [
    ...(check.representation === undefined ? [] : [check.representation.id]),
    ...checks(check)
  ])
