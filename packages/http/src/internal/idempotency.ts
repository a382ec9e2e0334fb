/**
 * An `Idempotency-Key` as the identity of a command, and the digest that tells two commands with
 * the same key apart.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"

/** The field of the custom metadata that holds the digest of the request. */
export const FIELD = "requestDigest"

/**
 * Derives the command id of a key. Each caller has keys of its own, and no key of a request is the
 * id of a command that a program in the process executes.
 */
export const commandId = (
  actor: string | undefined,
  key: string
): Effect.Effect<CommandId.CommandId, never, Digest.Digest> =>
  Effect.map(sha256(`daybook Idempotency-Key ${canonical([actor ?? null, key])}`), uuidOf)

/**
 * Returns the digest of the JSON of a command and its caller, whatever the order of its fields. It
 * is of the JSON as it came, so that a later schema with other defaults leaves it as it was.
 */
export const digest = (
  actor: string | undefined,
  received: Schema.Json
): Effect.Effect<string, never, Digest.Digest> =>
  // 128 bits: no other body of a client meets them by accident.
  Effect.map(sha256(canonical([actor ?? null, received])), (hex) => hex.slice(0, 32))

const sha256 = (text: string) =>
  Digest.Digest.use(({ digestHex }) => digestHex(Digest.sha256, new TextEncoder().encode(text)))

/** A UUID of version 8, whose bits are the digest's. */
const uuidOf = (hex: string): CommandId.CommandId =>
  CommandId.make(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-` +
      `${"89ab"[parseInt(hex.slice(16, 17), 16) % 4]}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  )

const canonical = (value: Schema.Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(",")}}`
}
