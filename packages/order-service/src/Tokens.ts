/**
 * The callers of a shop, by their tokens.
 *
 * A line has an actor, its permissions and its token; lines that begin with `#` are comments:
 *
 * ```text
 * priya     command,read,log          u2TZ...
 * importer  command,import,read,log   9fVq...
 * ```
 *
 * @since 0.1.0
 */
import { Actor, Authenticator, type Caller, Permission } from "@daybook/http/Authenticator"
import * as Arr from "effect/Array"
import * as Digest from "effect/crypto/Digest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import process from "node:process"

/** The least length of a token: 32 letters and digits are beyond any guessing. */
const MIN_LENGTH = 32

/**
 * A line of tokens is wrong. It holds no text of the line, which has a secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidTokens extends Data.TaggedError("InvalidTokens")<{
  /** Counted from 1. */
  readonly line: number
  readonly problem: string
}> {
  override get message() {
    return `tokens, line ${this.line}: ${this.problem}`
  }
}

/**
 * Others may read the file of tokens, and it is not a secret that an orchestrator mounts.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokensOpenToOthers extends Data.TaggedError("TokensOpenToOthers")<{
  readonly path: string
}> {
  override get message() {
    return `others may read the tokens in ${this.path}: chmod 600 ${this.path}`
  }
}

/**
 * A caller with its secret.
 *
 * @category types
 * @since 0.1.0
 */
export interface Token {
  readonly caller: Caller
  readonly secret: Redacted.Redacted
}

const decodeActor = Schema.decodeUnknownOption(Actor)
const decodePermissions = Schema.decodeUnknownOption(Schema.Array(Permission))

/**
 * Reads tokens from text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (
  text: Redacted.Redacted
): Result.Result<Arr.NonEmptyReadonlyArray<Token>, InvalidTokens> => {
  const tokens: Array<Token> = []
  const seen = new Set<string>()
  for (const [index, content] of Redacted.value(text).split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(content)) continue
    const fail = (problem: string) => Result.fail(new InvalidTokens({ line: index + 1, problem }))
    const [name, rights, secret, ...rest] = content.trim().split(/\s+/)
    if (secret === undefined || rest.length > 0) {
      return fail("expected an actor, permissions and a token, with blanks between")
    }
    const actor = decodeActor(name)
    if (Option.isNone(actor)) return fail("the actor can't be recorded")
    const permissions = decodePermissions(rights?.split(","))
    if (Option.isNone(permissions)) {
      return fail(`the permissions are not among ${Permission.literals.join(",")}`)
    }
    if (!/^[\w.~+/-]+=*$/.test(secret) || secret.length < MIN_LENGTH) {
      return fail(`a token is ${MIN_LENGTH} or more letters, digits and -._~+/`)
    }
    if (seen.has(secret)) return fail("the token is that of a line above")
    seen.add(secret)
    tokens.push({
      caller: { actor: actor.value, permissions: new Set(permissions.value) },
      secret: Redacted.make(secret)
    })
  }
  return Arr.isReadonlyArrayNonEmpty(tokens)
    ? Result.succeed(tokens)
    : Result.fail(new InvalidTokens({ line: 1, problem: "there is no token" }))
}

/**
 * Returns true if a file of secrets is closed to others.
 *
 * **Details**
 * A file of this user is closed if its mode has no rights for others. An orchestrator mounts a
 * secret as a file of another user, often for all in the container to read. Its mode is not for
 * this user to choose, so a file that is neither this user's nor writable counts as closed.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isClosed = (file: {
  readonly mode: number
  /** True if the file belongs to the user of this process, or has no owner that could be known. */
  readonly isOwn: boolean
  readonly isWritable: boolean
}): boolean => (file.mode & 0o077) === 0 || (!file.isOwn && !file.isWritable)

/**
 * Reads the text of a file that {@link isClosed}.
 *
 * @category operations
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const { mode, uid } = yield* fs.stat(path)
  const user = process.getuid?.()
  const isOwn = Option.isNone(uid) || user === undefined || uid.value === user
  const isWritable = yield* Effect.isSuccess(fs.access(path, { writable: true }))
  if (!isClosed({ mode, isOwn, isWritable })) return yield* new TokensOpenToOthers({ path })
  return Redacted.make(yield* fs.readFileString(path))
})

/**
 * Knows callers by the digests of their tokens.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (tokens: ReadonlyArray<Token>): Layer.Layer<Authenticator> =>
  Layer.effect(
    Authenticator,
    Effect.gen(function* () {
      const { digestHex } = yield* Digest.Digest
      const digest = (secret: Redacted.Redacted) =>
        digestHex(Digest.sha256, new TextEncoder().encode(Redacted.value(secret)))
      const callers = new Map<string, Caller>()
      for (const { caller, secret } of tokens) callers.set(yield* digest(secret), caller)
      return Authenticator.of({
        authenticate: ({ secret }) =>
          Effect.map(digest(secret), (found) => Option.fromUndefinedOr(callers.get(found)))
      })
    })
  ).pipe(Layer.provide(Digest.layerWebCrypto))
