/**
 * The faults that a restore, a copy or an operator may have left in a log.
 */
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import * as Effect from "effect/Effect"
import { type Check, fault, well } from "./report.ts"

export const check = Effect.map(PostgresHealth.check, (findings): ReadonlyArray<Check> =>
  findings.length === 0
    ? [well("health", "triggers, sequence, id and settings of the log are as migrations make them")]
    : findings.map((finding) => fault("health", PostgresHealth.describe(finding)))
)
