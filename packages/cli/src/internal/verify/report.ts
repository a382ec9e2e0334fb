/**
 * The answers of checks: what is well, what is wrong and where, and what was not checked.
 */
import type * as Schema from "effect/Schema"
import type { Listing } from "../output/listing.ts"

export interface Check {
  readonly check: string
  readonly outcome: "well" | "fault" | "not checked"
  readonly detail: string
  /** Facts about the first fault, for programs. */
  readonly at?: Readonly<Record<string, Schema.Json>> | undefined
}

export const well = (check: string, detail: string): Check => ({ check, outcome: "well", detail })

export const fault = (check: string, detail: string, at?: Check["at"]): Check => ({
  check,
  outcome: "fault",
  detail,
  at
})

export const unchecked = (check: string, detail: string): Check => ({
  check,
  outcome: "not checked",
  detail
})

export const listing: Listing<Check> = {
  columns: [
    { title: "outcome", of: ({ outcome }) => outcome },
    { title: "check", of: ({ check }) => check },
    { title: "detail", of: ({ detail }) => detail }
  ],
  id: ({ check }) => check,
  json: ({ at, check, detail, outcome }) => ({
    check,
    outcome,
    detail,
    ...(at === undefined ? {} : { at })
  })
}
