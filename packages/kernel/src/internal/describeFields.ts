/**
 * Describes what a schema stores and what it accepts, field by field, in words that stay the same as
 * long as the same data decodes.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** A node of the representation that `effect` gives of a schema, as far as it is looked at here. */
interface Node {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  readonly [key: string]: unknown
}

interface Check {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  readonly representation?: { readonly id: string; readonly payload: unknown }
  readonly annotations?: { readonly expected?: unknown }
}

type Fields = Record<string, string>

/**
 * The fields of the stored data, and those of what it decodes to where they differ.
 *
 * The tag of an event is stored beside its data, so it is left out.
 */
export const describeFields = (schema: Schema.Codec<unknown, unknown>): Fields => {
  const stored = flatten(Schema.toRepresentation(Schema.toCodecJson(schema)))
  const decoded = flatten(Schema.toRepresentation(Schema.toType(schema)))
  const fields: Fields = { ...stored }
  // A default makes a field that may be absent in store present when it is decoded.
  const present = new Map(Object.entries(stored).map(([path, text]) => [withoutMarks(path), text]))
  for (const [path, description] of Object.entries(decoded)) {
    if (present.get(withoutMarks(path)) !== description) fields[`${path} decoded`] = description
  }
  delete fields["_tag"]
  return fields
}

const withoutMarks = (path: string): string => path.replaceAll("?", "")

const flatten = (document: {
  readonly representation: unknown
  readonly references: object
}): Fields => {
  const fields: Fields = {}
  // The representation is data of this shape; see effect/SchemaRepresentation.
  walk(document.representation as Node, "", fields)
  for (const [name, node] of Object.entries(document.references)) {
    walk(node as Node, `#${name}`, fields)
  }
  return fields
}

const walk = (node: Node, path: string, fields: Fields): void => {
  switch (node._tag) {
    case "Objects":
      return walkObject(node, path, fields)
    case "Arrays":
      return walkArray(node, path, fields)
    case "Union":
      return walkUnion(node, path, fields)
    default:
      fields[path] = describe(node)
  }
}

const walkObject = (node: Node, path: string, fields: Fields): void => {
  const properties = nodes(node["propertySignatures"])
  const indexes = nodes(node["indexSignatures"])
  // Without fields or with checks of its own, the object says something itself.
  if (path !== "" && properties.length + indexes.length === 0)
    fields[path] = `object${checks(node)}`
  else if (checks(node) !== "") fields[path] = `object${checks(node)}`
  for (const property of properties) {
    const name = `${String(property["name"])}${property["isOptional"] === true ? "?" : ""}`
    walk(property["type"] as Node, path === "" ? name : `${path}.${name}`, fields)
  }
  for (const index of indexes) {
    fields[`${path}[key]`] = describe(index["parameter"] as Node)
    walk(index["type"] as Node, `${path}[*]`, fields)
  }
}

const walkArray = (node: Node, path: string, fields: Fields): void => {
  fields[path] = `array${checks(node)}`
  for (const [index, element] of nodes(node["elements"]).entries()) {
    const optional = element["isOptional"] === true ? "?" : ""
    walk(element["type"] as Node, `${path}[${index}]${optional}`, fields)
  }
  for (const rest of nodes(node["rest"])) walk(rest, `${path}[]`, fields)
}

const walkUnion = (node: Node, path: string, fields: Fields): void => {
  const types = nodes(node["types"])
  if (types.every(isFlat)) {
    // Literals are tried together, so their order says nothing.
    const all = types.map(describe)
    const ordered = types.every(({ _tag }) => _tag === "Literal") ? all.toSorted() : all
    fields[path] = `${ordered.join(" | ")}${checks(node)}`
    return
  }
  fields[path] = `one of ${types.length}${checks(node)}`
  for (const [index, type] of types.entries()) walk(type, `${path}<${index + 1}>`, fields)
}

const isFlat = ({ _tag }: Node): boolean => !["Objects", "Arrays", "Union"].includes(_tag)

const describe = (node: Node): string => {
  const what =
    node._tag === "Literal"
      ? JSON.stringify(node["literal"])
      : node._tag === "Declaration"
        ? declared(node)
        : node._tag === "Reference"
          ? `#${String(node["$ref"])}`
          : ["String", "Number", "Boolean", "BigInt", "Null", "Unknown"].includes(node._tag)
            ? node._tag.toLowerCase()
            : canonical(node)
  return `${what}${checks(node)}`
}

const declared = (node: Node): string => {
  const { representation } = node
  return Predicate.hasProperty(representation, "id") ? short(String(representation.id)) : "declared"
}

const checks = (node: Node): string => (node.checks ?? []).map(describeCheck).join("")

const describeCheck = (check: Check): string => {
  if (check.checks !== undefined) return check.checks.map(describeCheck).join("")
  const { annotations, representation } = check
  if (representation === undefined) {
    return `, ${Predicate.isString(annotations?.expected) ? annotations.expected : "a check"}`
  }
  const payload = representation.payload === null ? "" : ` ${canonical(representation.payload)}`
  return `, ${short(representation.id)}${payload}`
}

const short = (id: string): string => id.replace("effect/schema/", "")

const nodes = (value: unknown): ReadonlyArray<Node> =>
  Array.isArray(value) ? (value as ReadonlyArray<Node>) : []

/** JSON with its keys in order and without annotations, which do not change what decodes. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (!Predicate.isObject(value)) return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([key, entry]) => key !== "annotations" && entry !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonical(entry)}`).join(",")}}`
}
