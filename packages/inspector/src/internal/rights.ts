/**
 * The values that a caller sees: those that its permissions grant, and others for the asking.
 */
import { type Caller, CurrentCaller, type Permission } from "@daybook/http/Authenticator"
import * as Effect from "effect/Effect"

/** The values of an answer: `log` for those of events, `read` for states and rows. */
type Values = Extract<Permission, "log" | "read">

/** A host that asks for no credential lets everyone do everything. */
export const grants = (caller: Caller | undefined, permission: Permission): boolean =>
  caller === undefined || caller.permissions.has(permission)

export interface Shown {
  readonly events: boolean
  readonly rows: boolean
}

/**
 * Returns which values to show. Those that the permissions of the caller don't grant are shown only
 * if the request asks for them, which is recorded in the log of the host with `what`.
 */
export const shown = (
  needed: ReadonlyArray<Values>,
  show: boolean | undefined,
  what: Readonly<Record<string, unknown>>
): Effect.Effect<Shown> =>
  Effect.gen(function* () {
    const caller = yield* CurrentCaller
    const lacking = needed.filter((permission) => !grants(caller, permission))
    const asked = show === true
    if (asked && lacking.length > 0) {
      yield* Effect.logInfo("The inspector showed values").pipe(
        Effect.annotateLogs({ actor: caller?.actor, lacking: lacking.join(), ...what })
      )
    }
    const sees = (values: Values) => (asked && needed.includes(values)) || grants(caller, values)
    return { events: sees("log"), rows: sees("read") }
  })
