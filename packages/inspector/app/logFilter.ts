/** The filter of the log as a text: `type:ItemAdded not:actor:import`. */
import { EventType } from "@daybook/kernel/NewEvent"
import { Category } from "@daybook/kernel/StreamId"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const fields = ["category", "type", "actor"] as const

type Field = (typeof fields)[number]

/** A condition, or a word that is none. */
export interface Condition {
  readonly field: Field
  readonly isNot: boolean
  readonly value: string
}

export interface LogFilter {
  readonly conditions: ReadonlyArray<Condition>
  /** The words that are no condition. */
  readonly unknown: ReadonlyArray<string>
}

const condition = /^(not:|-)?(category|type|actor):(.+)$/

/** Parses a text of words with blanks between. */
export const parseFilter = (text: string): LogFilter => {
  const conditions: Array<Condition> = []
  const unknown: Array<string> = []
  for (const word of text.split(/\s+/)) {
    if (word === "") continue
    const [, not, name, value = ""] = condition.exec(word) ?? []
    const field = fields.find((one) => one === name)
    if (field === undefined || !isValue(field, value)) unknown.push(word)
    else conditions.push({ field, isNot: not !== undefined, value })
  }
  return { conditions, unknown }
}

const isValue = (field: Field, value: string): boolean =>
  field === "actor"
    ? value.length <= 200
    : Option.isSome(Schema.decodeUnknownOption(field === "category" ? Category : EventType)(value))

/** Says why words are no conditions; undefined if there is none of them. */
export const sayUnknown = ({ unknown }: LogFilter): string | undefined =>
  unknown.length === 0
    ? undefined
    : `Not understood: ${unknown.join(" ")}. A condition is category:, type: or actor: with a value.`

/** Returns the text of conditions. */
export const sayFilter = (conditions: ReadonlyArray<Condition>): string =>
  conditions.map(({ field, isNot, value }) => `${isNot ? "not:" : ""}${field}:${value}`).join(" ")

const valuesOf = (filter: LogFilter, field: Field, isNot: boolean): ReadonlyArray<string> =>
  filter.conditions
    .filter((one) => one.field === field && one.isNot === isNot)
    .map(({ value }) => value)

const some = <Name extends string, A>(name: Name, values: ReadonlyArray<A>) =>
  (values.length === 0 ? {} : { [name]: values }) as { readonly [_ in Name]?: ReadonlyArray<A> }

/** Returns the filter as the API takes it. */
export const queryOf = (filter: LogFilter) => ({
  ...some(
    "category",
    valuesOf(filter, "category", false).map((value) => Category.make(value))
  ),
  ...some(
    "type",
    valuesOf(filter, "type", false).map((value) => EventType.make(value))
  ),
  ...some("actor", valuesOf(filter, "actor", false)),
  ...some(
    "notCategory",
    valuesOf(filter, "category", true).map((value) => Category.make(value))
  ),
  ...some(
    "notType",
    valuesOf(filter, "type", true).map((value) => EventType.make(value))
  ),
  ...some("notActor", valuesOf(filter, "actor", true))
})
