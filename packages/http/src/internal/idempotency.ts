/**
 * The identity of a command by its `Idempotency-Key` or `X-Command-Id`, and the digest that tells
 * two commands with the same identity apart.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as Digest from "effect/crypto/Digest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"

/** The field of the custom metadata that holds the digest of the request. */
export const FIELD = "requestDigest"

/** A command with the facts that tell it from others. */
export interface Identified<out R> {
  /** The key that the caller chose, unless it names the id itself. */
  readonly key: string | undefined
  readonly commandId: CommandId.CommandId | undefined
  readonly actor: string | undefined
  /** The JSON as it came, so that a later schema with other defaults leaves its digest. */
  readonly received: Effect.Effect<Schema.Json, never, R>
  /** The time that an importer states. */
  readonly occurredAt: DateTime.Utc | undefined
}

/** The id of a command and the digest of its content; undefined if it has neither key nor id. */
export const identityOf = Effect.fnUntraced(function* <R>(sent: Identified<R>) {
  const { actor, commandId, key } = sent
  if (commandId !== undefined) {
    // Its digest leaves the caller out: another one may send the same command.
    return { commandId, digest: yield* digest(undefined, yield* contentOf(sent)) }
  }
  return key === undefined
    ? undefined
    : {
        commandId: yield* commandIdOf(actor, key),
        digest: yield* digest(actor, yield* contentOf(sent))
      }
})

/**
 * Derives the command id of a key. Each caller has keys of its own, and no key of a request is the
 * id of a command that a program in the process executes.
 */
const commandIdOf = (actor: string | undefined, key: string) =>
  Effect.map(sha256(`daybook Idempotency-Key ${canonical([actor ?? null, key])}`), uuidOf)

const contentOf = <R>({ occurredAt, received }: Identified<R>) =>
  Effect.map(received, (json): ReadonlyArray<Schema.Json> =>
    occurredAt === undefined ? [json] : [json, DateTime.formatIso(occurredAt)]
  )

/** Returns the digest of a command, whatever the order of its fields. */
const digest = (actor: string | undefined, content: ReadonlyArray<Schema.Json>) =>
  // 128 bits: no other body of a client meets them by accident.
  Effect.map(sha256(canonical([actor ?? null, ...content])), (hex) => hex.slice(0, 32))

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
