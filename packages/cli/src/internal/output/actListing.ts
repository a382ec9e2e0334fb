/**
 * Administrative acts in the formats of the output.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { Listing } from "./listing.ts"

/** The fields that acts on read models and on consumer groups share. */
interface Act {
  readonly act: string
  readonly at: DateTime.Utc
  readonly login: Option.Option<string>
  readonly actor: Option.Option<string>
  readonly reason: Option.Option<string>
  readonly details: Readonly<Record<string, Schema.Json>>
}

export const acts: Listing<Act> = {
  columns: [
    { title: "at", of: ({ at }) => DateTime.formatIso(at) },
    { title: "act", of: ({ act }) => act },
    { title: "login", of: ({ login }) => Option.getOrElse(login, () => "") },
    { title: "actor", of: ({ actor }) => Option.getOrElse(actor, () => "") },
    { title: "reason", of: ({ reason }) => Option.getOrElse(reason, () => "") },
    { title: "details", of: ({ details }) => JSON.stringify(details) }
  ],
  id: ({ act }) => act,
  json: ({ act, actor, at, details, login, reason }) => ({
    act,
    at: DateTime.formatIso(at),
    login: Option.getOrNull(login),
    actor: Option.getOrNull(actor),
    reason: Option.getOrNull(reason),
    details
  })
}
