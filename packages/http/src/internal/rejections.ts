/**
 * The rejections of an aggregate as problems.
 */
import * as HttpApiError from "effect/http-api/HttpApiError"
import type * as Schema from "effect/Schema"
import type { Rejected, RejectionStatus } from "../AggregateApi.ts"

type Problem<Rejection> = Schema.Codec<Rejected<Rejection>, unknown>

export interface Rejections<Rejection> {
  /** The schemas of both statuses. */
  readonly problems: readonly [Problem<Rejection>, Problem<Rejection>]
  readonly of: (rejection: Rejection) => Rejected<Rejection>
}

export const make = <Rejection>({
  rejection,
  status = () => 409
}: {
  readonly rejection: Schema.Codec<Rejection, unknown>
  readonly status?: (rejection: Rejection) => RejectionStatus
}): Rejections<Rejection> => {
  const Conflict = problem(409, rejection)
  const Unprocessable = problem(422, rejection)
  return {
    problems: [Conflict, Unprocessable],
    of: (given) => {
      const Class = status(given) === 409 ? Conflict : Unprocessable
      // An error says in words what its facts are.
      const detail = given instanceof Error && given.message !== "" ? given.message : undefined
      return new Class({ rejection: given, ...(detail === undefined ? {} : { detail }) })
    }
  }
}

const problem = <Rejection>(
  status: RejectionStatus,
  rejection: Schema.Codec<Rejection, unknown>
): Problem<Rejection> &
  (new (facts: {
    readonly rejection: Rejection
    readonly detail?: string
  }) => Rejected<Rejection>) =>
  // The class has the type of a rejection that is known to its caller only.
  class Rejected extends HttpApiError.Problem<Rejected>()(
    "Rejected",
    { type: "urn:daybook:problem:rejected", status, title: "The command was rejected" },
    { rejection }
  ) {}
