/**
 * Describes the data that a schema stores and accepts, field by field, in words that stay the same
 * as long as the same data decodes.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** A node of the representation that `effect` makes of a schema, as far as it is used here. */
interface Node {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  readonly [key: string]: unknown
}

interface Check {
  readonly _tag: string
  readonly checks?: ReadonlyArray<Check>
  readonly representation?: {
    readonly id: string
    readonly payload: unknown
    /** The schemas that the check applies to, such as the names of properties. */
    readonly schemas?: ReadonlyArray<Node>
  }
  readonly annotations?: { readonly expected?: unknown }
}

type Fields = Record<string, string>

/**
 * Returns the fields of the stored data, and the decoded fields where they differ.
 *
 * The tag of an event is left out, since it is stored beside the data.
 */
export const describeFields = (schema: Schema.Codec<unknown, unknown>): Fields => {
  const stored = flatten(Schema.toRepresentation(Schema.toCodecJson(schema)))
  const decoded = flatten(Schema.toRepresentation(Schema.toType(schema)))
  const fields: Fields = { ...stored }
  // A field with a default may be absent in store and present once decoded.
  const present = new Map(Object.entries(stored).map(([path, text]) => [withoutMarks(path), text]))
  for (const [path, description] of Object.entries(decoded)) {
    if (present.get(withoutMarks(path)) !== description) fields[`${path} decoded`] = description
  }
  delete fields["_tag"]
  return fields
}

/** Matches the marks of optional fields in a path, and quoted names, whose `?` is not a mark. */
const MARKS = /"(?:[^"\\]|\\.)*"|\?/g

const withoutMarks = (path: string): string =>
  path.replaceAll(MARKS, (found) => (found === "?" ? "" : found))

/** Returns the paths of the optional fields that a path leads through, outermost first. */
export const optionalFields = (path: string): ReadonlyArray<string> =>
  Array.from(path.matchAll(MARKS))
    .filter(([found]) => found === "?")
    .map(({ index }) => path.slice(0, index))

const flatten = (document: {
  readonly representation: unknown
  readonly references: object
}): Fields => {
  const walk: Walk = {
    fields: {},
    // effect/SchemaRepresentation documents this shape of the data.
    references: new Map(Object.entries(document.references) as Array<[string, Node]>),
    entered: new Map()
  }
  visit(document.representation as Node, "", walk)
  return walk.fields
}

interface Walk {
  readonly fields: Fields
  readonly references: ReadonlyMap<string, Node>
  /** The references whose description has begun, with the paths where it began. */
  readonly entered: Map<string, string>
}

/** Writes a field. Throws for a second one at the same path, which would hide the first. */
const set = (path: string, description: string, { fields }: Walk): void => {
  if (Object.hasOwn(fields, path)) throw new Error(`Two fields are described at ${path}`)
  fields[path] = description
}

const visit = (node: Node, path: string, walk: Walk): void => {
  switch (node._tag) {
    case "Objects":
      return walkObject(node, path, walk)
    case "Arrays":
      return walkArray(node, path, walk)
    case "Union":
      return walkUnion(node, path, walk)
    case "Reference":
      return walkReference(node, path, walk)
    case "Suspend":
      return visit(node["thunk"] as Node, path, walk)
    default:
      set(path, describe(node), walk)
  }
}

/** Describes the target of a reference where it is used, since names are not stored. */
const walkReference = (node: Node, path: string, walk: Walk): void => {
  const name = String(node["$ref"])
  const began = walk.entered.get(name)
  const target = walk.references.get(name)
  if (began !== undefined || target === undefined) {
    return set(path, `as at ${began === "" ? "the top" : String(began)}${checks(node)}`, walk)
  }
  walk.entered.set(name, path)
  visit(target, path, walk)
  walk.entered.delete(name)
}

const walkObject = (node: Node, path: string, walk: Walk): void => {
  const properties = nodes(node["propertySignatures"])
  const indexes = nodes(node["indexSignatures"])
  // An object without fields, or with checks of its own, gets a line of its own.
  if ((path !== "" && properties.length + indexes.length === 0) || checks(node) !== "") {
    set(path, `object${checks(node)}`, walk)
  }
  for (const property of properties) {
    const name = `${nameOf(property)}${property["isOptional"] === true ? "?" : ""}`
    visit(property["type"] as Node, path === "" ? name : `${path}.${name}`, walk)
  }
  for (const index of indexes) {
    set(`${path}[key]`, describe(index["parameter"] as Node), walk)
    visit(index["type"] as Node, `${path}[*]`, walk)
  }
}

/** Quotes a name that could be taken for a path. */
const nameOf = (property: Node): string => {
  const name = String(property["name"])
  return /^[\w$-]+$/.test(name) ? name : JSON.stringify(name)
}

const walkArray = (node: Node, path: string, walk: Walk): void => {
  set(path, `array${checks(node)}`, walk)
  for (const [index, element] of nodes(node["elements"]).entries()) {
    const optional = element["isOptional"] === true ? "?" : ""
    visit(element["type"] as Node, `${path}[${index}]${optional}`, walk)
  }
  for (const [index, rest] of nodes(node["rest"]).entries()) {
    visit(rest, index === 0 ? `${path}[]` : `${path}[+${index}]`, walk)
  }
}

const walkUnion = (node: Node, path: string, walk: Walk): void => {
  const types = nodes(node["types"])
  if (types.every(isFlat)) {
    // Literals are tried together, so their order has no meaning.
    const all = types.map(describe)
    const ordered = types.every(({ _tag }) => _tag === "Literal") ? all.toSorted() : all
    set(path, `${ordered.join(" | ")}${checks(node)}`, walk)
    return
  }
  set(path, `one of ${types.length}${checks(node)}`, walk)
  for (const [index, type] of types.entries()) visit(type, `${path}<${index + 1}>`, walk)
}

const isFlat = ({ _tag }: Node): boolean =>
  !["Objects", "Arrays", "Union", "Reference", "Suspend"].includes(_tag)

const describe = (node: Node): string => {
  const what =
    node._tag === "Literal"
      ? literal(node["literal"])
      : node._tag === "Declaration"
        ? declared(node)
        : ["String", "Number", "Boolean", "BigInt", "Null", "Unknown"].includes(node._tag)
          ? node._tag.toLowerCase()
          : canonical(node)
  return `${what}${checks(node)}`
}

/** Writes a literal as JSON, with a suffix for bigint, which JSON lacks. */
const literal = (value: unknown): string =>
  Predicate.isBigInt(value) ? `${value}n` : JSON.stringify(value)

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
  const schemas = (representation.schemas ?? []).map((schema) => ` (${describe(schema)})`).join("")
  return `, ${short(representation.id)}${payload}${schemas}`
}

const short = (id: string): string => id.replace("effect/schema/", "")

const nodes = (value: unknown) => value as ReadonlyArray<Node>

/** Writes JSON with its keys in order, without annotations, which do not affect decoding. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (!Predicate.isObject(value)) return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([key, entry]) => key !== "annotations" && entry !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonical(entry)}`).join(",")}}`
}
