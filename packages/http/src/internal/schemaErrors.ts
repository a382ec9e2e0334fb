/**
 * The faults that a schema finds, as problems.
 */
import * as Effect from "effect/Effect"
import type * as HttpApiError from "effect/http-api/HttpApiError"
import type * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { Broken, Malformed } from "../Problem.ts"

/** Reports every fault of a request, and refuses a field that the schema does not know. */
export const STRICT = { errors: "all", onExcessProperty: "error" } as const

/** The faults of a request are its sender's; an answer that can't be encoded is the host's. */
export const ofSchemaError = (
  error: HttpApiError.HttpApiSchemaError
): Effect.Effect<never, Broken | Malformed> =>
  error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.andThen(Effect.logError("An answer can't be encoded", error.cause), new Broken())
    : Effect.fail(malformedPart(error.kind.toLowerCase(), error.cause))

/** Returns the problem of a part of a request, with the path of every fault in it. */
export const malformedPart = (part: string, { issue }: Schema.SchemaError): Malformed =>
  new Malformed({
    errors: issuesOf(issue).issues.map(({ message, path = [] }) => ({
      path: [part, ...path.map(segment)],
      message
    }))
  })

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const segment = (of: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof of === "object" ? of.key : of
  return typeof key === "number" ? key : String(key)
}
