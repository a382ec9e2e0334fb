/**
 * The problems of the errors of stores.
 */
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { InvalidStreamId } from "@daybook/kernel/StreamId"
import type { CommandError, LoadError } from "@daybook/store/CommandHandler"
import type {
  AppendRefused,
  InvalidReadOption,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Effect from "effect/Effect"
import type { Permission } from "../Authenticator.ts"
import {
  Broken,
  Busy,
  Forbidden,
  KeyReused,
  type Malformed,
  malformed,
  NotRecordable,
  passing,
  TooLarge,
  Unavailable,
  unavailable,
  WrongRevision
} from "../Problem.ts"

/** A repetition of a command without a key might record it twice: nothing asks for one. */
const unknownOutcome = (cause: { readonly message: string }) =>
  Effect.andThen(
    Effect.logWarning("The store failed", cause.message),
    Effect.fail(
      new Unavailable({
        detail:
          "The outcome is unknown: read the state before you send the command again, since it has no Idempotency-Key"
      })
    )
  )

/** Names the permission in the text for people too. */
export const forbidden = (permission: Permission) =>
  new Forbidden({ permission, detail: `The caller lacks the permission ${permission}` })

/** A fault of the host's own code or log. */
const broken = (error: EventDecodeError | EventEncodeError) =>
  Effect.andThen(Effect.logError("A request failed", error.message), new Broken())

export type LoadProblem = Malformed | Broken | Busy | Unavailable

export const ofLoadError = (
  error: LoadError | InvalidReadOption
): Effect.Effect<never, LoadProblem> => {
  switch (error._tag) {
    case "InvalidStreamId":
      return invalidId(error)
    case "InvalidReadOption":
      return Effect.fail(malformed(["query"], error.message))
    case "Overloaded":
      return passing(new Busy())
    case "EventDecodeError":
      return broken(error)
    case "EventStoreError":
      return unavailable(error)
  }
}

const invalidId = (error: InvalidStreamId) => Effect.fail(malformed(["params", "id"], error.issue))

export type CommandProblem = LoadProblem | WrongRevision | KeyReused | NotRecordable | TooLarge

/** The facts of a command that decide how the client may repeat it. */
interface Sent {
  /** True for a command with an identity, by a key or by its id. */
  readonly isRepeatable: boolean
  readonly expected: ExpectedRevision.ExpectedRevision
}

export const ofCommandError = (
  error: CommandError,
  { expected, isRepeatable }: Sent
): Effect.Effect<never, CommandProblem> => {
  switch (error._tag) {
    case "EventEncodeError":
      return broken(error)
    case "WrongExpectedRevision":
      return ofConflict(error, expected)
    case "EventIdConflict":
      return Effect.fail(new KeyReused())
    case "AppendRefused":
      return ofRefusal(error)
    case "EventStoreError":
      return isRepeatable ? unavailable(error) : unknownOutcome(error)
    default:
      return ofLoadError(error)
  }
}

/** A client whose precondition holds did nothing wrong: other writers won too often. */
const ofConflict = (
  { actual }: WrongExpectedRevision,
  expected: ExpectedRevision.ExpectedRevision
) =>
  ExpectedRevision.isMet(expected, actual)
    ? passing(new Busy({ detail: "Other writers of the stream were faster, too many times" }))
    : Effect.fail(new WrongRevision({ actual }))

const ofRefusal = ({ message, reason }: AppendRefused) => {
  switch (reason._tag) {
    case "TooLarge":
    case "AppendTooLarge":
    case "TooManyEvents":
      return Effect.fail(new TooLarge({ limit: reason.limit, detail: message }))
    default:
      return Effect.fail(new NotRecordable({ detail: message }))
  }
}
