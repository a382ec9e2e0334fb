/**
 * The request headers of commands, and what they mean for a command.
 */
import { CommandId } from "@daybook/kernel/CommandId"
import * as Revision from "@daybook/kernel/Revision"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import type { Caller } from "../Authenticator.ts"

/** A label that is recorded: printable ASCII, so that no log or terminal takes it for more. */
const Label = Schema.String.check(
  Schema.isPattern(/^[ -~]{1,200}$/, { expected: "1 to 200 printable ASCII characters" })
)

export const isLabel = Schema.is(Label)

const IdempotencyKey = Schema.String.check(
  Schema.isPattern(/^(?:[!#-~]{1,200}|"[!#-~]{1,200}")$/, {
    expected: "1 to 200 visible ASCII characters, with or without quotes around them"
  })
).annotate({
  description:
    "Identifies the command of this caller: sent again with the same key, it takes effect once."
})

export const ETag = Schema.String.check(
  Schema.isPattern(/^"\d{1,15}"$/, { expected: 'a revision in quotes, such as "7"' })
)

export const CommandHeaders = {
  "idempotency-key": Schema.optionalKey(IdempotencyKey),
  "x-command-id": Schema.optionalKey(
    CommandId.annotate({
      description:
        "The id of the command itself, in place of a key, from a caller with the permission import."
    })
  ),
  "if-match": Schema.optionalKey(
    Schema.Union([ETag, Schema.Literal("*")]).annotate({
      description: "The revision that the stream must have, as an ETag; * means that it exists."
    })
  ),
  "if-none-match": Schema.optionalKey(
    Schema.Literal("*").annotate({ description: "The instance must not exist." })
  ),
  "x-correlation-id": Schema.optionalKey(Label),
  "x-causation-id": Schema.optionalKey(Label),
  "x-occurred-at": Schema.optionalKey(
    Schema.DateTimeUtc.annotate({
      description: "The time of what an importer reports; the time of the host when absent."
    })
  ),
  tracestate: Schema.optionalKey(Schema.String)
}

/** The decoded headers of a command. */
export interface Headers {
  readonly "idempotency-key"?: string
  readonly "x-command-id"?: CommandId
  readonly "if-match"?: string
  readonly "if-none-match"?: "*"
  readonly "x-correlation-id"?: string
  readonly "x-causation-id"?: string
  readonly "x-occurred-at"?: DateTime.Utc
  readonly tracestate?: string
}

/** Returns the key without its quotes: both spellings are one key. */
export const keyOf = (headers: Headers): string | undefined =>
  headers["idempotency-key"]?.replaceAll('"', "")

export const etagOf = (revision: Revision.Revision): string => `"${revision}"`

export const expectedOf = (headers: Headers): ExpectedRevision.ExpectedRevision => {
  const match = headers["if-match"]
  if (headers["if-none-match"] !== undefined) return ExpectedRevision.noStream
  if (match === undefined) return ExpectedRevision.any
  return match === "*"
    ? ExpectedRevision.exists
    : ExpectedRevision.exactly(Revision.make(Number(match.slice(1, -1))))
}

/** Returns the metadata of the events that a request leads to. */
export const metadataOf = (headers: Headers, caller: Caller | undefined) => ({
  ...(headers["x-correlation-id"] === undefined
    ? {}
    : { correlationId: headers["x-correlation-id"] }),
  ...(headers["x-causation-id"] === undefined ? {} : { causationId: headers["x-causation-id"] }),
  // The W3C has receivers drop what they can't read.
  ...(/^[ -~]{1,512}$/.test(headers.tracestate ?? "") ? { tracestate: headers.tracestate } : {}),
  ...(caller === undefined ? {} : { actor: caller.actor })
})
